import type { Status } from '../health/status.ts';
import type { ForwardOutcome } from './ports.ts';

/** Without news, the status is written no more often than this: many runs a minute would each pay for it. */
const quietMs = 5 * 60 * 1000;

/** What the forwarder leaves for operators to see, where the streams leave theirs. */
export function forwarderStatus(
  previous: Partial<Status>,
  { state, accepted, error }: ForwardOutcome,
  now: number,
): Partial<Status> {
  const at = new Date(now).toISOString();
  const lastSuccessAt = error === undefined ? at : previous.lastSuccessAt;
  return {
    state,
    lastPollAt: at,
    ...(lastSuccessAt !== undefined && { lastSuccessAt }),
    ...(error !== undefined && { lastError: error.message, remedy: error.remedy }),
    failures: error === undefined ? 0 : (previous.failures ?? 0) + 1,
    lastCount: accepted,
  };
}

/** Whether `next` is worth writing over what was `written`. */
export function isNews(written: Partial<Status>, next: Partial<Status>): boolean {
  const elapsedMs = Date.parse(next.lastPollAt ?? '') - Date.parse(written.lastPollAt ?? '');
  return next.state !== written.state || next.lastError !== written.lastError || !(elapsedMs < quietMs);
}
