import { type PageToken, readPageToken } from './page-token.ts';
import { RefusedRequest, refusals } from './refusals.ts';
import type { StoredRecord } from './store.ts';
import type { ListFilter, Stream } from './streams.ts';
import { readTime } from './time.ts';

type Accepts = (record: StoredRecord) => boolean;

export interface Query {
  limit: number;
  skip: number;
  sortBy: string;
  descending: boolean;
  skipCount: boolean;
  countOnly: boolean;
  after?: PageToken;
  accepts: Accepts[];
}

const refuse = (detail: string): never => {
  throw new RefusedRequest(refusals.invalid(detail));
};

function whole(name: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : refuse(`${name}: Must be between ${min} and ${max}.`);
}

function choice<T extends string>(name: string, text: string, choices: readonly T[]): T {
  return choices.find((each) => each === text) ?? refuse(`${name}: "${text}" is not a valid choice.`);
}

const truths = ['true', 'false'] as const;
const flag = (name: string, text: string) => choice(name, text.toLowerCase(), truths) === 'true';

const comparisons: Record<string, (a: number, b: number) => boolean> = {
  gt: (a, b) => a > b,
  gte: (a, b) => a >= b,
  lt: (a, b) => a < b,
  lte: (a, b) => a <= b,
};

/**
 * A record without the time matches, because the vendor's behavior is not known and excluding the record would hide
 * it.
 */
function timeFilter(name: string, field: string, comparison: string, text: string): Accepts {
  const bound = readTime(text) ?? refuse(`${name}: Not a valid datetime.`);
  const holds = comparisons[comparison] ?? refuse(`${name}: Unknown field`);
  return ({ values }) => {
    const at = values[field];
    return typeof at !== 'number' || holds(at, bound);
  };
}

/** Keeps the records whose field is in the list. A missing flag counts as false. */
function listFilter({ field, max, unsent }: ListFilter, name: string, wanted: string[]): Accepts {
  if (wanted.length > max) refuse(`${name}: Longer than maximum length ${max}.`);
  const set = new Set(wanted);
  const missing = unsent ? 'false' : '';
  return ({ values }) => set.has(String(values[field] ?? missing).toLowerCase());
}

const listed = (text: string) => text.split(',').map((each) => each.trim().toLowerCase());

type Reader = (query: Query, text: string, name: string) => void;

/** Returns every parameter of a stream, and how it changes the query. */
function parameters(stream: Stream): Map<string, Reader> {
  const readers = new Map<string, Reader>(
    Object.entries<Reader>({
      limit: (query, text, name) => {
        query.limit = whole(name, text, 1, 1000);
      },
      skip: (query, text, name) => {
        query.skip = whole(name, text, 0, 1000);
      },
      sortBy: (query, text, name) => {
        query.sortBy = choice(name, text, stream.sortBy);
      },
      sortOrder: (query, text, name) => {
        query.descending = choice(name, text, ['asc', 'desc']) === 'desc';
      },
      skipCount: (query, text, name) => {
        query.skipCount = flag(name, text);
      },
      countOnly: (query, text, name) => {
        query.countOnly = flag(name, text);
      },
      cursor: (query, text, name) => {
        // A real console accepts an empty page token and returns the first page again.
        if (text !== '') query.after = readPageToken(text) ?? refuse(`${name}: Invalid cursor.`);
      },
    }),
  );
  for (const field of stream.timeFilters)
    for (const comparison of Object.keys(comparisons))
      readers.set(`${field}__${comparison}`, (query, text, name) =>
        query.accepts.push(timeFilter(name, field, comparison, text)),
      );
  for (const [name, filter] of Object.entries(stream.listFilters))
    readers.set(name, (query, text) => query.accepts.push(listFilter(filter, name, listed(text))));
  for (const name of Object.keys(stream.reveals ?? {}))
    readers.set(name, (_query, text) => {
      flag(name, text);
    });
  return readers;
}

/** The console's defaults for missing parameters. */
function defaults(stream: Stream, sent: URLSearchParams): Accepts[] {
  const lists = Object.entries(stream.listFilters)
    .filter(([name, { unsent }]) => unsent && !sent.has(name))
    .map(([name, filter]) => listFilter(filter, name, filter.unsent ?? []));
  const hidden = Object.entries(stream.reveals ?? {})
    .filter(([name]) => sent.get(name)?.toLowerCase() !== 'true')
    .map(
      ([, field]): Accepts =>
        ({ values }) =>
          values[field] !== 'true',
    );
  return [...lists, ...hidden];
}

/**
 * Reads the parameters of a request, within the scope of a token (`sees`). Throws RefusedRequest for invalid
 * parameters.
 */
export function readQuery(stream: Stream, sent: URLSearchParams, sees: Record<string, string[]> = {}): Query {
  const query: Query = {
    limit: 10,
    skip: 0,
    sortBy: 'id',
    descending: true,
    skipCount: false,
    countOnly: false,
    accepts: defaults(stream, sent),
  };
  const known = parameters(stream);
  for (const [name, wanted] of Object.entries(sees)) {
    const filter = stream.listFilters[name];
    if (filter) query.accepts.push(listFilter(filter, name, wanted));
  }
  for (const [name, text] of sent) (known.get(name) ?? refuse(`${name}: Unknown field`))(query, text, name);
  if (sent.has('sortBy') && !sent.has('sortOrder')) query.descending = false;
  if (query.after && query.after.field !== query.sortBy) refuse('cursor: Does not match the sort.');
  return query;
}
