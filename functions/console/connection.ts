import {
  HeavyPageError,
  MisconfiguredError,
  OutOfTimeError,
  PermissionMissingError,
  TokenRefusedError,
  UnreadableAnswerError,
} from '../errors.ts';
import { expiryIn } from '../instances/expiry.ts';
import type { Instance } from '../instances/instance.ts';
import { confirm, tokenFor } from '../instances/secret-owner.ts';
import { at, parsed } from '../kit/json.ts';
import { retrying } from '../kit/pacing.ts';
import type { Timestamp } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';
import type { Answer, ConsolePorts, ConsoleSettings, PageRequest } from './api.ts';
import { consoleClock } from './console-clock.ts';
import { idParts, partOf } from './id-parts.ts';
import type { LargePages } from './large-pages.ts';
import { type Pace, retryOf } from './pace.ts';
import { boundedListing, type Listing, queryOf } from './query.ts';
import { type PageRead, readRecords } from './record.ts';
import { forbidden, unauthorized } from './refusal.ts';

export interface ConnectionOptions {
  readonly instance: Instance;
  readonly stream: Stream;
  readonly settings: ConsoleSettings;
  /** Returns the pace that all connections with this console and token share. */
  readonly paceOf: (token: string) => Pace;
  readonly largePages: LargePages;
  /** The time in which requests must end. */
  readonly remainingMs: () => number;
  readonly ports: ConsolePorts;
}

/** What is known about the token that was used. */
export interface TokenKnowledge {
  readonly secretVersion: string | undefined;
  /** ISO 8601; undefined if neither the token nor the console says. */
  readonly tokenExpiresAt: string | undefined;
  /** Whether the console was asked when the token expires. */
  readonly tokenChecked: boolean;
}

/** A count, or a response of `/system/info`, is far smaller. */
const smallBytes = 64 * 1024;

/** Short, because the last page is not committed yet. */
const expiryMs = 5_000;

type Requested = Pick<PageRequest, 'path' | 'query' | 'maxBytes' | 'signal'>;

/** The connection to one instance's console. It reads the secret with the first request, and again after a 401. */
export class Connection {
  readonly #options: ConnectionOptions;
  #token: string | undefined;
  #secretVersion: string | undefined;
  #tokenExpiresAt: string | undefined;
  #tokenChecked = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Also valid after a request that failed. */
  get knowledge(): TokenKnowledge {
    return {
      secretVersion: this.#secretVersion,
      tokenExpiresAt: this.#tokenExpiresAt,
      tokenChecked: this.#tokenChecked,
    };
  }

  /** Whether another connection waits for a permit for a large page. */
  isWaitedFor(): boolean {
    return this.#options.largePages.isWaitedFor();
  }

  close(): void {
    this.#options.largePages.releaseAll();
  }

  /**
   * Requests the next page of the listing. Throws a CollectorError: MisconfiguredError if the secret contains no
   * token, or OutOfTimeError if the invocation's time ended the request or the record was edited meanwhile.
   */
  async page(listing: Listing, limit: number, signal: AbortSignal): Promise<PageRead> {
    const { stream, instance, settings, ports } = this.#options;
    const { pageBytes, pageTimeoutMs, overlapMs } = settings;
    const { ids, token, isOneOfMany, next: after } = partOf(instance, listing.token);
    const query = queryOf(stream, { ...instance, ...ids }, { ...listing, token }, limit);
    const answer = await this.#patiently(query, pageBytes, signal);
    try {
      const page = listing.token === undefined ? 'first page' : 'a later page';
      const request = `GET ${stream.path}, ${page} from ${listing.from}`;
      const { records, next, isolated } = readRecords(answer.body, limit, stream, request);
      return {
        ...consoleClock(answer, answer.sentMs, ports.clock.now(), overlapMs),
        release: answer.release,
        records,
        next: after(next),
        unordered: isOneOfMany,
        roomy: answer.tookMs < pageTimeoutMs / 4 && answer.body.length < pageBytes / 4,
        isolated,
      };
    } catch (error) {
      answer.release();
      throw error;
    }
  }

  /** Returns the number of records that the console has from `from` to before `until`. Throws as `page` does. */
  async total(from: Timestamp, until: Timestamp, signal: AbortSignal): Promise<number> {
    const { stream, instance } = this.#options;
    let sum = 0;
    for (const ids of idParts(instance)) {
      const listing = queryOf(stream, { ...instance, ...ids }, boundedListing(from, until), 1);
      const query = { ...listing, skipCount: 'false', countOnly: 'true' };
      const { body, release } = await this.#patiently(query, smallBytes, signal);
      release();
      const total = at(parsed(body.toString()), 'pagination', 'totalItems');
      if (typeof total !== 'number')
        throw new UnreadableAnswerError(`GET ${stream.path}, count from ${from}: no total`);
      sum += total;
    }
    return sum;
  }

