import type { Status } from '../health/status.ts';
import type { CursorKey } from '../instances/ports.ts';
import type { Timestamp } from '../kit/time.ts';
import type { StoredCursor } from './cursor.ts';
import type { HourCounts } from './hour-counts.ts';

/** A cursor item without its claim. */
export interface CursorItem {
  /** When this collector first saw the instance; fixed at the first claim. */
  readonly firstSeenAt: Timestamp;
  /** Undefined before the first commit; not validated. */
  readonly cursor: unknown;
  readonly status: Partial<Status>;
  /** When the claim lapses, milliseconds since 1970; undefined where it was released. */
  readonly claimUntil?: number | undefined;
}

/** A right to write one cursor item, until `until` or until another run takes it after that. */
export interface Claim extends CursorKey {
  /** The run that holds it. */
  readonly run: string;
}

export interface Save {
  /** Undefined leaves the stored cursor as it is. */
  readonly cursor?: StoredCursor;
  /** Replaces the whole status; undefined leaves it as it is. */
  readonly status?: Partial<Status>;
  /** Renews the claim until then (milliseconds since 1970); undefined gives it up. */
  readonly claimUntil: number | undefined;
}

/** The memory and the counts of an audit: written together, so that what is remembered is what was counted. */
export interface KeptMemory {
  readonly memory: Uint8Array;
  readonly counts: HourCounts;
}

/** Where memories are kept. */
export interface Memories {
  /** What was kept for this lineage of the cursor; undefined if there is nothing. */
  readMemory(key: CursorKey, lineage: string): Promise<KeptMemory | undefined>;
  writeMemory(key: CursorKey, lineage: string, kept: KeptMemory): Promise<void>;
}

export interface Cursors extends Memories {
  /** The items that exist, by instance; may be a moment old. */
  read(stream: string, instances: readonly string[]): Promise<Map<string, CursorItem>>;
  /**
   * Takes the claim if it is absent, lapsed or this run's own; undefined if another run has it.
   * @param killedRuns counted in the status until a status is saved
   */
  claim(claim: Claim, now: number, until: number, killedRuns?: number): Promise<CursorItem | undefined>;
  /** Throws ClaimLostError where the claim is no longer this run's, and then writes nothing. */
  save(claim: Claim, save: Save): Promise<void>;
}
