import { setTimeout as sleep } from 'node:timers/promises';

/** Time and randomness, passed as an argument. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Ends early, without an error, when `signal` fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** A number from 0 up to, but not including, 1. */
  random(): number;
}

export const systemClock: Clock = {
  now: Date.now,
  random: Math.random,
  sleep: (ms, signal) => sleep(ms, undefined, { ...(signal && { signal }) }).catch(() => undefined),
};
