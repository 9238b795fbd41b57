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

/** Waits until the next request may start; starts are evenly spaced. */
export type Limiter = (signal?: AbortSignal) => Promise<void>;

export function limiter(perSecond: number, clock: Clock): Limiter {
  let free = 0;
  return async (signal) => {
    const now = clock.now();
    const gapMs = 1000 / perSecond;
    // A clock that was put back must not stop us: no more than a few ever wait here.
    const start = Math.min(Math.max(now, free), now + 10 * gapMs);
    free = start + gapMs;
    if (start > now) await clock.sleep(start - now, signal);
  };
}
