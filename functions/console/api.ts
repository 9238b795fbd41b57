import type { Secrets } from '../instances/ports.ts';
import type { OwnerPorts } from '../instances/secret-owner.ts';
import type { Clock } from '../kit/clock.ts';

/** What every connection of a run may hold at once. */
export const largeBytes = 256 * 1024;

export interface PageRequest {
  readonly host: string;
  readonly token: string;
  /** Below `/web/api/v2.1`. */
  readonly path: string;
  readonly query: Readonly<{ [name: string]: string }>;
  readonly timeoutMs: number;
  /** After decompression. */
  readonly maxBytes: number;
  /** Awaited before more than `largeBytes` of an answer are held in memory, packed or unpacked. */
  readonly whenLarge?: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** The body of a 200. */
export interface Answer {
  readonly body: Buffer;
  readonly tookMs: number;
  /** The answer's `Date`, milliseconds since 1970; undefined where it has none that can be read. */
  readonly dateMs: number | undefined;
}

export interface SentinelOne {
  /**
   * Gets one page. Throws what `refusalOf` gives for another status than 200, UnreachableError (DNS, TLS,
   * connection) or HeavyPageError (too slow or too big).
   */
  get(request: PageRequest): Promise<Answer>;
  /** When the token ends, ISO 8601; undefined where the console does not say. Throws as `get` does. */
  expiry(request: Pick<PageRequest, 'host' | 'token' | 'timeoutMs' | 'signal'>): Promise<string | undefined>;
}

/** What it takes to ask a console. */
export interface ConsolePorts extends OwnerPorts {
  readonly sentinelone: SentinelOne;
  readonly secrets: Secrets;
  readonly clock: Clock;
}

export interface ConsoleSettings {
  /** How far our clock may be off, where the console does not say the time. */
  readonly overlapMs: number;
  /** A page that takes longer is too heavy. */
  readonly pageTimeoutMs: number;
  /** A larger page is requested again with half as many records. */
  readonly pageBytes: number;
  /** To one console with one token. */
  readonly requestsPerSecond: number;
}
