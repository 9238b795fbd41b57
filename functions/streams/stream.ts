import type { Json } from '../kit/json.ts';
import type { DriftFinder } from './drift.ts';

/** The searchable fields of an artifact: flat, camelCase. A key without a value is absent. */
export type Metadata = Record<string, string | string[]>;

/** The metadata of a record before its size is limited. Undefined and empty texts are no value. */
export type Fields = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Returns the name that a console gives to a type of records. */
export type NameOf = (type: string) => string | undefined;

/** One kind of record, as data. A new stream is one file that exports one of these, and one line in the list. */
export type Stream = RestStream | GraphqlStream;

/** A stream that is a list of the REST API. */
export interface RestStream extends StreamBase {
  /** Relative to `/web/api/v2.1`. */
  readonly path: string;
  /** The API's hidden defaults, sent explicitly. */
  readonly query: Readonly<Record<string, string>>;
  /** The sort column, if the API names it differently than the filter on time. */
  readonly sortBy?: string;
  /** The path of the list with the names of its records' types. It needs no other permission. */
  readonly typesPath?: string;
}

/** A stream that is a connection of a GraphQL API: edges with nodes, which are the records. */
export interface GraphqlStream extends StreamBase {
  /** Relative to `/web/api/v2.1`. The schema is at `<path>/schema`. */
  readonly path: string;
  /** The field of `Query` that is the connection. */
  readonly connection: string;
  /**
   * The requested fields of each node, as paths such as `detectionSource.product`. Fields of the same parent are
   * adjacent.
   */
  readonly fields: readonly string[];
}

interface StreamBase {
  /** Lower-case plural. It is part of the names of the function, the rule, the cursors and the log line. */
  readonly name: string;
  /**
   * If false, it has a function only if the setting `optionalStreams` names it, and is collected only for instances
   * that name it.
   */
  readonly byDefault: boolean;
  /** The interval of the schedule; must divide a day. */
  readonly cadenceMinutes: number;
  /** The function's timeout: it must end before the next tick. */
  readonly timeoutSeconds: number;
  /** The limit for one console. The vendor's own limit for a token is higher. */
  readonly requestsPerSecond: number;
  /**
   * Hours without new records before the default alarm; absent if long silence is normal. 96 hours exceed a long
   * weekend, which lasts 84 hours from Friday to Tuesday.
   */
  readonly quietHours?: number;
  /** The maximum number of records per page. */
  readonly pageSize: number;
  /** The number of fraction digits of its times. Filters on time are rounded to it, so that no record is excluded. */
  readonly timeDigits: 3 | 6;
  /**
   * The filter and sort column that changes with the record. A stream ordered by `updatedAt` has versions of a
   * record; one ordered by `createdAt` is append-only.
   */
  readonly orderedBy: 'updatedAt' | 'createdAt';
  /** The path of that time in a record. */
  readonly time: readonly string[];
  /** The path of the id in a record. */
  readonly id: readonly string[];
  /**
   * Where a record keeps the time of its creation, which never changes and which the console can count by (`createdAt`).
   * The ledger counts records by it. Absent: the stream has no ledger.
   */
  readonly created?: readonly string[];
  /** Whether the first listing reads all records, however old. */
  readonly wholeInventory: boolean;
  /** The permission that the token's role needs, as SentinelOne's role editor names it. */
  readonly permission: string;
  /** Explains to operators what a console without this stream lacks, and where to enable it. */
  readonly licence?: string;
  /**
   * Returns the stream's own metadata. It must not throw, whatever the record's form. `raw` keeps the digits that
   * `record` rounds. `nameOf` is called for a type whose name only the console knows.
   */
  readonly metadata: (record: Json, raw?: string, nameOf?: NameOf) => Fields;
  /** Finds what the mapping does not know. It must not throw, whatever the record's form. */
  readonly drift?: DriftFinder;
}
