import {
  type DocumentNode,
  type FieldNode,
  GraphQLError,
  type GraphQLSchema,
  getArgumentValues,
  getVariableValues,
  Kind,
  parse,
  type SelectionSetNode,
  validate,
} from 'graphql';
import type { Answer } from '../answer.ts';
import { compareIds, compareValues, type Store, type StoredRecord } from '../store.ts';
import type { ListFilter } from '../streams.ts';
import { type SchemaOptions, schemaOf, sdlOf } from './schema.ts';
import { type Selection, selected } from './selected.ts';

export interface GraphqlOptions extends SchemaOptions {
  /** False: the account has no Singularity Operations Center. */
  optedIn?: boolean;
  /** As servers in Java or in JavaScript write their errors. */
  words?: 'java' | 'javascript';
  /** The most nodes of a page. */
  mostNodes?: number;
}

type Arguments = Readonly<Record<string, unknown>>;

const answer = (body: string): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body,
});

/** Errors of GraphQL come with HTTP 200. */
const failed = (errors: readonly object[]): Answer => answer(JSON.stringify({ errors, data: null }));

/** The unified alerts of a console over GraphQL. Nodes are sent as their own texts, without fields that were not requested. */
export function createGraphql(store: Store, options: GraphqlOptions) {
  const { optedIn = true, words = 'java', mostNodes = 1000 } = options;
  const sdl = sdlOf(options);
  const schema = schemaOf(options);

  const refuse = (errors: readonly GraphQLError[], document?: DocumentNode): Answer =>
    failed(errors.map((error) => (words === 'java' ? inJava(error, document) : error.toJSON())));

  return {
    schema: (): Answer => ({ status: 200, headers: { 'content-type': 'text/plain' }, body: sdl }),

    /** @param sees lists of ids that the token's user is limited to */
    answer(body: string, sees: Record<string, string[]> = {}): Answer {
      if (!optedIn)
        return failed([
          {
            message: 'The account has not opted in to the Singularity Operations Center.',
            extensions: { code: 'FORBIDDEN' },
          },
        ]);
      try {
        const { query, variables = {} } = JSON.parse(body);
        const document = parse(String(query));
        const invalid = validate(schema, document);
        if (invalid.length > 0) return refuse(invalid, document);
        return run(schema, document, variables, (field, given) =>
          resolve(store, field, given, sees, mostNodes),
        );
      } catch (error) {
        if (error instanceof GraphQLError) return refuse([error]);
        if (error instanceof SyntaxError) return failed([{ message: 'The body is not JSON.' }]);
        throw error;
      }
    },
  };
}

function run(
  schema: GraphQLSchema,
  document: DocumentNode,
  given: Record<string, unknown>,
  resolveField: (field: FieldNode, given: Arguments) => string,
): Answer {
  const operation = document.definitions.find((one) => one.kind === Kind.OPERATION_DEFINITION);
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new GraphQLError('There is no operation.');
  const { coerced, errors } = getVariableValues(schema, operation.variableDefinitions ?? [], given);
  if (errors !== undefined) throw errors[0];
  const fields = fieldsOf(operation.selectionSet).map((field) => {
    const definition = schema.getQueryType()?.getFields()[field.name.value];
    if (definition === undefined) throw new GraphQLError('unknown');
    return `"${field.alias?.value ?? field.name.value}":${resolveField(field, getArgumentValues(definition, field, coerced))}`;
  });
  return answer(`{"data":{${fields.join(',')}}}`);
}

const fieldsOf = (selection: SelectionSetNode | undefined) =>
  (selection?.selections ?? []).filter((one): one is FieldNode => one.kind === Kind.FIELD);

