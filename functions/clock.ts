import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from './core/clock.ts';

/** The machine's clock. */
export const systemClock: Clock = {
  now: Date.now,
  random: Math.random,
  sleep: (ms, signal) => sleep(ms, undefined, { ...(signal && { signal }) }).catch(() => undefined),
};
