import {
  HeavyPageError,
  PermissionMissingError,
  RateLimitedError,
  RefusedRequestError,
  TokenRefusedError,
  UnreachableError,
} from '../../errors.ts';
import { at, code, type Json, list, text } from '../../kit/json.ts';
import type { Query } from './graphql-query.ts';
import type { Clean } from './source.ts';

/** The schema lacks fields that were requested. */
export class UnknownFieldsError extends RefusedRequestError {
  readonly fields: readonly string[];

  constructor(message: string, fields: readonly string[]) {
    super(message);
    this.fields = fields;
  }
}

/** The schema names arguments or filters differently. */
export class UnknownSpellingError extends RefusedRequestError {}

/** A request whose response has errors. */
export interface Refused {
  readonly host: string;
  readonly path: string;
  readonly connection: string;
  readonly query: Query;
  /** The number of requested nodes. */
  readonly limit: number;
  readonly clean: Clean;
}

type Make = (what: string, words: string) => Error;

const remedies = {
  console: "Retried automatically. If it persists, check SentinelOne's status page or contact its support.",
} as const;

/** Kinds of errors by code and message; the first match counts. The HTTP status is 200 for all of them. */
const kinds: readonly (readonly [says: RegExp, make: Make])[] = [
  [
    /\bUNAUTHENTICATED\b|\b401\b|\bunauthenticated\b|not authenticated|invalid (?:api )?token/i,
    (what, words) => new TokenRefusedError(what, words),
  ],
  [
    /\bFORBIDDEN\b|\bPERMISSION_DENIED\b|\b403\b|access (?:is )?denied|\bpermissions?\b|not authori[sz]ed|\bopt(?:ed|ing)?[ -]?in\b|licen[cs]e/i,
    (what, words) => new PermissionMissingError(what, words),
  ],
  [/\b429\b|rate.?limit|too many requests|throttl/i, (what) => new RateLimitedError(what)],
  [
    /\bfirst\b.*\b(?:most|max\w*|less|exceed\w*|between|greater|larger?|than)\b|\bpage ?size\b|\blimit exceeded\b/i,
    (what) => new HeavyPageError(what),
  ],
  [
    /\b(?:argument|variable|value|for|of) ['"$`]*after\b|\binvalid ['"$`]*after\b|\bcursor\b|page token/i,
    (what) => new RefusedRequestError(what),
  ],
  [
    /\bargument|\bvariable|\binput\b|Input['"\b]|\benum\b|\bliteral\b|WrongType|UnknownArgument|UnknownType|coerc/i,
    (what) => new UnknownSpellingError(what),
  ],
  [
    /\binternal\b|INTERNAL_SERVER_ERROR|DataFetchingException|time(?:d )?.?out|unavailable|try again|exception/i,
    (what) => new UnreachableError(what, remedies.console, undefined, 'console'),
  ],
];

/** Converts a response with errors into an error, with the console's message, cleaned for display. */
export function errorOf(
  errors: readonly Json[],
  { host, path, connection, query, limit, clean }: Refused,
): Error {
  const [first] = errors;
  const words = clean(wordsOf(first));
  const what = `${host} answers to ${path} with an error${words === '' ? '' : `: ${words}`}`;
  const known = new Set(query.fields.values());
  const fields = errors.flatMap((error) => fieldIn(error, connection, query, known));
  if (fields.length > 0) return new UnknownFieldsError(what, [...new Set(fields)]);
  const said = `${codeOf(first)} ${words}`;
  const make = kinds.find(([says]) => says.test(said))?.[1];
  const error = make?.(what, words) ?? new RefusedRequestError(what);
  // No smaller page can be requested.
  return error instanceof HeavyPageError && limit <= 1 ? new RefusedRequestError(what) : error;
}

/** Returns whether each error is about one of the nodes, so that a smaller page may exclude it. */
export function areOfNodes(errors: readonly Json[], connection: string): boolean {
  return errors.every((error) => {
    const [root, edges, index] = list(error, 'path');
    return root === connection && edges === 'edges' && typeof index === 'number';
  });
}

function wordsOf(error: Json | undefined): string {
  return text(error, 'message') ?? [text(error, 'title'), text(error, 'detail')].filter(Boolean).join(' ');
}

function codeOf(error: Json | undefined): string {
  const extensions = at(error, 'extensions');
  return ['code', 'errorType', 'classification', 'status']
    .map((key) => code(extensions, key) ?? '')
    .join(' ')
    .slice(0, 300);
}

/** The messages of two kinds of GraphQL servers for a field that is unknown or has another type. */
const byPath = /\b(?:FieldUndefined|SubselectionNotAllowed|SubselectionRequired)@\[([\w/]{1,500})\]/i;
const byName =
  /Cannot query field ['"](\w{1,100})['"]|Field ['"](\w{1,100})['"] (?:in type ['"]\w{1,100}['"] is undefined|of type|must not have a selection)/i;

/** Returns the requested field of an error: by its path, by its line in the query, or every field of that name. */
function fieldIn(error: Json, connection: string, { fields }: Query, known: ReadonlySet<string>): string[] {
  const words = wordsOf(error).slice(0, 2000);
  const path = byPath.exec(words)?.[1];
  if (path !== undefined) {
    const prefix = `${connection}/edges/node/`;
    const field = (path.startsWith(prefix) ? path.slice(prefix.length) : path).replaceAll('/', '.');
    return known.has(field) ? [field] : [];
  }
  const [, undefinedName, otherName] = byName.exec(words) ?? [];
  const name = undefinedName ?? otherName;
  if (name === undefined) return [];
  const isOfName = (field: string) => field === name || field.endsWith(`.${name}`);
  const [location] = list(error, 'locations');
  const onLine = fields.get(Number(at(location, 'line')));
  return onLine !== undefined && isOfName(onLine) ? [onLine] : [...known].filter(isOfName);
}