/** As JSON. */
function resolve(
  store: Store,
  field: FieldNode,
  given: Arguments,
  sees: Record<string, string[]>,
  mostNodes: number,
): string {
  if (field.name.value === 'alertsViewDataAvailability') return availability(store);
  const { first = 50, after } = given as { first?: number; after?: string };
  if (first < 1 || first > mostNodes)
    throw new GraphQLError(`Argument 'first' must be between 1 and ${mostNodes}.`);
  const accepts = acceptedBy(store, given, sees);
  const [{ by, order }] = [given.sorts ?? given.sort ?? { by: 'createdAt', order: 'DESC' }].flat() as [
    { by: string; order: string },
  ];
  const kind = store.stream.fields[by]?.kind;
  if (kind === undefined) throw new GraphQLError(`Unknown fieldId: ${by}`);
  const all = (order === 'ASC' ? store.sortedBy(by) : store.sortedBy(by).toReversed()).filter((record) =>
    accepts.every((accept) => accept(record)),
  );
  const place = after === undefined ? undefined : readCursor(after);
  const from = place
    ? all.findIndex((record) => {
        const distance =
          compareValues(kind, record.values[by] ?? null, place.value) || compareIds(record.key, place.key);
        return order === 'ASC' ? distance > 0 : distance < 0;
      })
    : 0;
  const rows = from < 0 ? [] : all.slice(from, from + first);
  const cursorOf = (record: StoredRecord) => writeCursor(record.values[by] ?? null, record.key);
  const last = rows.at(-1);
  const parts: Record<string, () => string> = {
    totalCount: () => String(all.length),
    pageInfo: () => {
      const hasNextPage = from >= 0 && from + rows.length < all.length;
      const info = JSON.stringify({ hasNextPage, endCursor: last === undefined ? null : cursorOf(last) });
      return selected(info, selectionOf(fieldOf(field, 'pageInfo')?.selectionSet) ?? new Map());
    },
    edges: () => {
      const requested = selectionOf(fieldOf(field, 'edges')?.selectionSet) ?? new Map();
      const edgeOf = (row: StoredRecord) => [
        ...(requested.has('node')
          ? [`"node":${selected(row.text, requested.get('node') ?? new Map())}`]
          : []),
        ...(requested.has('cursor') ? [`"cursor":"${cursorOf(row)}"`] : []),
      ];
      return `[${rows.map((row) => `{${edgeOf(row)}}`)}]`;
    },
  };
  return `{${fieldsOf(field.selectionSet).map(({ name }) => `"${name.value}":${parts[name.value]?.()}`)}}`;
}

function selectionOf(set: SelectionSetNode | undefined): Selection | undefined {
  if (set === undefined) return undefined;
  return new Map(fieldsOf(set).map((field) => [field.name.value, selectionOf(field.selectionSet)]));
}

const fieldOf = (field: FieldNode, name: string) =>
  fieldsOf(field.selectionSet).find((one) => one.name.value === name);

const views = ['ALL', 'ENDPOINT', 'IDENTITY', 'STAR', 'CLOUD', 'THIRD_PARTY'] as const;

const viewOf = ({ values }: StoredRecord): (typeof views)[number] => {
  const { detectionProduct: product } = values;
  if (product === 'EDR') return 'ENDPOINT';
  if (product === 'CWS') return 'CLOUD';
  return product === 'STAR' ? 'STAR' : product === 'Identity' ? 'IDENTITY' : 'THIRD_PARTY';
};

function availability(store: Store): string {
  const found = new Set<string>(store.sortedBy('id').map(viewOf));
  if (found.size > 0) found.add('ALL');
  const viewDataAvailability = views.map((viewType) => ({ viewType, dataAvailable: found.has(viewType) }));
  return JSON.stringify({ viewDataAvailability });
}

interface Filter {
  fieldId: string;
  isNegated?: boolean;
  stringEqual?: { value?: string };
  stringIn?: { values: string[] };
  dateTimeRange?: { start?: unknown; startInclusive?: boolean; end?: unknown; endInclusive?: boolean };
  dateRange?: { from?: unknown; to?: unknown };
}

type Accepts = (record: StoredRecord) => boolean;

