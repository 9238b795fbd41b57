import type { Listing } from '../../console/query.ts';
import type { PageRead } from '../../console/record.ts';
import { earlier, epoch, later, shift } from '../../kit/time.ts';
import { type Cursor, largestLimit } from '../cursor.ts';

/** Trying a larger page too early costs a page's time-out. */
const roomyPagesToGrow = 100;

/** The cursor's own listing, or a new one that reads the overlap again. */
export function openListing(cursor: Cursor, overlapMs: number): Listing {
  if (cursor.listing !== undefined) return cursor.listing;
  const from = shift(cursor.position, -overlapMs);
  return { from, began: undefined, read: from, token: undefined, ordered: true, sorted: true };
}

/** The cursor once every record of this page is delivered; without a listing when it was the last page. */
export function cursorAfterPage(cursor: Cursor, listing: Listing, page: PageRead, overlapMs: number): Cursor {
  const began = listing.began ?? page.sentAt;
  // By the console's own clock, which its records have their times of: it may be ahead of ours.
  const mostMs = overlapMs + (page.aheadMs ?? 0);
  const horizon = shift(page.sentAt, mostMs);
  // A time in the console's future is a mistake, not progress: it would end the listing, or step over the rest.
  const times = page.records.flatMap(({ time }) => (time !== undefined && time <= horizon ? [time] : []));
  let { read } = listing;
  let [ordered, sorted] = [listing.ordered && !page.unordered, listing.sorted && !page.unordered];
  // Within the overlap, the position stays where it was.
  let highest = later(read, cursor.position);
  for (const time of times) {
    if (time < read) {
      sorted = false;
      if (highest > epoch && time < shift(highest, -overlapMs)) ordered = false;
    }
    highest = later(highest, time);
    read = time;
  }
  const paging = page.isolated ? { limit: largestLimit, roomyPages: 0 } : pagingAfter(cursor, page.roomy);
  // Records that keep changing could hold a listing at the live edge for ever.
  const liveEdge = shift(began, mostMs);
  const overtaken = ordered && times.length > 0 && times.every((time) => time > liveEdge);
  if (page.next === undefined || overtaken) {
    // A page without a date is taken for an older one. Versions before the overlap of the position are forgotten already.
    return { ...cursor, ...paging, position: later(cursor.position, began), listing: undefined };
  }
  return {
    ...cursor,
    ...paging,
    position: ordered ? later(cursor.position, earlier(highest, began)) : cursor.position,
    listing: { ...listing, began, read, token: page.next, ordered, sorted },
  };
}

/** Pages grow again at a console that was slow for a while; one that is always slow loses little by each attempt. */
function pagingAfter({ limit, roomyPages }: Cursor, roomy: boolean): Pick<Cursor, 'limit' | 'roomyPages'> {
  if (limit === largestLimit || !roomy) return { limit, roomyPages: 0 };
  if (roomyPages + 1 < roomyPagesToGrow) return { limit, roomyPages: roomyPages + 1 };
  return { limit: Math.min(largestLimit, limit * 2), roomyPages: 0 };
}
