import type { Status } from '../../health/status.ts';
import { dayMs } from '../../kit/time.ts';
import type { CursorItem } from '../ports.ts';

/** An instance whose polls may kill the whole run. */
export interface Suspect {
  readonly instance: string;
  readonly stream: string;
  readonly killedRuns: number;
}

/** After this many killed runs, the instance is polled at increasing intervals. */
const mostKilledRuns = 3;

const firstWaitMs = 60 * 60 * 1000;

/**
 * Counts the runs in a row that were killed while they polled the instance. A run that ends releases its claims, so
 * an expired claim means that its run was killed. Other instances of the same run are counted too, until one of their
 * polls ends.
 */
export function killedRunsOf(item: CursorItem | undefined, now: number): number {
  const counted = Number(item?.status.killedRuns ?? 0);
  return counted + (hasLapsed(item, now) ? 1 : 0);
}

/** Returns whether the instance must wait now, because its run was killed again. */
export function isQuarantined(item: CursorItem | undefined, now: number): boolean {
  return hasLapsed(item, now) && killedRunsOf(item, now) >= mostKilledRuns;
}

function hasLapsed(item: CursorItem | undefined, now: number): boolean {
  return item?.claimUntil !== undefined && item.claimUntil < now;
}

/** The status of a waiting instance: the wait is an hour at first, then doubles up to a day. */
export function quarantineStatus(
  previous: Partial<Status>,
  killedRuns: number,
  configVersion: string,
  now: number,
): Partial<Status> {
  const waitMs = Math.min(dayMs, firstWaitMs * 2 ** (killedRuns - mostKilledRuns));
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
