import { RateLimitedError, UnreachableError } from '../errors.ts';
import type { Clock } from '../kit/clock.ts';
import { backoffMs, type Limiter, limiter, type Retry } from '../kit/pacing.ts';

/** The pause after a 429 without `Retry-After`. */
const shortestPauseMs = 1_000;

/** A longer wait ends the poll, so that other instances are polled meanwhile. */
const longestWaitMs = 30_000;

/** The pace of all requests with one console and token, over all connections of an invocation. */
export class Pace {
  readonly #host: string;
  readonly #limiter: Limiter;

  constructor(host: string, requestsPerSecond: number, clock: Clock) {
    this.#host = host;
    this.#limiter = limiter(requestsPerSecond, clock);
  }

  /**
   * Waits until the next request may start. Throws RateLimitedError if the console asked for a longer wait than
   * `mostMs`.
   */
  async turn(mostMs: number, signal?: AbortSignal): Promise<void> {
    await this.#limiter.turn(signal, (pausedMs) => {
      if (pausedMs <= Math.min(mostMs, longestWaitMs)) return;
      const seconds = Math.ceil(pausedMs / 1000);
      throw new RateLimitedError(`${this.#host} takes no request for another ${seconds} s`, pausedMs);
    });
  }

  /** After an error with a wait, no connection starts a request before that wait ends. */
  pauseAfter(error: unknown): void {
    if (error instanceof RateLimitedError) this.#limiter.pause(error.retryAfterMs ?? shortestPauseMs);
    if (error instanceof UnreachableError) this.#limiter.pause(error.retryAfterMs ?? 0);
  }
}

export function retryOf(clock: Clock): Retry {
  return {
    whether: (error) => waitMs(error) <= longestWaitMs,
    howLong: (error, failures) => Math.max(waitMs(error), backoffMs(failures, 1_000, longestWaitMs, clock)),
    howMany: 4,
  };
}

/** The wait that the console asks for; infinite for an error that a retry does not fix. */
function waitMs(error: unknown): number {
  const passes = error instanceof RateLimitedError || error instanceof UnreachableError;
  return passes ? (error.retryAfterMs ?? 0) : Number.POSITIVE_INFINITY;
}
