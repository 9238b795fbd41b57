import { OverBudgetError, RateLimitedError, type State, UnreachableError } from '../errors.ts';

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

const day = 24 * 60 * 60 * 1000;

/** If the console asks for a longer wait, it is polled again after this time. */
const longestWaitMs = day;

/**
 * Returns when the next poll is due: an interval after the tick, later after failures, and not before the time that the
 * console asked for in `Retry-After`.
 * @param failures in a row, this poll included
 */
export function nextPollMs(end: EndedPoll, failures: number): number {
  const { now, scheduledAt, intervalMs, cadenceMs, state, error } = end;
  const gapMs =
    state === 'not-licensed' ? day : Math.max(intervalMs, Math.min(failures, widestGap) * cadenceMs);
  const asksToWait =
    error instanceof RateLimitedError ||
    error instanceof UnreachableError ||
    error instanceof OverBudgetError;
  const askedMs = asksToWait ? Math.min(error.retryAfterMs ?? 0, longestWaitMs) : 0;
  return Math.max(scheduledAt + gapMs, now + askedMs);
}
