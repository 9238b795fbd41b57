import type { Clock } from './clock.ts';

/** Whether an error is worth another try, how long to wait before it, and how many tries there are in all. */
export interface Retry {
  readonly whether: (error: unknown) => boolean;
  /** Milliseconds; `failures` counts from 1. */
  readonly howLong: (error: unknown, failures: number) => number;
  readonly howMany: number;
}

/** Runs `operation` until it succeeds, `retry` says no, or the wait is longer than the time that is left. */
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

/** Exponential with full jitter: anywhere between 0 and the doubled base, so that clients do not march in step. */
export function backoffMs(failures: number, baseMs: number, capMs: number, clock: Clock): number {
  return clock.random() * Math.min(capMs, baseMs * 2 ** (failures - 1));
}
