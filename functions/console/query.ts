import type { Instance } from '../instances/instance.ts';
import { present } from '../kit/json.ts';
import { epoch, type Timestamp } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';

/** The parameters of the listing's next request; the same filters and sort go with every page token. */
export function queryOf(
  stream: Stream,
  instance: Instance,
  listing: Listing,
  limit: number,
): { [name: string]: string } {
  const list = (values: readonly string[]) => (values.length > 0 ? values.join(',') : undefined);
  return present({
    ...stream.query,
    limit: String(limit),
    sortBy: stream.orderedBy,
    sortOrder: 'asc',
    skipCount: 'true',
    // A filter on time would leave out the records of an inventory that have none.
    [`${stream.orderedBy}__gte`]: listing.from === epoch ? undefined : listing.from,
    [`${stream.orderedBy}__lt`]: listing.until,
    ...(listing.createdBefore !== undefined && { createdAt__lt: listing.createdBefore }),
    accountIds: list(instance.accountIds),
    siteIds: list(instance.siteIds),
    groupIds: list(instance.groupIds),
    cursor: listing.token,
  });
}

/** A listing of its own for a stretch that is read again. */
export function boundedListing(from: Timestamp, until: Timestamp): Listing {
  return { from, until, began: undefined, read: from, token: undefined, ordered: true, sorted: true };
}

/** One reading of a stream from a position to its end, over one or several runs. */
export interface Listing {
  /** The lower bound that all its requests carry, so that its page tokens stay good. */
  readonly from: Timestamp;
  /** An upper bound, for an hour that is read again; a stream's own listing has none, for it would starve records. */
  readonly until?: Timestamp;
  /** For a replay: only records that were created before. */
  readonly createdBefore?: Timestamp;
  /** The console's clock when the first request that it answered was sent; undefined before that. */
  readonly began: Timestamp | undefined;
  /** The last timestamp read; `from` at first. */
  readonly read: Timestamp;
  /** Asks for the next page; undefined for the first one from `from`. */
  readonly token: string | undefined;
  /** False once timestamps went back by more than the overlap: then nothing but the end moves the position. */
  readonly ordered: boolean;
  /** False once timestamps went back at all: then what was read last is not all there was before it. */
  readonly sorted: boolean;
  /** Absent after a page that brought something new. */
  readonly idle?: Idle | undefined;
}

/** Pages in a row of a listing that brought nothing new. */
export interface Idle {
  /** How many; a page of repeats at one timestamp counts less. */
  readonly pages: number;
  /** As they were before these pages. */
  readonly read: Timestamp;
  readonly ordered: boolean;
  readonly sorted: boolean;
}
