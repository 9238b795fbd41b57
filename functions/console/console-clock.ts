import { fromMs, type Timestamp } from '../kit/time.ts';
import type { Answer } from './api.ts';

/** The console's clock, by one of its answers. */
export interface ConsoleClock {
  /** When the request was sent, by the console's clock, or by ours where the console's is ahead. */
  readonly sentAt: Timestamp;
  /** How far the console's clock is ahead of `sentAt`. */
  readonly aheadMs: number;
  /** The console's clock minus ours; undefined where the answer does not say the time. */
  readonly skewMs: number | undefined;
}

/** A clock that is further off is broken, and so is ignored: by it the position would never move. */
const mostSkewMs = 24 * 60 * 60 * 1000;

/**
 * Without a plausible `Date` the console's clock is taken to be ours less the overlap, which is how far ours may be off.
 * @param sentMs when the request was sent by our clock, and `now` when its answer was there
 */
export function consoleClock(answer: Answer, sentMs: number, now: number, overlapMs: number): ConsoleClock {
  const { dateMs, tookMs } = answer;
  const isPlausible = dateMs !== undefined && Math.abs(dateMs - now) < mostSkewMs;
  const consoleMs = (isPlausible ? dateMs : now - overlapMs) - Math.ceil(tookMs);
  // A position that is ahead of the true time would step over records.
  const sentAtMs = Math.min(consoleMs, sentMs);
  return {
    sentAt: fromMs(sentAtMs),
    aheadMs: Math.ceil(consoleMs - sentAtMs),
    skewMs: dateMs === undefined ? undefined : skewOf(dateMs, tookMs, now),
  };
}

/** The answer's time is somewhere between the request and now. */
function skewOf(dateMs: number, tookMs: number, now: number): number {
  if (dateMs > now) return dateMs - now;
  return Math.min(0, dateMs + tookMs - now);
}
