import type { Page } from './answer.ts';
import { type PageToken, writePageToken } from './page-token.ts';
import type { Query } from './query.ts';
import { compareIds, compareValues, type Store, type StoredRecord } from './store.ts';

/** Returns whether a record comes after the position of a page token. */
function follows(store: Store, { field, value, key }: PageToken): (record: StoredRecord) => number {
  const kind = store.stream.fields[field]?.kind ?? 'text';
  return (record) => compareValues(kind, record.values[field] ?? null, value) || compareIds(record.key, key);
}

/** Reads one page of a stream. A full page has a next page token, so a listing can end with an empty page. */
export function readPage(store: Store, query: Query): Page {
  const { limit, skip, sortBy, descending, after } = query;
  const ascending = store.sortedBy(sortBy);
  const accepted = (descending ? ascending.toReversed() : ascending).filter((record) =>
    query.accepts.every((accepts) => accepts(record)),
  );

  const place = after && follows(store, after);
  const remaining = place
    ? accepted.filter((record) => (descending ? place(record) < 0 : place(record) > 0))
    : accepted.slice(skip);
  const records = query.countOnly ? [] : remaining.slice(0, limit);

  const last = records.at(-1);
  const nextCursor =
    last && records.length === limit
      ? writePageToken({ field: sortBy, value: last.values[sortBy] ?? null, key: last.key })
      : null;
  const counted = Math.min(accepted.length, store.stream.totalCap ?? Number.POSITIVE_INFINITY);
  const total = query.skipCount && !query.countOnly ? {} : { totalItems: after ? 0 : counted };
  return { records: records.map(({ text }) => text), pagination: { nextCursor, ...total } };
}
