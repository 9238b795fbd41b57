import type { AuditResult, FailedAudit } from './audit.ts';
import type { Clock } from './clock.ts';
import type { StoredCursor } from './cursor.ts';
import type { State } from './errors.ts';
import type { HourCounts } from './hour-counts.ts';
import type { Message } from './packing.ts';
import type { Timestamp } from './time.ts';

/** What the collector needs of the world. Every adapter, and every fake, is held to one contract suite. */
export interface Ports {
  readonly sentinelone: SentinelOne;
  readonly instances: Instances;
  readonly cursors: Cursors;
  readonly secrets: Secrets;
  readonly queue: Queue;
  readonly overflow: Overflow;
  readonly shards: Shards;
  readonly clock: Clock;
  /** Told as soon as an instance is done with, so that a killed run has said what it knew. */
  readonly report: (outcome: Outcome) => void;
}

/** What a run did for one instance. */
export interface Outcome {
  readonly instance: string;
  readonly stream: string;
  readonly state: State;
  readonly pages: number;
  readonly artifacts: number;
  /** Versions that the memory's bound cost: they come again, with the same ids. */
  readonly forgotten: number;
  /** Host or filters changed: it starts again from the look-back, and what was delivered before comes again. */
  readonly restarted: boolean;
  readonly position: string | undefined;
  /** How far the position is behind now; undefined where there is none yet. */
  readonly lagSeconds: number | undefined;
  readonly durationMs: number;
  /** The listing reached its end. */
  readonly caughtUp: boolean;
  /** Undefined where none was due. */
  readonly audit: AuditResult | FailedAudit | undefined;
  readonly error: { readonly name: string; readonly message: string; readonly remedy: string } | undefined;
}

export interface PageRequest {
  readonly host: string;
  readonly token: string;
  /** Below `/web/api/v2.1`. */
  readonly path: string;
  readonly query: Readonly<{ [name: string]: string }>;
  readonly timeoutMs: number;
  /** After decompression. */
  readonly maxBytes: number;
  /** Awaited before a large page is unpacked: it takes ten times the room then. */
  readonly whenLarge?: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** The body of a 200. */
export interface Answer {
  readonly body: string;
  /** After decompression. */
  readonly bytes: number;
  readonly tookMs: number;
  /** The answer's `Date`, milliseconds since 1970; undefined where it has none that can be read. */
  readonly dateMs: number | undefined;
}

export interface SentinelOne {
  /**
   * Gets one page. Throws TokenRefusedError (401), PermissionMissingError (403), RateLimitedError (429),
   * RefusedRequestError (other 4xx), MisconfiguredError (3xx: another host), UnreachableError (5xx, DNS, TLS,
   * connection) or HeavyPageError (too slow or too big).
   */
  get(request: PageRequest): Promise<Answer>;
  /** When the token ends, ISO 8601; undefined where the console does not say. Throws as `get` does. */
  expiry(request: Pick<PageRequest, 'host' | 'token' | 'timeoutMs' | 'signal'>): Promise<string | undefined>;
}

export interface Instances {
  /** Every item of the table, as plain values. */
  list(): Promise<Readonly<Record<string, unknown>>[]>;
}

/** What a cursor item holds beside claim and memory. */
export interface CursorItem {
  /** When this collector first saw the instance; fixed at the first claim. */
  readonly firstSeenAt: Timestamp;
  /** Undefined before the first commit; not validated. */
  readonly cursor: unknown;
  readonly status: Partial<Status>;
}

/** How a stream of an instance is: attributes of the cursor item, for operators. Times are ISO 8601. */
export interface Status {
  readonly state: State;
  readonly lastPollAt: string;
  readonly lastSuccessAt: string;
  readonly lastError: string;
  readonly remedy: string;
  /** Polls in a row that failed. */
  readonly failures: number;
  readonly nextPollAt: string;
  /** Artifacts delivered by the last poll. */
  readonly lastCount: number;
  readonly position: Timestamp;
  /** The instance record that was polled; another one is an edit. */
  readonly configVersion: string;
  /** The secret's version that was used. */
  readonly secretVersion: string;
  /** The last audit that came to an end. */
  readonly lastAuditAt: string;
  /** The last poll that delivered something. */
  readonly lastRecordAt: string;
  /** When the token that was used expires; absent where neither it nor the console says. */
  readonly tokenExpiresAt: string;
  /** When the console was last asked for it. */
  readonly tokenCheckedAt: string;
}

/** Names a cursor item. */
export interface CursorKey {
  readonly instance: string;
  readonly stream: string;
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

export interface Cursors {
  /** The items that exist, by instance; may be a moment old. */
  read(stream: string, instances: readonly string[]): Promise<Map<string, CursorItem>>;
  /** Takes the claim if it is absent, lapsed or this run's own; undefined if another run has it. */
  claim(claim: Claim, now: number, until: number): Promise<CursorItem | undefined>;
  /** Throws ClaimLostError where the claim is no longer this run's, and then writes nothing. */
  save(claim: Claim, save: Save): Promise<void>;
  /** What was kept for this lineage of the cursor; undefined if there is nothing. */
  readMemory(key: CursorKey, lineage: string): Promise<KeptMemory | undefined>;
  writeMemory(key: CursorKey, lineage: string, kept: KeptMemory): Promise<void>;
}

export interface Secret {
  readonly value: string;
  /** Changes with the value. */
  readonly version: string;
}

/** A new token lies beside the current one, as pending, until it was tried. */
export type SecretStage = 'AWSPENDING';

export interface Secrets {
  /**
   * Undefined where it does not exist or may not be read. `fresh` asks the store, not a cache. `stage` names another
   * version than the current one, and is always fresh.
   */
  read(secretId: string, fresh: boolean, stage?: SecretStage): Promise<Secret | undefined>;
}

/** A message that the queue did not take. */
export interface Refusal {
  readonly message: Message;
  /** The message itself is at fault: sending it again is no use. */
  readonly permanent: boolean;
  readonly reason: string;
}

export interface Queue {
  /** Sends one batch; answers those that were not accepted. Throws where nothing is known of any. */
  send(batch: readonly Message[], attributes: CursorKey): Promise<Refusal[]>;
}

export interface Overflow {
  /** Keeps `body` under `key`; answers where, as `s3://bucket/key`. */
  put(key: string, body: string): Promise<string>;
}

/** Some instances of a tick that was too many for one run. */
export interface Shard {
  readonly instances: readonly string[];
  /** The tick, milliseconds since 1970. */
  readonly scheduledAt: number;
}

export interface Shards {
  /** Has a further run poll them, without waiting for it. Throws where it may not have been taken. */
  handOver(shard: Shard): Promise<void>;
}
