import type { Instance } from '../instances/instance.ts';
import { present } from '../kit/json.ts';
import { epoch, roundedDown, type Timestamp } from '../kit/time.ts';
import type { RestStream } from '../streams/stream.ts';

/**
 * Returns the parameters of the listing's next request. The filters and the sort order are repeated with every page
 * token.
 */
export function queryOf(
  stream: RestStream,
  instance: Instance,
  listing: Listing,
  limit: number,
): { [name: string]: string } {
  const list = (values: readonly string[]) => (values.length > 0 ? values.join(',') : undefined);
  return present({
    ...stream.query,
    limit: String(limit),
    sortBy: stream.sortBy ?? stream.orderedBy,
    sortOrder: 'asc',
    skipCount: 'true',
    ...(listing.createdFrom !== undefined && { createdAt__gte: listing.createdFrom }),
    // A filter on time would exclude the records of an inventory that have no time.
    [`${stream.orderedBy}__gte`]:
      listing.from === epoch ? undefined : roundedDown(listing.from, stream.timeDigits),
    ...(listing.createdBefore !== undefined && { createdAt__lt: listing.createdBefore }),
    accountIds: list(instance.accountIds),
    siteIds: list(instance.siteIds),
    groupIds: list(instance.groupIds),
    cursor: listing.token,
  });
}

export function listingFrom(from: Timestamp): Listing {
  return { from, began: undefined, read: from, token: undefined, ordered: true, sorted: true };
}

/** A listing of the records that were created from `from` to before `until`, as they are now. */
export function createdListing(from: Timestamp, until: Timestamp): Listing {
  return { ...listingFrom(from), createdFrom: from, createdBefore: until };
}

/** One reading of a stream from a position to its end, over one or several runs. */
export interface Listing {
  /**
   * The lower bound of all its requests. It must not change, because page tokens are only valid with the same
   * filters.
   */
  readonly from: Timestamp;
  /** For an hour that is read again: only records that were created from this time on. */
  readonly createdFrom?: Timestamp;
  /**
   * For such an hour and for a replay: only records that were created before this time. A stream's own listing has no
   * upper bound, because records that keep changing would never be read.
   */
  readonly createdBefore?: Timestamp;
  /** When the first successful request was sent, by the console's clock; undefined before that. */
  readonly began: Timestamp | undefined;
  /** The last timestamp that was read; `from` at first. */
  readonly read: Timestamp;
  /** The token of the next page; undefined for the first page. */
  readonly token: string | undefined;
  /**
   * False after timestamps went back by more than the overlap. Then the position moves only at the end of the
   * listing.
   */
  readonly ordered: boolean;
  /** False after timestamps went back at all. Then older records may still follow. */
  readonly sorted: boolean;
  /** Absent after a page with new records. */
  readonly idle?: Idle | undefined;
}

/** Successive pages of a listing without new records. */
export interface Idle {
  /** The number of pages. A page of repeats at one timestamp counts less. */
  readonly pages: number;
  /** The state before these pages. */
  readonly read: Timestamp;
  readonly ordered: boolean;
  readonly sorted: boolean;
}
