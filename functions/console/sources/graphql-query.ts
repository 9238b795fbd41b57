import type { Instance } from '../../instances/instance.ts';
import { epoch, roundedDown, roundedUp, type Timestamp, toMs } from '../../kit/time.ts';
import type { GraphqlStream } from '../../streams/stream.ts';

/** The names that a schema uses for the parts of a request. The vendor's own clients differ here. */
export interface Spelling {
  /** The argument with the filters: a list, or a choice of lists. */
  readonly filters: 'filters' | 'orFilter';
  readonly sort: 'sort' | 'sorts';
  readonly ascending: string;
  /** The comparator of times, and its fields. */
  readonly range: string;
  readonly from: string;
  readonly until: string;
  /** Additional fields say whether its ends are included. */
  readonly isExplicit: boolean;
  /** Times are in ISO 8601, instead of milliseconds since 1970. */
  readonly isIso: boolean;
}

export const usualSpelling: Spelling = {
  filters: 'filters',
  sort: 'sort',
  ascending: 'ASC',
  range: 'dateTimeRange',
  from: 'start',
  until: 'end',
  isExplicit: true,
  isIso: false,
};

/** The bounds of a listing. */
export interface Bounds {
  readonly from: Timestamp;
  /** Excluded. */
  readonly createdFrom?: Timestamp | undefined;
  readonly createdBefore?: Timestamp | undefined;
}

/** A query, with the path of the field that may be left out on each of its lines. */
export interface Query {
  readonly text: string;
  readonly fields: ReadonlyMap<number, string>;
}

/** Returns the query for a page. The page information comes first, so that no malformed node can hide it. */
export function pageQuery(
  stream: GraphqlStream,
  instance: Instance,
  bounds: Bounds,
  spelling: Spelling,
  leftOut: readonly string[],
): Query {
  const isLeftOut = (field: string) => leftOut.some((one) => field === one || field.startsWith(`${one}.`));
  const lines = [
    'query Page($first: Int, $after: String) {',
    `  ${stream.connection}(first: $first, after: $after, ${argumentsOf(stream, instance, bounds, spelling)}) {`,
    '    pageInfo { hasNextPage endCursor }',
    '    edges {',
    '      node {',
  ];
  const fields = new Map<number, string>();
  // Records without an id or a time could not be told apart, so these are not left out.
  const needed = new Set([stream.id, stream.time].map((path) => path.join('.')));
  const open: string[] = [];
  for (const field of stream.fields.filter((one) => !isLeftOut(one))) {
    const parents = field.split('.').slice(0, -1);
    while (open.some((name, i) => parents[i] !== name)) {
      open.pop();
      lines.push('}');
    }
    for (const name of parents.slice(open.length)) {
      open.push(name);
      lines.push(`${name} {`);
      fields.set(lines.length, open.join('.'));
    }
    lines.push(field.slice(field.lastIndexOf('.') + 1));
    if (!needed.has(field)) fields.set(lines.length, field);
  }
  return { text: [...lines, ...open.map(() => '}'), '      }', '    }', '  }', '}'].join('\n'), fields };
}

/**
 * Returns the query for the number of records.
 * @param more another field of `Query` with what is requested of it, unless it is left out
 */
export function countQuery(
  stream: GraphqlStream,
  instance: Instance,
  bounds: Bounds,
  spelling: Spelling,
  leftOut: readonly string[],
  more: readonly [name: string, selection: string] | undefined,
): Query {
  const lines = [
    'query Count($first: Int) {',
    `  ${stream.connection}(first: $first, ${argumentsOf(stream, instance, bounds, spelling)}) { totalCount }`,
  ];
  const fields = new Map<number, string>();
  if (more !== undefined && !leftOut.includes(more[0])) {
    lines.push(more.join(' '));
    fields.set(lines.length, more[0]);
  }
  return { text: [...lines, '}'].join('\n'), fields };
}

function argumentsOf(
  { orderedBy, timeDigits }: GraphqlStream,
  instance: Instance,
  { from, createdFrom, createdBefore }: Bounds,
  spelling: Spelling,
): string {
  const filters = [
    // A filter on time would exclude the records of an inventory that have no time.
    ...(from === epoch ? [] : [range(orderedBy, roundedDown(from, timeDigits), undefined, spelling)]),
    ...(createdBefore === undefined
      ? []
      : [range('createdAt', createdFrom, roundedUp(createdBefore, timeDigits), spelling)]),
  ].join(', ');
  const sort = `{ by: "${orderedBy}", order: ${spelling.ascending} }`;
  return [
    filters === ''
      ? ''
      : spelling.filters === 'filters'
        ? `filters: [${filters}]`
        : `orFilter: { or: [{ and: [${filters}] }] }`,
    spelling.sort === 'sort' ? `sort: ${sort}` : `sorts: [${sort}]`,
    scopeOf(instance),
  ]
    .filter((argument) => argument !== '')
    .join(', ');
}

function range(
  fieldId: string,
  from: Timestamp | undefined,
  until: Timestamp | undefined,
  { range, from: lower, until: upper, isExplicit, isIso }: Spelling,
): string {
  const time = (ms: number) => (isIso ? JSON.stringify(new Date(ms).toISOString()) : String(ms));
  // If a schema does not say whether the start is included, it may be excluded.
  const start = from === undefined ? undefined : time(toMs(from) - (isExplicit ? 0 : 1));
  const end = until === undefined ? undefined : time(toMs(until));
  const bounds = [
    start && `${lower}: ${start}`,
    start && isExplicit && `${lower}Inclusive: true`,
    end && `${upper}: ${end}`,
    end && isExplicit && `${upper}Inclusive: false`,
  ];
  return `{ fieldId: "${fieldId}", ${range}: { ${bounds.filter(Boolean).join(', ')} } }`;
}

/** A scope has one type. If there are several kinds of ids, only the narrowest is used. */
function scopeOf({ accountIds, siteIds, groupIds }: Instance): string {
  const all = [
    ['GROUP', groupIds],
    ['SITE', siteIds],
    ['ACCOUNT', accountIds],
  ] as const;
  const [type, ids] = all.find(([, ids]) => ids.length > 0) ?? [];
  return ids === undefined ? '' : `scope: { scopeIds: ${JSON.stringify(ids)}, scopeType: ${type} }`;
}
