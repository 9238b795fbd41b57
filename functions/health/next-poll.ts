import { OverBudgetError, RateLimitedError, type State, UnreachableError } from '../errors.ts';
import { dayMs } from '../kit/time.ts';

/** How a poll ended that another one follows. Times are in milliseconds, or milliseconds since 1970. */
export interface EndedPoll {
  readonly now: number;
  readonly scheduledAt: number;
  readonly intervalMs: number;
  readonly cadenceMs: number;
  readonly state: State;
  readonly error: unknown;
}

/** Repeated failures widen the interval up to this many cadences. */
const widestGap = 3;

/** The longest wait for the next poll: the longest `pollingInterval`, and the longest `Retry-After` that is respected. */
export const longestWaitMs = dayMs;

/**
 * Returns when the next poll is due: an interval after the tick, later after failures, and at the first tick after the time
 * that the console asked for in `Retry-After`, but at most a day later.
 * @param failures in a row, this poll included
 */
export function nextPollMs(end: EndedPoll, failures: number): number {
  const { now, scheduledAt, intervalMs, cadenceMs, state, error } = end;
  const gapMs =
    state === 'not-licensed' ? dayMs : Math.max(intervalMs, Math.min(failures, widestGap) * cadenceMs);
  const asksToWait =
    error instanceof RateLimitedError ||
    error instanceof UnreachableError ||
    error instanceof OverBudgetError;
  const askedMs = (asksToWait && error.retryAfterMs) || 0;
  const ticks = askedMs > 0 ? Math.ceil((now + askedMs - scheduledAt) / cadenceMs) : 0;
  return Math.min(scheduledAt + Math.max(gapMs, ticks * cadenceMs), now + longestWaitMs);
}
