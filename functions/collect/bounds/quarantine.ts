import type { Status } from '../../health/status.ts';
import { day } from '../../instances/expiry.ts';
import type { CursorItem } from '../cursors.ts';

/** An instance whose polls may end the whole run. */
export interface Suspect {
  readonly instance: string;
  readonly stream: string;
  readonly killedRuns: number;
}

/** After so many the instance is polled at widening intervals only. */
const mostKilledRuns = 3;

const firstWaitMs = 60 * 60 * 1000;

/**
 * How many runs in a row were killed while they polled the instance: a claim that has lapsed is one that its run did not
 * release. Other instances that the same runs polled have such a claim too, until a poll of theirs ends.
 */
export function killedRunsOf(item: CursorItem | undefined, now: number): number {
  const counted = Number(item?.status.killedRuns ?? 0);
  return counted + (hasLapsed(item, now) ? 1 : 0);
}

/** Whether the instance is to wait now, because it has just killed a run once more. */
export function isQuarantined(item: CursorItem | undefined, now: number): boolean {
  return hasLapsed(item, now) && killedRunsOf(item, now) >= mostKilledRuns;
}

function hasLapsed(item: CursorItem | undefined, now: number): boolean {
  return item?.claimUntil !== undefined && item.claimUntil < now;
}

/** The status of an instance that waits: an hour, then twice as long each time, up to a day. */
export function quarantineStatus(
  previous: Partial<Status>,
  killedRuns: number,
  configVersion: string,
  now: number,
): Partial<Status> {
  const waitMs = Math.min(day, firstWaitMs * 2 ** (killedRuns - mostKilledRuns));
  const iso = (ms: number) => new Date(ms).toISOString();
  return {
    ...previous,
    state: 'failed',
    killedRuns,
    lastPollAt: iso(now),
    nextPollAt: iso(now + waitMs),
    configVersion,
    lastError: `its answers end the run: ${killedRuns} runs in a row ended while it was polled`,
    remedy:
      "No data is lost, and it is polled again at longer intervals. Check what the console sends, and the function's memory in its log; if the console is sound, report it.",
    failures: (previous.failures ?? 0) + 1,
    failingSince: previous.failingSince ?? iso(now),
  };
}
