import type { Clock } from './clock.ts';

/** Waits until the next request may start; starts are evenly spaced. */
export type Limiter = (signal?: AbortSignal) => Promise<void>;

export function limiter(perSecond: number, clock: Clock): Limiter {
  let free = 0;
  return async (signal) => {
    const now = clock.now();
    const start = Math.max(now, free);
    free = start + 1000 / perSecond;
    if (start > now) await clock.sleep(start - now, signal);
  };
}
