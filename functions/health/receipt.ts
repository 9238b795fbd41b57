import type { Timestamp } from '../kit/time.ts';

/** How many records that were created in one hour were at each place. */
export interface LedgerHour {
  /** The start of the hour, by the console's clock. */
  readonly hour: Timestamp;
  /** Counted by the console. */
  readonly console: number;
  /** Accepted by the queue, each record once. */
  readonly queue: number;
  /** Of these, the ones that were sent once more when the hour was read again. */
  readonly resent: number;
}
