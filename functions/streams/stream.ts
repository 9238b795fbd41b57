import type { Json } from '../kit/json.ts';

/** The searchable fields of an artifact: flat, camelCase. A key without a value is absent. */
export type Metadata = Record<string, string | string[]>;

/** One kind of record, as data. A new stream is one file that exports one of these, and one line in the list. */
export interface Stream {
  /** Lower-case plural. It is part of the names of the function, the rule, the cursors and the log line. */
  readonly name: string;
  /** Relative to `/web/api/v2.1`. */
  readonly path: string;
  /** The interval of the schedule; must divide a day. */
  readonly cadenceMinutes: number;
  /** The function's timeout: it must end before the next tick. */
  readonly timeoutSeconds: number;
  /** The limit for one console. The vendor's own limit for a token is higher (10, 10 and 25). */
  readonly requestsPerSecond: number;
  /**
   * Hours without new records before the default alarm; absent if long silence is normal. 96 hours exceed a long
   * weekend, which lasts 84 hours from Friday to Tuesday.
   */
  readonly quietHours?: number;
  /**
   * The filter and sort column that changes with the record. A stream ordered by `updatedAt` has versions of a
   * record; one ordered by `createdAt` is append-only.
   */
  readonly orderedBy: 'updatedAt' | 'createdAt';
  /** The path of that time in a record. */
  readonly time: readonly string[];
  /** The API's hidden defaults, sent explicitly. */
  readonly query: Readonly<Record<string, string>>;
  /** Whether the first listing reads all records, however old. */
  readonly wholeInventory: boolean;
  /** The permission that the token's role needs, as SentinelOne's role editor names it. */
  readonly permission: string;
  /**
   * Returns the stream's own metadata. It must not throw, whatever the record's form. `raw` keeps the digits that
   * `record` rounds.
   */
  readonly metadata: (record: Json, raw?: string) => Metadata;
}
