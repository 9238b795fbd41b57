import type { Listing } from '../../console/query.ts';
import type { PageRead, Record } from '../../console/record.ts';
import { HeavyPageError } from '../../errors.ts';
import { epoch, shift, type Timestamp } from '../../kit/time.ts';
import type { Cursor } from '../cursor.ts';
import { cursorAfterPage, openListing } from './position.ts';
import { idleAfter, type Recovery, recover, stalled, withoutToken } from './recovery.ts';

/** A page of records to deliver, and the function that acknowledges it. */
export interface ListedPage {
  /** Empty where only the way in which the listing continues has changed. */
  readonly records: readonly Record[];
  /** The console's clock when the page was requested; meaningless without records. */
  readonly sentAt: Timestamp;
  readonly oddities: Oddities;
  /** Where the listing continues after this page. Save the cursor that `ack` returns: it counts idle pages too. */
  readonly cursor: Cursor;
  /** No page follows in this turn. A cursor without a listing says that the listing has ended too. */
  readonly endsTurn: boolean;
  /** The page was too slow or too large, so it has no records, and a smaller one follows. The caller throws this if none does. */
  readonly heavy: HeavyPageError | undefined;
  /**
   * Call it once, after every record is delivered. The cursor is then kept, or left to the caller if the page ends the turn, so
   * that the records are not read again. Answers that cursor.
   * @param fresh how many of the records were not delivered before
   * @param isRemembered false if the cursor has to stay, because a kill would lose what the poll remembers
   */
  readonly ack: (fresh: number, isRemembered?: boolean) => Promise<Cursor>;
}

/** What is odd about a page, but no error. */
export interface Oddities {
  /** The console's clock minus ours; 0 where it is not known. */
  readonly skewMs: number;
  /** Records that are older than what was requested. */
  readonly unasked: number;
  /** It holds next to nothing, and is not the last one. */
  readonly isSmall: boolean;
}

/** Where pages come from. */
export interface PageSource {
  page(listing: Listing, limit: number, signal: AbortSignal): Promise<PageRead>;
  /** The most records that one page can have; absent: as many as requested. */
  readonly pageSize?: number;
}

export interface Reading {
  readonly overlapMs: number;
  /** Takes one of the page requests that are left; false if there is none. Called once for each page after the first. */
  readonly takeRequest: () => boolean;
  /**
   * Saves the cursor of a page that is acknowledged, except of the page that ends the turn: the caller saves that one. A
   * page before an error does not end the turn. Without a cursor, it only renews the claim.
   */
  readonly commit: (cursor: Cursor | undefined) => Promise<void>;
}

/**
 * The pages of a listing from where the cursor stands, at least one. While a page is being delivered, the next one is
 * requested; leaving the loop aborts that request. Throws what `source` throws, unless the listing can continue, after
 * every page before it.
 */
export async function* pages(
  start: Cursor,
  source: PageSource,
  reading: Reading,
): AsyncGenerator<ListedPage, void> {
  const stopped = new AbortController();
  const request = (cursor: Cursor): Promise<Fetched> => {
    const fetched = fetchPage(cursor, source, reading.overlapMs, stopped.signal);
    // It may fail while the page before it is being delivered; it is awaited, and thrown, after that.
    fetched.catch(() => {});
    return fetched;
  };
  let { idle } = openListing(start, reading.overlapMs);
  try {
    for (let next: Promise<Fetched> | undefined = request(start); next !== undefined; ) {
      const fetched: Fetched = await next;
      const { records, sentAt, oddities, heavy, isHalved, listing, release } = fetched;
      const { cursor, error } = stalled(withIdle(fetched.cursor, idle), reading.overlapMs) ?? fetched;
      const endsTurn: boolean =
        error === undefined && (cursor.listing === undefined || !reading.takeRequest());
      next = endsTurn || error !== undefined ? undefined : request(cursor);
      const ack = async (fresh: number, isRemembered = true) => {
        if (!isHalved) idle = idleAfter({ ...listing, idle }, records, fresh, cursor);
        const kept = withIdle(cursor, idle);
        if (!endsTurn) await reading.commit(isRemembered ? kept : undefined);
        release?.();
        return kept;
      };
      yield { records, sentAt, oddities, heavy, cursor, endsTurn, ack };
      if (error !== undefined) throw error;
    }
  } finally {
    stopped.abort();
  }
}

function withIdle(cursor: Cursor, idle: Listing['idle']): Cursor {
  return cursor.listing === undefined ? cursor : { ...cursor, listing: { ...cursor.listing, idle } };
}

interface Fetched extends Recovery {
  readonly records: readonly Record[];
  readonly sentAt: Timestamp;
  readonly oddities: Oddities;
  readonly heavy: HeavyPageError | undefined;
  /** A smaller page is requested instead of this one. */
  readonly isHalved: boolean;
  /** The listing whose page was requested. */
  readonly listing: Listing;
  readonly release: (() => void) | undefined;
}

/** One request: its page, or how the listing continues after an error. */
async function fetchPage(
  given: Cursor,
  source: PageSource,
  overlapMs: number,
  signal: AbortSignal,
): Promise<Fetched> {
  const cursor = { ...given, limit: Math.min(given.limit, source.pageSize ?? given.limit) };
  const listing = openListing(cursor, overlapMs);
  try {
    const page = await source.page(listing, cursor.limit, signal);
    const next = cursorAfterPage(cursor, listing, page, overlapMs);
    const repeated = next.listing?.token !== undefined && next.listing.token === listing.token;
    const after: Recovery = repeated ? withoutToken(next, next.listing, overlapMs) : { cursor: next };
    const { records, release } = page;
    const sentAt = shift(page.sentAt, page.aheadMs ?? 0);
    const oddities = odditiesOf(page, listing, cursor.limit);
    return {
      ...after,
      records,
      sentAt,
      oddities,
      release,
      listing,
      heavy: undefined,
      isHalved: false,
    };
  } catch (error) {
    const recovery = recover(cursor, listing, error, overlapMs);
    if (recovery === undefined) throw error;
    const heavy = error instanceof HeavyPageError ? error : undefined;
    const isHalved = recovery.cursor.limit < cursor.limit;
    const nothing = { records: [], sentAt: epoch, oddities: none, release: undefined };
    return { ...nothing, ...recovery, listing, heavy, isHalved };
  }
}

const none: Oddities = { skewMs: 0, unasked: 0, isSmall: false };

/** A page of fewer records is small, unless few were requested. */
const smallPage = 10;

/** Consoles may round the time that was requested. */
const roundingMs = 60_000;

function odditiesOf({ records, next, skewMs = 0 }: PageRead, { from }: Listing, limit: number): Oddities {
  const oldest = shift(from, -roundingMs);
  return {
    skewMs,
    // From the epoch on nothing is requested by its time.
    unasked: from === epoch ? 0 : records.filter(({ time }) => time !== undefined && time < oldest).length,
    isSmall: next !== undefined && records.length < Math.min(smallPage, limit / 2),
  };
}
