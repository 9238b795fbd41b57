import type { Record } from '../console/record.ts';
import { epoch, later, shift, type Timestamp, toMs } from '../kit/time.ts';

/** The number of record versions that were delivered for the first time, by the hour of their timestamp. */
export interface HourCounts {
  /** The counts are complete from this hour on. */
  readonly since: Timestamp;
  /** By the start of the hour. An hour without records is absent. */
  readonly delivered: Readonly<{ [hour: Timestamp]: number }>;
  /** Delivered records without a time, which the console may count in any hour. */
  readonly untimed: number;
}

export const hourMs = 60 * 60 * 1000;

/** Older hours are no longer counted. */
const keptMs = 48 * hourMs;

/** The console's totals for activities appear to be capped at this number. */
const countedAtMost = 50_000;

function hourOf(time: Timestamp): Timestamp {
  return `${time.slice(0, 13)}:00:00.000000Z`;
}

/** Starts counts with the first whole hour after `from`. */
export function countsFrom(from: Timestamp): HourCounts {
  return { since: from === epoch ? epoch : hourOf(shift(from, hourMs)), delivered: {}, untimed: 0 };
}

/** Adds these records and removes hours long before `position`. */
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

/** Starts new counts. Forgotten versions may be counted twice, which could hide a loss. */
export function recounted(counts: HourCounts, position: Timestamp): HourCounts {
  return { since: later(counts.since, hourOf(shift(position, hourMs))), delivered: {}, untimed: 0 };
}

/** Chooses one of the counted hours that no late record can still reach. Returns undefined if there is none. */
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

/** Returns how many more records the console has than were delivered. A capped total gives 0. */
export function missing(atConsole: number, delivered: number): number {
  return atConsole >= countedAtMost ? 0 : Math.max(0, atConsole - delivered);
}
