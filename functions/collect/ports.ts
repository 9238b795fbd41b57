import type { LedgerHour, LedgerRow } from '../health/receipt.ts';
import type { Change, Status } from '../health/status.ts';
import type { CursorKey } from '../instances/ports.ts';
import type { Timestamp } from '../kit/time.ts';
import type { StoredCursor } from './cursor.ts';
import type { HourCounts } from './ledger/hour-counts.ts';

export interface CursorItem {
  /** When the collector first saw the instance; fixed at the first claim. */
  readonly firstSeenAt: Timestamp;
  /** Undefined before the first commit. Not validated. */
  readonly cursor: unknown;
  readonly status: Partial<Status>;
  /** When the claim expires, in milliseconds since 1970; undefined if it was released. */
  readonly claimUntil?: number | undefined;
}

/** An exclusive right to write one cursor item, until `until`, or later until another run takes it. */
export interface Claim extends CursorKey {
  readonly run: string;
}

export interface Save {
  /** Undefined leaves the stored cursor unchanged. */
  readonly cursor?: StoredCursor;
  /** Replaces the whole status; undefined leaves it unchanged. */
  readonly status?: Partial<Status>;
  /** Renews the claim until this time (milliseconds since 1970); undefined releases it. */
  readonly claimUntil: number | undefined;
}

/** The memory and the counts for the ledger. They are written together, so that they always agree. */
export interface KeptMemory {
  readonly memory: Uint8Array;
  readonly counts: HourCounts;
}

/** A memory, and the run that wrote it; undefined if a version before 1.0.0 did. */
export interface StoredMemory extends KeptMemory {
  readonly writer: string | undefined;
}

export interface Memories {
  /** Returns the memory of this lineage of the cursor, or undefined if there is none. */
  readMemory(key: CursorKey, lineage: string): Promise<StoredMemory | undefined>;
  /**
   * Throws ClaimLostError, and writes nothing, if another run has written the memory since it was read: a run whose claim has
   * expired must not overwrite what its successor remembers.
   * @param writer who had written the memory that was read; undefined if none was there
   */
  writeMemory(key: Claim, lineage: string, kept: KeptMemory, writer: string | undefined): Promise<void>;
}

/** The storage of the ledger. */
export interface Ledger {
  /** Writes these hours of one stream of an instance; what is known of other hours stays. */
  write(key: CursorKey, hours: readonly LedgerHour[], checkedAt: number): Promise<void>;
  /** What is known of an hour; undefined if nothing is. */
  read(key: CursorKey, hour: Timestamp): Promise<LedgerRow | undefined>;
  /** Adds a change of state to the history. */
  append(change: Change): Promise<void>;
}

export interface Cursors extends Memories {
  /** Returns the items that exist, by instance. They may be slightly out of date. */
  read(stream: string, instances: readonly string[]): Promise<Map<string, CursorItem>>;
  /**
   * Takes the claim if it is absent, expired or held by this run. Returns undefined if another run holds it.
   * @param killedRuns stored in the status until the next status is saved
   */
  claim(claim: Claim, now: number, until: number, killedRuns?: number): Promise<CursorItem | undefined>;
  /** Throws ClaimLostError, and writes nothing, if this run no longer holds the claim. */
  save(claim: Claim, save: Save): Promise<void>;
}
