import {
  HeavyPageError,
  MisconfiguredError,
  OutOfTimeError,
  PermissionMissingError,
  TokenRefusedError,
} from '../errors.ts';
import type { Coverage, Learned } from '../health/status.ts';
import { expiryIn } from '../instances/expiry.ts';
import type { Instance } from '../instances/instance.ts';
import { confirm, tokenFor } from '../instances/secret-owner.ts';
import { retrying } from '../kit/pacing.ts';
import { redacted } from '../kit/redact.ts';
import type { Timestamp } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';
import { type ConsolePorts, type ConsoleSettings, largeBytes, type PageRequest } from './api.ts';
import { consoleClock } from './console-clock.ts';
import { coverageOf } from './coverage.ts';
import type { LargePages } from './large-pages.ts';
import { type Pace, retryOf } from './pace.ts';
import type { Listing } from './query.ts';
import type { PageRead } from './record.ts';
import { forbidden, refusalOfStream, unauthorized } from './refusal.ts';
import type { Ask, Clean, HeldAnswer, Source } from './sources/source.ts';
import { sourceOf } from './sources/source-of.ts';
import type { NamesOfConsole } from './type-names.ts';

export interface ConnectionOptions {
  readonly instance: Instance;
  readonly stream: Stream;
  readonly settings: ConsoleSettings;
  /** Returns the pace that all connections with this console and token share. */
  readonly paceOf: (token: string) => Pace;
  readonly largePages: LargePages;
  /** The time in which requests must end. */
  readonly remainingMs: () => number;
  /** What an earlier connection has learned; not validated. */
  readonly learned?: unknown;
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

/** Short, because a page is not committed yet. */
const briefMs = 5_000;

/** For all of its requests. */
const coverageMs = 20_000;

type Requested = Pick<PageRequest, 'path' | 'query' | 'json' | 'maxBytes' | 'signal'>;

type Read<T> = (body: Buffer, clean: Clean) => T;

/** The connection to one instance's console. It reads the secret with the first request, and again after a 401. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #source: Source;
  #token: string | undefined;
  #secretVersion: string | undefined;
  #tokenExpiresAt: string | undefined;
  #tokenChecked = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { stream, instance, learned, ports } = options;
    this.#source = sourceOf(stream, instance, ports.clock.now, learned, (path) => this.#names(path));
  }

  /** Also valid after a request that failed. */
  get knowledge(): TokenKnowledge {
    return {
      secretVersion: this.#secretVersion,
      tokenExpiresAt: this.#tokenExpiresAt,
      tokenChecked: this.#tokenChecked,
    };
  }

  /** The most records that one page can have. */
  get pageSize(): number {
    return this.#source.pageSize;
  }

  /** What its source has found out about the console, also by a request that failed. */
  get learned(): Learned | undefined {
    return this.#source.learned;
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
    const { settings, ports } = this.#options;
    const { pageBytes, pageTimeoutMs, overlapMs } = settings;
    const { answer, ...page } = await this.#source.page(listing, limit, this.#ask(signal));
    return {
      ...page,
      ...consoleClock(answer, answer.sentMs, ports.clock.now(), overlapMs),
      release: answer.release,
      roomy: answer.tookMs < pageTimeoutMs / 4 && answer.body.length < pageBytes / 4,
    };
  }

  /** Returns the number of records that were created from `from` to before `until`. Throws as `page` does. */
  total(from: Timestamp, until: Timestamp): Promise<number> {
    return this.#source.total(from, until, this.#ask(new AbortController().signal));
  }

  /** Asks the console when the token expires. An error is ignored, because it does not affect collection. */
  async askExpiry(): Promise<void> {
    const { instance, ports } = this.#options;
    const token = this.#token ?? (await this.#readSecret(false));
    const signal = AbortSignal.timeout(briefMs);
    const request = { host: instance.host, token, timeoutMs: briefMs, signal };
    this.#tokenChecked = true;
    this.#tokenExpiresAt = await this.#options
      .paceOf(token)
      .turn(briefMs, signal)
      .then(() => ports.sentinelone.expiry(request))
      .catch(() => undefined);
  }

  /** Asks what the console has of the last days, whether or not it is collected. An error is no reason to end a poll. */
  coverage(): Promise<Coverage> {
    const { instance, ports } = this.#options;
    return coverageOf(instance, ports.clock.now(), this.#once(AbortSignal.timeout(coverageMs)), this.learned);
  }

  #names(path: string): NamesOfConsole {
    const { instance, ports } = this.#options;
    return ports.typeNames.of(instance.host, this.#token ?? '', ports.clock.now(), async () => {
      const signal = AbortSignal.timeout(briefMs);
      return (await this.#get({ path, query: {}, maxBytes: largeBytes, signal }, (body) => body)).value;
    });
  }

  #ask(signal: AbortSignal): Ask {
    const { remainingMs, ports } = this.#options;
    const once = this.#once(signal);
    const retry = retryOf(ports.clock);
    return (asked, read) => retrying(() => once(asked, read), retry, ports.clock, remainingMs, signal);
  }

  #once(signal: AbortSignal): Ask {
    const { pageBytes } = this.#options.settings;
    return ({ isSmall, ...asked }, read) =>
      this.#authorized({ ...asked, maxBytes: isSmall ? smallBytes : pageBytes, signal }, read);
  }

  /** A 401 has three possible causes: a rotated secret, a missing permission, or an invalid token. */
  async #authorized<T>(request: Requested, read: Read<T>): Promise<HeldAnswer & { readonly value: T }> {
    const { stream, instance } = this.#options;
    try {
      try {
        return await this.#get(request, read);
      } catch (error) {
        const refused = this.#token;
        if (!(error instanceof TokenRefusedError) || (await this.#readSecret(true)) === refused) throw error;
        return await this.#get(request, read);
      }
    } catch (error) {
      if (!(error instanceof TokenRefusedError)) throw refusalOfStream(instance.host, stream, error);
      if (await this.#isTokenGood(request.signal)) throw forbidden(instance.host, stream, error.words);
      throw unauthorized(instance.host, error.words);
    }
  }

  /** `/system/info` accepts every valid token, whatever its role (the vendor's specification). */
  async #isTokenGood(signal: AbortSignal): Promise<boolean> {
    try {
      const request = { path: '/system/info', query: {}, maxBytes: smallBytes, signal };
      (await this.#get(request, () => undefined)).release();
      return true;
    } catch (error) {
      if (error instanceof TokenRefusedError) return false;
      if (error instanceof PermissionMissingError) return true;
      throw error;
    }
  }

  async #get<T>(request: Requested, read: Read<T>): Promise<HeldAnswer & { readonly value: T }> {
    const { instance, paceOf, largePages, remainingMs, ports, settings } = this.#options;
    const token = this.#token ?? (await this.#readSecret(false));
    const pace = paceOf(token);
    await pace.turn(remainingMs(), request.signal);
    const timeoutMs = Math.min(settings.pageTimeoutMs, remainingMs());
    if (timeoutMs <= 0) throw new OutOfTimeError();
    const { whenLarge, keep, release } = largePages.hold(request.signal);
    const sentMs = ports.clock.now();
    try {
      const answer = await ports.sentinelone.get({
        host: instance.host,
        token,
        ...request,
        timeoutMs,
        whenLarge,
      });
      keep(answer.body);
      return { ...answer, value: read(answer.body, (words) => redacted(words, token)), release, sentMs };
    } catch (error) {
      release();
      pace.pauseAfter(error);
      if (error instanceof HeavyPageError && timeoutMs < settings.pageTimeoutMs) throw new OutOfTimeError();
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
