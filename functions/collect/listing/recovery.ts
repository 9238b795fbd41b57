import type { Idle, Listing } from '../../console/query.ts';
import type { PageRead } from '../../console/record.ts';
import { CollectorError, HeavyPageError, MalformedPageError, RefusedRequestError } from '../../errors.ts';
import { shift, type Timestamp } from '../../kit/time.ts';
import type { Cursor } from '../cursor.ts';

/** Where a listing continues after an error; with `error`, not before the next poll. */
export interface Recovery {
  readonly cursor: Cursor;
  readonly error?: CollectorError | undefined;
}

/**
 * After a heavy or malformed page, requests half as many records. After a refused page token, continues without it. Returns
 * undefined after any other error.
 */
export function recover(
  cursor: Cursor,
  listing: Listing,
  error: unknown,
  overlapMs: number,
): Recovery | undefined {
  const isDivisible = error instanceof HeavyPageError || error instanceof MalformedPageError;
  if (isDivisible && cursor.limit > 1) {
    return { cursor: { ...cursor, listing, limit: Math.floor(cursor.limit / 2), roomyPages: 0 } };
  }
  if (error instanceof RefusedRequestError && listing.token !== undefined) {
    return withoutToken(cursor, listing, overlapMs);
  }
  return undefined;
}

/**
 * Returns the listing without its page token. It continues at the last timestamp that was read: everything before it was
 * read, and the records at it are remembered. If timestamps went back, it continues an overlap earlier. If neither is after
 * `from`, the next poll starts again at `from`, because a token that was refused once may be accepted then.
 */
export function withoutToken(
  cursor: Cursor,
  listing: Listing,
  overlapMs: number,
  problem = 'the console does not take its own page token',
): Recovery {
  const goOn = (from: Timestamp): Cursor => ({
    ...cursor,
    listing: { ...listing, from, token: undefined, idle: undefined },
  });
  const next = listing.sorted ? listing.read : shift(listing.read, -overlapMs);
  if (listing.ordered && next > listing.from) return { cursor: goOn(next) };
  const why = listing.ordered
    ? `no timestamp after ${listing.from} was read to go on from`
    : 'its records are not in order of time, so that going on could skip some';
  const error = new CollectorError('unreadable', `${problem}, and ${why}`, {
    name: 'StuckListingError',
    remedy:
      'Nothing is skipped: it is tried again at each poll. If it lasts, report it to SentinelOne support.',
  });
  return { cursor: goOn(listing.from), error };
}

/** After so many pages in a row without a new record, the listing is stuck, whatever its page tokens are. */
const mostIdlePages = 20;

/** So many repeats at one timestamp count as one page, because thousands of records may have the same timestamp. */
const idleRepeats = 1000;

/** The idle pages after a page, by how many of its records were delivered for the first time. */
export function idleAfter(
  before: Listing,
  records: PageRead['records'],
  fresh: number,
  after: Cursor,
): Idle | undefined {
  if (fresh > 0 || after.listing?.token === undefined) return undefined;
  const { read, ordered, sorted, idle } = before;
  const first = { pages: 0, read, ordered, sorted };
  const { pages, ...since } = idle ?? first;
  // In the overlap, repeats are normal, and timestamps advance.
  if (after.listing.read > read) return idle;
  const leadsNowhere = records.length === 0 || after.listing.read < read;
  return { ...since, pages: pages + (leadsNowhere ? 1 : records.length / idleRepeats) };
}

/** The listing that goes on after too many idle pages, as if its page token had been refused; else undefined. */
export function stalled(cursor: Cursor, overlapMs: number): Recovery | undefined {
  const { listing } = cursor;
  if (listing?.token === undefined || listing.idle === undefined || listing.idle.pages < mostIdlePages)
    return undefined;
  const { pages: _, ...beforeIdle } = listing.idle;
  return withoutToken(
    cursor,
    { ...listing, ...beforeIdle },
    overlapMs,
    'its page tokens lead to nothing new',
  );
}
