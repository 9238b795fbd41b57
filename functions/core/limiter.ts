import type { Clock } from './clock.ts';

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
