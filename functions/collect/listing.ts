import type { Listing } from '../console/query.ts';
import type { PageRead } from '../console/record.ts';
import { HeavyPageError, RefusedRequestError, StuckListingError } from '../errors.ts';
import { earlier, epoch, later, shift, type Timestamp } from '../kit/time.ts';
import { type Cursor, largestLimit } from './cursor.ts';

/** A try that fails costs a page's time-out. */
const roomyPagesToGrow = 100;

/** The listing to go on with: the cursor's own, or a new one that reads the overlap again. */
export function openListing(cursor: Cursor, overlapMs: number): Listing {
  if (cursor.listing !== undefined) return cursor.listing;
  const from = shift(cursor.position, -overlapMs);
  return { from, began: undefined, read: from, token: undefined, ordered: true, sorted: true };
}

/** The cursor once every record of this page is delivered; without a listing when it was the last page. */
export function advance(cursor: Cursor, listing: Listing, page: PageRead, overlapMs: number): Cursor {
  const began = listing.began ?? page.sentAt;
  const horizon = shift(page.sentAt, overlapMs);
  // A time in the console's future is a mistake, not progress: it would end the listing, or step over the rest.
  const times = page.records.flatMap(({ time }) => (time !== undefined && time <= horizon ? [time] : []));
  let { read, ordered, sorted } = listing;
  // The position is the highest so far, or before that the end of the overlap.
  let highest = later(read, cursor.position);
  for (const time of times) {
    if (time < read) {
      sorted = false;
      if (highest > epoch && time < shift(highest, -overlapMs)) ordered = false;
    }
    highest = later(highest, time);
    read = time;
  }
  const paging = pagingAfter(cursor, page.roomy);
  // Records that keep changing could hold a listing at the live edge for ever.
  const liveEdge = shift(began, overlapMs);
  const overtaken = ordered && times.length > 0 && times.every((time) => time > liveEdge);
  if (page.next === undefined || overtaken) {
    return { ...cursor, ...paging, position: began, listing: undefined };
  }
  return {
    ...cursor,
    ...paging,
    position: ordered ? later(cursor.position, earlier(highest, began)) : cursor.position,
    listing: { ...listing, began, read, token: page.next, ordered, sorted },
  };
}

/** A console that was slow for a while gets its large pages back; one that always is loses little by each try. */
function pagingAfter({ limit, roomyPages }: Cursor, roomy: boolean): Pick<Cursor, 'limit' | 'roomyPages'> {
  if (limit === largestLimit || !roomy) return { limit, roomyPages: 0 };
  if (roomyPages + 1 < roomyPagesToGrow) return { limit, roomyPages: roomyPages + 1 };
  return { limit: Math.min(largestLimit, limit * 2), roomyPages: 0 };
}

/** Where a listing goes on after an error; with `error`, in the next run only. */
export interface Setback {
  readonly cursor: Cursor;
  readonly error?: StuckListingError;
}

/** What the listing itself can mend: a heavy page (ask for half) or a refused page token. Else undefined. */
export function setback(
  cursor: Cursor,
  listing: Listing,
  error: unknown,
  overlapMs: number,
): Setback | undefined {
  if (error instanceof HeavyPageError && cursor.limit > 1) {
    return { cursor: { ...cursor, listing, limit: Math.floor(cursor.limit / 2), roomyPages: 0 } };
  }
  if (error instanceof RefusedRequestError && listing.token !== undefined) {
    return withoutToken(cursor, listing, overlapMs);
  }
  return undefined;
}

/**
 * The same listing without its page token: from the last timestamp read, since all before it was read and all at it
 * is remembered; where timestamps went back, an overlap earlier. Where that leads no further, it starts again from
 * `from` in the next run, for a token that was refused once may be taken then.
 */
export function withoutToken(cursor: Cursor, listing: Listing, overlapMs: number): Setback {
  const goOn = (from: Timestamp): Cursor => ({ ...cursor, listing: { ...listing, from, token: undefined } });
  const next = listing.sorted ? listing.read : shift(listing.read, -overlapMs);
  if (listing.ordered && next > listing.from) return { cursor: goOn(next) };
  const why = listing.ordered
    ? `no timestamp after ${listing.from} was read to go on from`
    : 'its records are not in order of time, so that going on could skip some';
  return {
    cursor: goOn(listing.from),
    error: new StuckListingError(`the console does not take its own page token, and ${why}`),
  };
}
