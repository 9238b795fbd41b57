import type { Json } from '../kit/json.ts';

/** What an artifact is found by: flat, camelCase; a key without a value is absent. */
export type Metadata = Record<string, string | string[]>;

/** One kind of record, as data. A new stream is one file that exports one of these, and one line in the list. */
export interface Stream {
  /** Lower-case plural; names the function, the rule, the cursors and the log line. */
  readonly name: string;
  /** Below `/web/api/v2.1`. */
  readonly path: string;
  /** How often the rule fires; must divide a day. */
  readonly cadenceMinutes: number;
  /** The function's time-out: it ends before its next tick. */
  readonly timeoutSeconds: number;
  /** To one console; the vendor's own limit for a token is higher (10, 10 and 25). */
  readonly requestsPerSecond: number;
  /**
   * Hours without new records before the default alarm; absent where long silence is normal. On a console in use,
   * 96 exceeds a long weekend: 84 hours from Friday to Tuesday.
   */
  readonly quietHours?: number;
  /**
   * The filter and sort column that moves when a record changes. A stream ordered by `updatedAt` has versions
   * of a record; one ordered by `createdAt` is append-only.
   */
  readonly orderedBy: 'updatedAt' | 'createdAt';
  /** Where a record keeps that time: keys from the record inwards. */
  readonly time: readonly string[];
  /** The API's hidden defaults, sent explicitly. */
  readonly query: Readonly<Record<string, string>>;
  /** The first listing reads everything there is, however old. */
  readonly wholeInventory: boolean;
  /** What the token's role needs, in the words of SentinelOne's role editor. */
  readonly permission: string;
  /** The stream's own metadata; must not throw whatever the record's shape. `raw` keeps the digits that `record` rounds. */
  readonly metadata: (record: Json, raw?: string) => Metadata;
}
