import type { State } from '../errors.ts';
import type { Secrets } from '../instances/ports.ts';
import type { Clock } from '../kit/clock.ts';

/** All that the forwarder needs of the world. */
export interface ForwardPorts {
  readonly analytics: Analytics;
  readonly secrets: Secrets;
  readonly overflow: OverflowObjects;
  readonly deadLetters: DeadLetters;
  /** Undefined where accepted ids are not remembered. */
  readonly accepted: AcceptedIds | undefined;
  /** What is wrong with an artifact by its schema; undefined where nothing is. */
  readonly flaw: (artifact: unknown) => string | undefined;
  readonly clock: Clock;
}

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

/** How Analytics answers an ingest request. */
export interface Receipt {
  readonly accepted: number;
  readonly rejected: number;
  readonly message: string;
}

/** A search by text in a stretch of time. */
export interface Search {
  readonly query: string;
  /** ISO 8601. */
  readonly start: string;
  readonly end: string;
  readonly limit: number;
  readonly offset: number;
  /** Of the answer. */
  readonly maxBytes: number;
}

/**
 * The API of WitFoo Analytics. All throw UnreachableError (5xx, 429, DNS, TLS, time-out), MisconfiguredError (404,
 * a redirect), PermissionRefusedError (403) or UnreadableReplyError.
 */
export interface Analytics {
  /** Answers a JWT; throws LoginRefusedError. */
  login(credentials: Credentials, timeoutMs: number): Promise<string>;
  /** Throws TokenRefusedError (401) or RequestRefusedError (400, 413, 422). */
  ingest(token: string, body: string, timeoutMs: number): Promise<Receipt>;
  /**
   * Answers the `metadata.id` of those found, newest first; throws TokenRefusedError, RequestRefusedError, or
   * HeavyReplyError where they are larger than asked for.
   */
  search(token: string, search: Search, timeoutMs: number): Promise<readonly string[]>;
}

export interface OverflowObjects {
  /** The object at `s3://bucket/key`; undefined where it has expired. */
  get(location: string): Promise<string | undefined>;
}

/** What Analytics will never take, and why. */
export interface DeadLetter {
  /** The body of a message, as the artifact queue would hold it. */
  readonly body: string;
  readonly reason: string;
  /** Absent where the body does not say. */
  readonly instance?: string;
  readonly stream?: string;
}

/** What became of a letter. */
export type Burial = { readonly taken: true } | { readonly taken: false; readonly reason: string };

export interface DeadLetters {
  /** Answers for each letter in turn. */
  send(letters: readonly DeadLetter[]): Promise<readonly Burial[]>;
}

export interface AcceptedIds {
  /** Those of `ids` that were accepted before. */
  known(ids: readonly string[]): Promise<ReadonlySet<string>>;
  mark(ids: readonly string[]): Promise<void>;
}

/** What one run of the forwarder did. */
export interface ForwardOutcome {
  readonly state: State;
  /** Messages received; `failed` of them come back. */
  readonly messages: number;
  readonly failed: number;
  /** Artifacts in the messages. */
  readonly artifacts: number;
  /** Artifacts posted, each time that it was. */
  readonly posted: number;
  readonly accepted: number;
  /** Not posted: the same id was accepted before, or is in the same run. */
  readonly repeats: number;
  /** Sent to the dead-letter queue. */
  readonly buried: readonly { readonly id: string; readonly reason: string }[];
  readonly requests: number;
  /** Why artifacts may be accepted twice, where nothing else would say so. */
  readonly warnings: readonly string[];
  /** From when the oldest message was sent until now. */
  readonly lagSeconds: number;
  readonly durationMs: number;
  readonly error: { readonly name: string; readonly message: string; readonly remedy: string } | undefined;
}
