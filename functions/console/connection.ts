import type { Ports } from '../collect/ports.ts';
import type { Settings } from '../collect/settings.ts';
import {
  ForbiddenError,
  HeavyPageError,
  OutOfTimeError,
  PermissionMissingError,
  RateLimitedError,
  TokenRefusedError,
  UnauthorizedError,
  UnreachableError,
  UnreadableAnswerError,
} from '../errors.ts';
import { expiryIn } from '../instances/expiry.ts';
import type { Instance } from '../instances/instance.ts';
import { readToken } from '../instances/token.ts';
import type { Permit } from '../kit/concurrency.ts';
import { at, type Json } from '../kit/json.ts';
import { backoffMs, type Limiter, type Retry, retrying } from '../kit/pacing.ts';
import { fromMs, type Timestamp } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';
import type { Answer, PageRequest } from './api.ts';
import { readPage } from './page.ts';
import { boundedListing, type Listing, queryOf } from './query.ts';
import { type PageRead, readRecord } from './record.ts';

export interface ConnectionContext {
  readonly stream: Stream;
  readonly instance: Instance;
  readonly settings: Pick<Settings, 'overlapMs' | 'pageTimeoutMs'>;
  readonly limiter: Limiter;
  /** To unpack a large page, and all that follows until it is committed. */
  readonly permit: Pick<Permit, 'acquire'>;
  /** Told which version of the secret was used, also when that fails, and what is known of its token. */
  readonly tally: {
    secretVersion: string | undefined;
    tokenExpiresAt?: string | undefined;
    tokenChecked?: boolean;
  };
  /** Until requests have to have ended. */
  readonly remainingMs: () => number;
  readonly ports: Pick<Ports, 'sentinelone' | 'secrets' | 'clock'>;
}

/** Beyond this a page is heavy: asked for again with half as many records. */
const pageBytes = 32 * 1024 * 1024;

/** Little, for it is asked with the last page still to be committed. */
const expiryMs = 5_000;

/** A wait longer than this is spent outside the run, so that the other instances get its place. */
const longestWaitMs = 30_000;

/** One instance's console with its token, which is read at once and again when it is refused. */
export class Connection {
  readonly #context: ConnectionContext;
  #token = '';

  private constructor(context: ConnectionContext) {
    this.#context = context;
  }

  /** Throws MisconfiguredError where the secret holds no token; makes no request to the console. */
  static async open(context: ConnectionContext): Promise<Connection> {
    const connection = new Connection(context);
    await connection.#readSecret(false);
    return connection;
  }

  /** The listing's next page. Throws what an operator can be told, or OutOfTimeError where the run's time ended it. */
  async page(listing: Listing, limit: number, signal: AbortSignal): Promise<PageRead> {
    const { stream, instance, settings, ports } = this.#context;
    const query = queryOf(stream, instance, listing, limit);
    const answer = await this.#patiently(() => this.#authorized(stream.path, query, signal), signal);
    const { records, next } = named(() => readPage(answer.body), stream, listing);
    const dateMs = consoleMs(answer, ports.clock.now(), settings.overlapMs);
    return {
      records: records.map((record) => readRecord(record, stream)),
      next,
      sentAt: fromMs(dateMs - Math.ceil(answer.tookMs)),
      roomy: answer.tookMs < settings.pageTimeoutMs / 4 && answer.bytes < pageBytes / 4,
    };
  }

  /** How many records the console has from `from` to before `until`. Throws as `page` does. */
  async total(from: Timestamp, until: Timestamp, signal: AbortSignal): Promise<number> {
    const { stream, instance } = this.#context;
    const query = {
      ...queryOf(stream, instance, boundedListing(from, until), 1),
      skipCount: 'false',
      countOnly: 'true',
    };
    const { body } = await this.#patiently(() => this.#authorized(stream.path, query, signal), signal);
    const total = at(parsed(body), 'pagination', 'totalItems');
    if (typeof total !== 'number')
      throw new UnreadableAnswerError(`GET ${stream.path}, count from ${from}: no total`);
    return total;
  }

