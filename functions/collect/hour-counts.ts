import type { Record } from '../console/record.ts';
import { epoch, later, shift, type Timestamp, toMs } from '../kit/time.ts';

/** How many record versions were delivered for the first time, by the hour of their own time. */
export interface HourCounts {
  /** From this hour on the counts are complete. */
  readonly since: Timestamp;
  /** By the hour's beginning; an hour without any is absent. */
  readonly delivered: Readonly<{ [hour: Timestamp]: number }>;
  /** Delivered too, but the console may count them in any hour. */
  readonly untimed: number;
}

export const hourMs = 60 * 60 * 1000;

/** Older hours are not counted any more. */
const keptMs = 48 * hourMs;

/** Beyond this the console's totals for activities look capped (peer). */
const countedAtMost = 50_000;

function hourOf(time: Timestamp): Timestamp {
  return `${time.slice(0, 13)}:00:00.000000Z`;
}

/** Counts that begin with the first whole hour after `from`. */
export function countsFrom(from: Timestamp): HourCounts {
  return { since: from === epoch ? epoch : hourOf(shift(from, hourMs)), delivered: {}, untimed: 0 };
}

/** The counts with these records added, and without what is long before `position`. */
export function counted(counts: HourCounts, records: readonly Record[], position: Timestamp): HourCounts {
  const delivered: { [hour: Timestamp]: number } = {};
  const oldest = shift(position, -keptMs);
  for (const [hour, count] of Object.entries(counts.delivered)) if (hour >= oldest) delivered[hour] = count;
  let { untimed } = counts;
  const future = shift(position, keptMs);
  for (const { time } of records) {
    if (time === undefined || time > future) {
      untimed += 1;
    } else if (time >= oldest) {
      const hour = hourOf(time);
      delivered[hour] = (delivered[hour] ?? 0) + 1;
    }
  }
  return { since: counts.since, delivered, untimed };
}

/** After versions were forgotten they may be counted twice, which could hide a loss: the counts begin anew. */
export function recounted(counts: HourCounts, position: Timestamp): HourCounts {
  return { since: later(counts.since, hourOf(shift(position, hourMs))), delivered: {}, untimed: 0 };
}

/** A whole hour that no late record can still reach, any of those that are counted; undefined where there is none. */
export function hourToAudit(
  counts: HourCounts,
  position: Timestamp,
  overlapMs: number,
  random: () => number,
): Timestamp | undefined {
  const first = later(counts.since, hourOf(shift(position, hourMs - keptMs)));
  const last = hourOf(shift(position, -overlapMs - hourMs));
  const hours = (toMs(last) - toMs(first)) / hourMs + 1;
  return hours < 1 ? undefined : shift(first, Math.floor(random() * hours) * hourMs);
}

/** How many more the console has than were delivered. A capped total says nothing. */
export function missing(atConsole: number, delivered: number): number {
  return atConsole >= countedAtMost ? 0 : Math.max(0, atConsole - delivered);
}
