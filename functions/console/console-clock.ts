import { fromMs, type Timestamp } from '../kit/time.ts';
import type { Answer } from './api.ts';

/** The console's clock, derived from one of its responses. */
export interface ConsoleClock {
  /** When the request was sent, by the console's clock, or by this machine's if the console's is ahead. */
  readonly sentAt: Timestamp;
  /** How far the console's clock is ahead of `sentAt`. */
  readonly aheadMs: number;
  /** The console's clock minus this machine's; undefined if the response has no time. */
  readonly skewMs: number | undefined;
}

/** A clock with a larger error is ignored, because the position would never move. */
const mostSkewMs = 24 * 60 * 60 * 1000;

/**
 * Derives the console's clock. Without a plausible `Date`, it is assumed to be this machine's clock minus the
 * overlap, which is the assumed error of this clock.
 * @param sentMs when the request was sent, by this machine's clock
 * @param now when its response had arrived
 */
export function consoleClock(answer: Answer, sentMs: number, now: number, overlapMs: number): ConsoleClock {
  const { dateMs, tookMs } = answer;
  const isPlausible = dateMs !== undefined && Math.abs(dateMs - now) < mostSkewMs;
  const consoleMs = (isPlausible ? dateMs : now - overlapMs) - Math.ceil(tookMs);
  // A position ahead of the true time would skip records.
  const sentAtMs = Math.min(consoleMs, sentMs);
  return {
    sentAt: fromMs(sentAtMs),
    aheadMs: Math.ceil(consoleMs - sentAtMs),
    skewMs: dateMs === undefined ? undefined : skewOf(dateMs, tookMs, now),
  };
}

/** The time of the response is between the request and now. */
function skewOf(dateMs: number, tookMs: number, now: number): number {
  if (dateMs > now) return dateMs - now;
  return Math.min(0, dateMs + tookMs - now);
}