  /** Asks the console when the token ends. A console that does not say is no error: nothing is collected by it. */
  async askExpiry(): Promise<void> {
    const { instance, tally, ports } = this.#context;
    const { host } = instance;
    const signal = AbortSignal.timeout(expiryMs);
    const asked = { host, token: this.#token, timeoutMs: expiryMs, signal };
    tally.tokenChecked = true;
    tally.tokenExpiresAt = await ports.sentinelone.expiry(asked).catch(() => undefined);
  }

  #patiently(operation: () => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
    const { clock } = this.#context.ports;
    const retry: Retry = {
      whether: (error) =>
        (error instanceof RateLimitedError || error instanceof UnreachableError) &&
        (error.retryAfterMs ?? 0) <= longestWaitMs,
      howLong: (error, failures) =>
        Math.max(
          (error as RateLimitedError | UnreachableError).retryAfterMs ?? 0,
          backoffMs(failures, 1_000, longestWaitMs, clock),
        ),
      howMany: 4,
    };
    return retrying(operation, retry, clock, this.#context.remainingMs, signal);
  }

  /** A 401 has three causes: the secret was rotated, a permission is missing, or the token is dead. */
  async #authorized(path: string, query: PageRequest['query'], signal: AbortSignal): Promise<Answer> {
    const { stream, instance } = this.#context;
    try {
      try {
        return await this.#get(path, query, signal);
      } catch (error) {
        if (!(error instanceof TokenRefusedError) || !(await this.#readSecret(true))) throw error;
        return await this.#get(path, query, signal);
      }
    } catch (error) {
      if (
        error instanceof PermissionMissingError ||
        (error instanceof TokenRefusedError && (await this.#isTokenGood(signal)))
      ) {
        throw new ForbiddenError(
          `${instance.host} does not let the token read ${stream.name}`,
          stream.permission,
        );
      }
      if (error instanceof TokenRefusedError)
        throw new UnauthorizedError(`${instance.host} refuses the token`);
      throw error;
    }
  }

  /** `/system/info` answers every valid token, whatever its role (the vendor's specification). */
  async #isTokenGood(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#get('/system/info', {}, signal);
      return true;
    } catch (error) {
      if (error instanceof TokenRefusedError) return false;
      if (error instanceof PermissionMissingError) return true;
      throw error;
    }
  }

  async #get(path: string, query: PageRequest['query'], signal: AbortSignal): Promise<Answer> {
    const { instance, limiter, permit, remainingMs, ports } = this.#context;
    const { pageTimeoutMs } = this.#context.settings;
    await limiter(signal);
    const timeoutMs = Math.min(pageTimeoutMs, remainingMs());
    if (timeoutMs <= 0) throw new OutOfTimeError();
    try {
      const { host } = instance;
      return await ports.sentinelone.get({
        host,
        token: this.#token,
        path,
        query,
        timeoutMs,
        maxBytes: pageBytes,
        whenLarge: () => permit.acquire(),
        signal,
      });
    } catch (error) {
      if (error instanceof HeavyPageError && timeoutMs < pageTimeoutMs) throw new OutOfTimeError();
      throw error;
    }
  }

  /** Whether the token is another one than before. */
  async #readSecret(fresh: boolean): Promise<boolean> {
    const { instance, tally, ports } = this.#context;
    const secret = await ports.secrets.read(instance.secretId, fresh);
    tally.secretVersion = secret?.version;
    const before = this.#token;
    this.#token = readToken(secret?.value, instance.secretId);
    tally.tokenExpiresAt = expiryIn(this.#token);
    return this.#token !== before;
  }
}

/** Adds which request it was to an answer that can't be read. */
function named<T>(read: () => T, stream: Stream, listing: Listing): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UnreadableAnswerError)) throw error;
    const page = listing.token === undefined ? 'first page' : 'a later page';
    throw new UnreadableAnswerError(`GET ${stream.path}, ${page} from ${listing.from}: ${error.message}`);
  }
}

/** A clock that is a day off is broken: a position by it would step over all that is to come, or never move. */
const mostSkewMs = 24 * 60 * 60 * 1000;

/** The console's clock at the answer. Where it says none that can be believed: ours, which may be an overlap off. */
function consoleMs({ dateMs }: Answer, now: number, overlapMs: number): number {
  return dateMs !== undefined && Math.abs(dateMs - now) < mostSkewMs ? dateMs : now - overlapMs;
}

function parsed(body: string): Json | undefined {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
