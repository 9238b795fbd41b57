import type { Secrets } from '../instances/ports.ts';
import type { OwnerPorts } from '../instances/secret-owner.ts';
import type { Clock } from '../kit/clock.ts';
import type { Json } from '../kit/json.ts';
import type { TypeNames } from './type-names.ts';

/** The part of a response that every connection of a run may hold at once. */
export const largeBytes = 256 * 1024;

export interface PageRequest {
  readonly host: string;
  readonly token: string;
  /** Relative to `/web/api/v2.1`. */
  readonly path: string;
  readonly query: Readonly<{ [name: string]: string }>;
  /** With it the request is a POST with this body. */
  readonly json?: Json | undefined;
  readonly timeoutMs: number;
  /** Applies after decompression. */
  readonly maxBytes: number;
  /** Awaited before more than `largeBytes` of a response are held in memory, compressed or not. */
  readonly whenLarge?: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** A response with the status 200. */
export interface Answer {
  readonly body: Buffer;
  readonly tookMs: number;
  /** The `Date` of the response, in milliseconds since 1970; undefined if it has none that can be read. */
  readonly dateMs: number | undefined;
}

export interface SentinelOne {
  /**
   * Requests one page. Throws the error of `refusalOf` for any other status than 200, UnreachableError (DNS, TLS,
   * connection) or HeavyPageError (too slow or too large).
   */
  get(request: PageRequest): Promise<Answer>;
  /** Returns when the token expires, in ISO 8601, or undefined if the console does not say. Throws as `get` does. */
  expiry(request: Pick<PageRequest, 'host' | 'token' | 'timeoutMs' | 'signal'>): Promise<string | undefined>;
}

/** What requests to consoles need. */
export interface ConsolePorts extends OwnerPorts {
  readonly sentinelone: SentinelOne;
  readonly secrets: Secrets;
  readonly typeNames: TypeNames;
  readonly clock: Clock;
}

export interface ConsoleSettings {
  /** The assumed error of this machine's clock, if the console does not send its time. */
  readonly overlapMs: number;
  /** A page that takes longer is requested again with fewer records. */
  readonly pageTimeoutMs: number;
  /** A larger page is requested again with fewer records. */
  readonly pageBytes: number;
  /** The limit for one console with one token. */
  readonly requestsPerSecond: number;
}
