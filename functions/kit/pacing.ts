import type { Clock } from './clock.ts';

/** A retry policy: whether to retry an error, how long to wait, and the maximum number of attempts. */
export interface Retry {
  readonly whether: (error: unknown) => boolean;
  /** Milliseconds; `failures` counts from 1. */
  readonly howLong: (error: unknown, failures: number) => number;
  readonly howMany: number;
}

/** Runs `operation` until it succeeds, `retry` stops it, or the wait exceeds the remaining time. */
export async function retrying<T>(
  operation: () => Promise<T>,
  retry: Retry,
  clock: Clock,
  remainingMs: () => number,
  signal?: AbortSignal,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await operation();
    } catch (error) {
      if (failures >= retry.howMany || !retry.whether(error)) throw error;
      const waitMs = retry.howLong(error, failures);
      if (waitMs > remainingMs()) throw error;
      await clock.sleep(waitMs, signal);
      if (signal?.aborted) throw error;
    }
  }
}

/** Exponential backoff with full jitter: a random time up to the doubled base, so that clients do not retry in sync. */
export function backoffMs(failures: number, baseMs: number, capMs: number, clock: Clock): number {
  return clock.random() * Math.min(capMs, baseMs * 2 ** (failures - 1));
}

/** Throws if the operation takes longer than `ms`. The operation is not aborted. */
export async function within<T>(ms: number, operation: () => Promise<T>, clock: Clock): Promise<T> {
  const done = new AbortController();
  const late = async () => {
    await clock.sleep(ms, done.signal);
    throw new Error(`it takes longer than ${Math.round(ms / 1000)} s`);
  };
  try {
    return await Promise.race([operation(), late()]);
  } finally {
    done.abort();
  }
}

/** Spaces requests evenly for all its users. */
export interface Limiter {
  /**
   * Waits until the next request may start.
   * @param onPause called with the remaining milliseconds before a pause is waited for; throw to leave instead
   */
  turn(signal?: AbortSignal, onPause?: (ms: number) => void): Promise<void>;
  /** Delays all requests by this time, including those that already wait. */
  pause(ms: number): void;
  /** Milliseconds until the pause ends; 0 if there is none. */
  pausedMs(): number;
}

export function limiter(perSecond: number, clock: Clock): Limiter {
  const gapMs = 1000 / perSecond;
  let free = 0;
  let pausedUntil = 0;
  let before = 0;
  const now = () => {
    const ms = clock.now();
    // After the clock was set back, earlier times are too far ahead to wait for.
    if (ms < before) [free, pausedUntil] = [ms, ms];
    before = ms;
    return ms;
  };
  const pausedMs = () => {
    const ms = now();
    return Math.max(0, pausedUntil - ms);
  };
  return {
    async turn(signal, onPause) {
      do {
        const paused = pausedMs();
        if (paused > 0) onPause?.(paused);
        const asked = now();
        const start = Math.max(asked, free, pausedUntil);
        free = start + gapMs;
        if (start > asked) await clock.sleep(start - asked, signal);
      } while (pausedMs() > 0 && !signal?.aborted);
    },
    pause(ms) {
      const until = now() + ms;
      pausedUntil = Math.max(pausedUntil, until);
    },
    pausedMs,
  };
}
