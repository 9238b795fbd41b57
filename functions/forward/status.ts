import { failuresAfter, type Status } from '../health/status.ts';
import type { ForwardOutcome } from './ports.ts';

/** The forwarder's status item, in the same format as that of a stream. */
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
    ...failuresAfter(previous, error !== undefined, now),
    lastCount: accepted,
  };
}

/** Returns whether `next` differs from the `written` status, or is due to be written, which is `quietMs` later. */
export function isNews(written: Partial<Status>, next: Partial<Status>, quietMs: number): boolean {
  const elapsedMs = Date.parse(next.lastPollAt ?? '') - Date.parse(written.lastPollAt ?? '');
  return next.state !== written.state || next.lastError !== written.lastError || !(elapsedMs < quietMs);
}