function acceptedBy(store: Store, given: Arguments, sees: Record<string, string[]>): Accepts[] {
  const {
    filters,
    orFilter,
    scope,
    viewType = 'ALL',
  } = given as {
    filters?: Filter[];
    orFilter?: { or: { and: Filter[] }[] };
    scope?: { scopeIds: string[]; scopeType: string };
    viewType?: string;
  };
  const alternatives = orFilter?.or.map(({ and }) => and.map((one) => accepting(store, one)));
  const limits = Object.entries(sees).map(([list, ids]): Accepts => {
    const { field } = store.stream.listFilters[list] as ListFilter;
    return ({ values }) => ids.includes(String(values[field]));
  });
  const scopes: Record<string, string> = { ACCOUNT: 'accountId', SITE: 'siteId', GROUP: 'groupId' };
  const scopeField = scopes[scope?.scopeType ?? ''];
  return [
    ...(filters ?? []).map((one) => accepting(store, one)),
    ...(alternatives === undefined
      ? []
      : [(record: StoredRecord) => alternatives.some((all) => all.every((accept) => accept(record)))]),
    ...limits,
    ...(scopeField === undefined
      ? []
      : [({ values }: StoredRecord) => scope?.scopeIds.includes(String(values[scopeField])) ?? false]),
    ...(viewType === 'ALL' ? [] : [(record: StoredRecord) => viewOf(record) === viewType]),
  ];
}

/** An unknown value of an enum matches nothing, and is no error. */
function accepting(store: Store, filter: Filter): Accepts {
  const { fieldId, isNegated = false, stringEqual, stringIn, dateTimeRange, dateRange } = filter;
  const field = store.stream.fields[fieldId];
  if (field === undefined) throw new GraphQLError(`Unknown fieldId: ${fieldId}`);
  const comparators = [stringEqual, stringIn, dateTimeRange, dateRange].filter((one) => one !== undefined);
  if (comparators.length !== 1) throw new GraphQLError(`Exactly one comparator is needed for ${fieldId}`);
  const range =
    dateTimeRange ?? (dateRange && { start: dateRange.from, end: dateRange.to, startInclusive: false });
  if (range === undefined) {
    const wanted = stringIn?.values ?? [stringEqual?.value];
    return ({ values }) => wanted.includes(values[fieldId] as string) !== isNegated;
  }
  if (field.kind !== 'time') throw new GraphQLError(`${fieldId} takes no range`);
  const {
    start = 0,
    end = Number.MAX_SAFE_INTEGER / 1000,
    startInclusive = true,
    endInclusive = true,
  } = range;
  const [from, until] = [Number(start) * 1000, Number(end) * 1000];
  return ({ values }) => {
    const at = values[fieldId];
    // A record without the time passes: leaving it out would hide it.
    if (typeof at !== 'number') return true;
    const isIn = (startInclusive ? at >= from : at > from) && (endInclusive ? at <= until : at < until);
    return isIn !== isNegated;
  };
}

const writeCursor = (value: string | number | null, key: string) =>
  Buffer.from(JSON.stringify([value, key])).toString('base64');

function readCursor(text: string): { value: string | number | null; key: string } {
  try {
    const [value, key] = JSON.parse(Buffer.from(text, 'base64').toString());
    if (typeof key === 'string') return { value, key };
  } catch {
    // As below.
  }
  throw new GraphQLError('Invalid cursor');
}

/** As graphql-java writes errors of validation. */
function inJava(error: GraphQLError, document: DocumentNode | undefined): object {
  const { message, locations } = error.toJSON();
  const [node] = error.nodes ?? [];
  const path = document && node ? pathTo(document, node).join('/') : '';
  const [, field, type] = /^Cannot query field "(\w+)" on type "(\w+)"/.exec(message) ?? [];
  const extensions = { classification: 'ValidationError' };
  if (field !== undefined) {
    const words = `Validation error (FieldUndefined@[${path}]) : Field '${field}' in type '${type}' is undefined`;
    return { message: words, locations, extensions };
  }
  if (document === undefined) return { message, locations };
  return { message: `Validation error (WrongType@[${path}]) : ${message}`, locations, extensions };
}

/** The names of the fields that lead to a node. */
function pathTo(document: DocumentNode, target: object): string[] {
  const search = (selection: SelectionSetNode | undefined, path: string[]): string[] | undefined => {
    for (const field of fieldsOf(selection)) {
      const here = [...path, field.name.value];
      const isInside =
        field === target || JSON.stringify(field.arguments ?? []).includes(JSON.stringify(target));
      const found = field === target || isInside ? here : search(field.selectionSet, here);
      if (found) return found;
    }
    return undefined;
  };
  for (const definition of document.definitions)
    if (definition.kind === Kind.OPERATION_DEFINITION) {
      const found = search(definition.selectionSet, []);
      if (found) return found;
    }
  return [];
}