  /** Asks the console when the token expires. An error is ignored, because it does not affect collection. */
  async askExpiry(): Promise<void> {
    const { instance, ports } = this.#options;
    const token = this.#token ?? (await this.#readSecret(false));
    const signal = AbortSignal.timeout(expiryMs);
    const request = { host: instance.host, token, timeoutMs: expiryMs, signal };
    this.#tokenChecked = true;
    this.#tokenExpiresAt = await this.#options
      .paceOf(token)
      .turn(expiryMs, signal)
      .then(() => ports.sentinelone.expiry(request))
      .catch(() => undefined);
  }

  #patiently(query: PageRequest['query'], maxBytes: number, signal: AbortSignal): Promise<HeldAnswer> {
    const { stream, remainingMs, ports } = this.#options;
    const { clock } = ports;
    const ask = () => this.#authorized({ path: stream.path, query, maxBytes, signal });
    return retrying(ask, retryOf(clock), clock, remainingMs, signal);
  }

  /** A 401 has three possible causes: a rotated secret, a missing permission, or an invalid token. */
  async #authorized(request: Requested): Promise<HeldAnswer> {
    const { stream, instance } = this.#options;
    try {
      try {
        return await this.#get(request);
      } catch (error) {
        const refused = this.#token;
        if (!(error instanceof TokenRefusedError) || (await this.#readSecret(true)) === refused) throw error;
        return await this.#get(request);
      }
    } catch (error) {
      if (
        error instanceof PermissionMissingError ||
        (error instanceof TokenRefusedError && (await this.#isTokenGood(request.signal)))
      ) {
        throw forbidden(instance.host, stream, error.words);
      }
      if (error instanceof TokenRefusedError) throw unauthorized(instance.host, error.words);
      throw error;
    }
  }

  /** `/system/info` accepts every valid token, whatever its role (the vendor's specification). */
  async #isTokenGood(signal: AbortSignal): Promise<boolean> {
    try {
      const { release } = await this.#get({ path: '/system/info', query: {}, maxBytes: smallBytes, signal });
      release();
      return true;
    } catch (error) {
      if (error instanceof TokenRefusedError) return false;
      if (error instanceof PermissionMissingError) return true;
      throw error;
    }
  }

  async #get(request: Requested): Promise<HeldAnswer> {
    const { instance, paceOf, largePages, remainingMs, ports, settings } = this.#options;
    const { pageTimeoutMs } = settings;
    const token = this.#token ?? (await this.#readSecret(false));
    const pace = paceOf(token);
    await pace.turn(remainingMs(), request.signal);
    const timeoutMs = Math.min(pageTimeoutMs, remainingMs());
    if (timeoutMs <= 0) throw new OutOfTimeError();
    let acquiring: Promise<void> | undefined;
    let release = () => {};
    const sentMs = ports.clock.now();
    try {
      const answer = await ports.sentinelone.get({
        host: instance.host,
        token,
        ...request,
        timeoutMs,
        whenLarge: () => {
          acquiring ??= largePages.add(request.signal).then((letGo) => {
            release = letGo;
          });
          return acquiring;
        },
      });
      return { ...answer, release, sentMs };
    } catch (error) {
      release();
      pace.pauseAfter(error);
      if (error instanceof HeavyPageError && timeoutMs < pageTimeoutMs) throw new OutOfTimeError();
      throw error;
    }
  }

  async #readSecret(fresh: boolean): Promise<string> {
    const { instance, ports } = this.#options;
    const secret = await ports.secrets.read(instance.secretId, fresh, instance.host);
    this.#secretVersion = secret?.version;
    let token: string;
    try {
      token = await tokenFor(instance, secret, ports);
    } catch (error) {
      // A cached secret may be out of date, so an invalid one is read again.
      if (fresh || !(error instanceof MisconfiguredError)) throw error;
      return this.#readSecret(true);
    }
    // A new token may belong to another host, which the record has now.
    if (this.#token !== undefined && this.#token !== token) await confirm(instance, ports);
    this.#token = token;
    this.#tokenExpiresAt = expiryIn(this.#token);
    return this.#token;
  }
}

/** A response. A large one counts against the memory permits until it is released. */
interface HeldAnswer extends Answer {
  readonly release: () => void;
  /** When the request was sent, by this machine's clock. */
  readonly sentMs: number;
}
