import type { Listing } from '../console/query.ts';
import type { PageRead, Record } from '../console/record.ts';
import { HeavyPageError } from '../errors.ts';
import { epoch, type Timestamp } from '../kit/time.ts';
import type { Cursor } from './cursor.ts';
import { advance, openListing, type Setback, setback, withoutToken } from './listing.ts';

/** What to deliver, and the cursor to commit once it is. */
export interface Step {
  /** Empty where the step only changes how the listing goes on. */
  readonly records: readonly Record[];
  /** The console's clock when the page was asked for; of no meaning without records. */
  readonly sentAt: Timestamp;
  readonly cursor: Cursor;
  /** Nothing follows in this turn. */
  readonly last: boolean;
  /** Why there are no records, where a smaller page is to be tried: an error, if that is where the run ends. */
  readonly heavy: HeavyPageError | undefined;
}

export interface Reading {
  readonly overlapMs: number;
  readonly fetch: (listing: Listing, limit: number, signal: AbortSignal) => Promise<PageRead>;
  /** Whether another page may be asked for; asked once for each. */
  readonly goOn: () => boolean;
}

/**
 * The pages of a listing from where the cursor stands, at least one. While a page is being delivered the next one is
 * fetched; whoever stops early also stops that request. Throws what `fetch` throws and the listing can't mend, after
 * every page before it was handed out.
 */
export async function* pages(start: Cursor, reading: Reading): AsyncGenerator<Step, void> {
  const stopped = new AbortController();
  const ask = (cursor: Cursor): Promise<Attempt> => {
    const answer = attempt(cursor, reading, stopped.signal);
    // It may fail while the page before it is being delivered; it is awaited, and thrown, after that.
    answer.catch(() => {});
    return answer;
  };
  try {
    for (let ahead: Promise<Attempt> | undefined = ask(start); ahead !== undefined; ) {
      const { error, ...step }: Attempt = await ahead;
      const last: boolean = error === undefined && (step.cursor.listing === undefined || !reading.goOn());
      ahead = last || error !== undefined ? undefined : ask(step.cursor);
      yield { ...step, last };
      if (error !== undefined) throw error;
    }
  } finally {
    stopped.abort();
  }
}

type Attempt = Omit<Step, 'last'> & Setback;

/** One request, and what the cursor becomes by its answer or by an error that the listing can mend. */
async function attempt(cursor: Cursor, { overlapMs, fetch }: Reading, signal: AbortSignal): Promise<Attempt> {
  const listing = openListing(cursor, overlapMs);
  try {
    const page = await fetch(listing, cursor.limit, signal);
    const next = advance(cursor, listing, page, overlapMs);
    const repeated = next.listing?.token !== undefined && next.listing.token === listing.token;
    const after = repeated ? withoutToken(next, next.listing, overlapMs) : { cursor: next };
    return { records: page.records, sentAt: page.sentAt, heavy: undefined, ...after };
  } catch (error) {
    const mended = setback(cursor, listing, error, overlapMs);
    if (mended === undefined) throw error;
    return {
      records: [],
      sentAt: epoch,
      heavy: error instanceof HeavyPageError ? error : undefined,
      ...mended,
    };
  }
}
