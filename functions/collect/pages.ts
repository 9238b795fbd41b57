import type { Listing } from '../console/query.ts';
import type { PageRead, Record } from '../console/record.ts';
import { HeavyPageError } from '../errors.ts';
import { epoch, shift, type Timestamp } from '../kit/time.ts';
import type { Cursor } from './cursor.ts';
import { advance, openListing, type Recovery, recover, withoutToken } from './listing.ts';

/** Records to deliver, and the right to acknowledge them. */
export interface Page {
  /** Empty where only the way in which the listing continues has changed. */
  readonly records: readonly Record[];
  /** The console's clock when the page was requested; meaningless without records. */
  readonly sentAt: Timestamp;
  /** Where the listing continues after this page. */
  readonly cursor: Cursor;
  /** No page of these follows. */
  readonly last: boolean;
  /** Why there are no records, where a smaller page is requested next: an error, if there is no time for that. */
  readonly heavy: HeavyPageError | undefined;
  /** Call it once, after every record is delivered: from then on they are not read again. */
  readonly ack: () => Promise<void>;
}

/** Where pages come from. */
export interface PageSource {
  page(listing: Listing, limit: number, signal: AbortSignal): Promise<PageRead>;
}

export interface Reading {
  readonly overlapMs: number;
  /** Whether another page may be requested; called once for each. */
  readonly mayContinue: () => boolean;
  /** Keeps the cursor of a page that is acknowledged. */
  readonly commit: (cursor: Cursor, last: boolean) => Promise<void>;
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
): AsyncGenerator<Page, void> {
  const stopped = new AbortController();
  const request = (cursor: Cursor): Promise<Response> => {
    const response = respond(cursor, source, reading.overlapMs, stopped.signal);
    // It may fail while the page before it is being delivered; it is awaited, and thrown, after that.
    response.catch(() => {});
    return response;
  };
  try {
    for (let next: Promise<Response> | undefined = request(start); next !== undefined; ) {
      const { records, sentAt, heavy, cursor, error, release }: Response = await next;
      const last: boolean = error === undefined && (cursor.listing === undefined || !reading.mayContinue());
      next = last || error !== undefined ? undefined : request(cursor);
      const ack = async () => {
        await reading.commit(cursor, last);
        release?.();
      };
      yield { records, sentAt, heavy, cursor, last, ack };
      if (error !== undefined) throw error;
    }
  } finally {
    stopped.abort();
  }
}

interface Response extends Recovery {
  readonly records: readonly Record[];
  readonly sentAt: Timestamp;
  readonly heavy: HeavyPageError | undefined;
  readonly release: (() => void) | undefined;
}

/** One request: its page, or how the listing continues after an error. */
async function respond(
  cursor: Cursor,
  source: PageSource,
  overlapMs: number,
  signal: AbortSignal,
): Promise<Response> {
  const listing = openListing(cursor, overlapMs);
  try {
    const page = await source.page(listing, cursor.limit, signal);
    const next = advance(cursor, listing, page, overlapMs);
    const repeated = next.listing?.token !== undefined && next.listing.token === listing.token;
    const after: Recovery = repeated ? withoutToken(next, next.listing, overlapMs) : { cursor: next };
    const { records, release } = page;
    const sentAt = shift(page.sentAt, page.aheadMs ?? 0);
    return { records, sentAt, release, heavy: undefined, cursor: after.cursor, error: after.error };
  } catch (error) {
    const recovery = recover(cursor, listing, error, overlapMs);
    if (recovery === undefined) throw error;
    const heavy = error instanceof HeavyPageError ? error : undefined;
    const nothing = { records: [], sentAt: epoch, release: undefined };
    return { ...nothing, heavy, cursor: recovery.cursor, error: recovery.error };
  }
}
