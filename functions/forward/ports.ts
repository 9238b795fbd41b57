import type { State } from '../errors.ts';
import type { AcceptedHour } from '../health/receipt.ts';
import type { Secrets } from '../instances/ports.ts';
import type { Clock } from '../kit/clock.ts';

/** The external services that the forwarder uses. */
export interface ForwardPorts {
  readonly analytics: Analytics;
  readonly secrets: Secrets;
  readonly overflow: OverflowObjects;
  readonly deadLetters: DeadLetters;
  /** Undefined if accepted ids are not stored. */
  readonly accepted: AcceptedIds | undefined;
  readonly ledger: AcceptedLedger;
  /** Returns the first schema violation of an artifact, or undefined if it is valid. */
  readonly flaw: (artifact: unknown) => string | undefined;
  readonly clock: Clock;
}

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

/** The response of Analytics to an ingest request. */
export interface Receipt {
  readonly accepted: number;
  readonly rejected: number;
  readonly message: string;
}

/** A text search in a time range. */
export interface Search {
  readonly query: string;
  /** ISO 8601. */
  readonly start: string;
  readonly end: string;
  readonly limit: number;
  readonly offset: number;
  /** Maximum size of the response. */
  readonly maxBytes: number;
}

/**
 * The API of WitFoo Analytics. All throw UnreachableError (5xx, 429, DNS, TLS, timeout), MisconfiguredError (404,
 * a redirect), PermissionRefusedError (403) or UnreadableReplyError.
 */
export interface Analytics {
  /** Returns a JWT. Throws LoginRefusedError. */
  login(credentials: Credentials, timeoutMs: number): Promise<string>;
  /** Throws TokenRefusedError (401) or RequestRefusedError (400, 413, 422). */
  ingest(token: string, body: string | Uint8Array, timeoutMs: number): Promise<Receipt>;
  /**
   * Returns the `metadata.id` of the results, newest first. Throws TokenRefusedError, RequestRefusedError, or
   * HeavyReplyError if the response exceeds `maxBytes`.
   */
  search(token: string, search: Search, timeoutMs: number): Promise<readonly string[]>;
}

export interface OverflowObjects {
  /** Returns the object at `s3://bucket/key`, unless it has expired or has more than `maxBytes`; then it is not read. */
  get(location: string, maxBytes: number): Promise<Uint8Array | 'expired' | 'too large'>;
}

/** An artifact that Analytics rejects permanently, with the reason. */
export interface DeadLetter {
  /** A message body in the format of the artifact queue. */
  readonly body: string;
  readonly reason: string;
  /** Absent if the body has no instance. */
  readonly instance?: string;
  readonly stream?: string;
}

export type DeadLetterResult = { readonly taken: true } | { readonly taken: false; readonly reason: string };

export interface DeadLetters {
  /** Returns the result for each message, in order. */
  send(messages: readonly DeadLetter[]): Promise<readonly DeadLetterResult[]>;
}

export interface AcceptedIds {
  known(ids: readonly string[]): Promise<ReadonlySet<string>>;
  mark(ids: readonly string[]): Promise<void>;
}

/** Where what Analytics accepted is counted, by the hour of creation. */
export interface AcceptedLedger {
  /**
   * Adds these counts. If it fails, some may be added.
   * @param added called with those that are
   */
  add(counts: readonly AcceptedHour[], added?: (counts: readonly AcceptedHour[]) => void): Promise<void>;
}

export interface ForwardOutcome {
  readonly state: State;
  /** Messages received; `failed` of them are retried. */
  readonly messages: number;
  readonly failed: number;
  /** Artifacts in the messages. */
  readonly artifacts: number;
  /** Artifacts posted; one that is posted twice counts twice. */
  readonly posted: number;
  readonly accepted: number;
  /** Not posted, because the same id was accepted before or is in the same run. */
  readonly repeats: number;
  readonly deadLettered: readonly { readonly id: string; readonly reason: string }[];
  readonly requests: number;
  /** What an operator should know, although nothing failed. */
  readonly warnings: readonly string[];
  readonly lagSeconds: number;
  readonly durationMs: number;
  readonly error: { readonly name: string; readonly message: string; readonly remedy: string } | undefined;
}
