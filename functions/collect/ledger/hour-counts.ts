import type { Record } from '../../console/record.ts';
import { hashOf } from '../../kit/hash.ts';
import { earlier, epoch, hourMs, later, shift, type Timestamp, toMs } from '../../kit/time.ts';

/**
 * How many records were delivered, by the hour in which they were created. A record counts once, however many versions
 * of it are delivered.
 */
export interface HourCounts {
  /** The counts are complete from this hour on. */
  readonly since: Timestamp;
  /** By the start of the hour. An hour without records is absent. */
  readonly delivered: Readonly<{ [hour: Timestamp]: number }>;
  /**
   * For a stream with versions: the records of each hour that is not checked yet, 8 bytes of hash each, so that a later
   * version is not counted as another record. One byte stands for an hour that was read again, whose count is final.
   * Counts of earlier versions of this program lack it.
   */
  readonly ids?: Readonly<{ [hour: Timestamp]: Uint8Array }> | undefined;
  /**
   * Hours to check again, with the number of records that the console counts but does not list: 0 if a late record was
   * delivered after the check.
   */
  readonly again?: Readonly<{ [hour: Timestamp]: number }> | undefined;
  /** The first hour whose count was dropped before its check, of those that the ledger can still have. */
  readonly skipped?: Timestamp | undefined;
  /** Versions before this time may be forgotten, so that a listing that starts earlier would count them again. */
  readonly remembered?: Timestamp | undefined;
  /** Hours in which that happened: their counts may be too high. */
  readonly doubtful?: readonly Timestamp[] | undefined;
}

/** Checked hours are kept for the second check, a day later; hours that are not checked yet for as long as the ledger. */
const [keptMs, longestMs] = [48 * hourMs, 35 * 24 * hourMs];

/** The code units of an id's hash, of two bytes each, and how many fit next to the memory in one DynamoDB item. */
const [idUnits, mostIds] = [4, 5_000];

/** Whether the count of a checked hour is still known. */
export function isKept(hour: Timestamp, position: Timestamp): boolean {
  return hour >= shift(position, -keptMs);
}

export function hourOf(time: Timestamp): Timestamp {
  return `${time.slice(0, 13)}:00:00.000000Z`;
}

/** Starts counts with the first whole hour after `from`. */
export function countsFrom(from: Timestamp, hasVersions: boolean): HourCounts {
  const since = from === epoch ? epoch : hourOf(shift(from, hourMs));
  return { since, delivered: {}, ...(hasVersions && { ids: {} }) };
}

/** What `counted` adds to. */
export interface Counting {
  readonly position: Timestamp;
  /** Every hour before it was checked; undefined if none was. */
  readonly checkedUntil: Timestamp | undefined;
}

/** Adds records that were delivered for the first time and removes hours that are no longer needed. */
export function counted(
  counts: HourCounts,
  records: readonly Record[],
  { position, checkedUntil = counts.since }: Counting,
): HourCounts {
  const oldest = later(
    earlier(shift(position, -keptMs), checkedUntil),
    later(counts.since, hourOf(shift(position, -longestMs))),
  );
  const future = shift(position, keptMs);
  const delivered: { [hour: Timestamp]: number } = {};
  for (const [hour, count] of Object.entries(counts.delivered)) if (hour >= oldest) delivered[hour] = count;
  const again = { ...counts.again };
  for (const [hour, left] of Object.entries(again))
    if (!isKept(hour, position) && (left === 0 || hour < shift(position, -longestMs))) delete again[hour];
  const ids = counts.ids && new Ids(counts.ids, checkedUntil);
  for (const { created, recordId } of records) {
    // The console may count it in any hour: reading that hour tells.
    if (created === undefined || created > future) continue;
    const hour = hourOf(created);
    // Of a record that was created in an hour that is checked, this is another version.
    if (hour < oldest || (ids && (hour < checkedUntil || !ids.add(hour, recordId)))) continue;
    delivered[hour] = (delivered[hour] ?? 0) + 1;
    if (hour < checkedUntil) again[hour] ??= 0;
  }
  const doubtful = counts.doubtful?.filter((hour) => hour >= oldest);
  const skipped = counts.skipped && later(counts.skipped, hourOf(shift(position, -longestMs)));
  const kept = { ...counts, delivered, again, doubtful, skipped, ...(ids && { ids: ids.encode() }) };
  return ids && ids.size > mostIds ? recounted(kept, { position, checkedUntil }) : kept;
}

/** In place of the ids of an hour. */
const finalCount = Uint8Array.of(0);

/** The records of each hour that is not checked. An hour without any has its final count. */
class Ids {
  readonly #hours: Map<Timestamp, Set<string>>;

  constructor(ids: NonNullable<HourCounts['ids']>, from: Timestamp) {
    const open = Object.entries(ids).filter(([hour]) => hour >= from);
    this.#hours = new Map(open.map(([hour, bytes]) => [hour, new Set(idsIn(bytes))]));
  }

  get size(): number {
    return [...this.#hours.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Returns false if it is counted already. */
  add(hour: Timestamp, recordId: string): boolean {
    const ids = this.#hours.get(hour);
    const id = hashOf(recordId).slice(0, idUnits);
    if (ids?.size === 0 || ids?.has(id)) return false;
    this.#hours.set(hour, (ids ?? new Set()).add(id));
    return true;
  }

  encode(): { [hour: Timestamp]: Uint8Array } {
    return Object.fromEntries(
      [...this.#hours].map(([hour, ids]) => [
        hour,
        ids.size === 0 ? finalCount : Buffer.from([...ids].join(''), 'utf16le'),
      ]),
    );
  }
}

function idsIn(bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes).toString('utf16le');
  return Array.from({ length: Math.floor(text.length / idUnits) }, (_, i) =>
    text.slice(i * idUnits, (i + 1) * idUnits),
  );
}

/**
 * The counts with the number of records that were read from the console.
 * @param left how many more it counts; undefined if the hour need not be checked again
 */
export function withRead(
  counts: HourCounts,
  hour: Timestamp,
  read: number,
  left: number | undefined,
): HourCounts {
  const { [hour]: _, ...others } = counts.again ?? {};
  return {
    ...counts,
    delivered: { ...counts.delivered, [hour]: read },
    again: { ...others, ...(left !== undefined && { [hour]: left }) },
    doubtful: counts.doubtful?.filter((one) => one !== hour),
    // What was read is not among the ids, and a later version of it is no other record.
    ...(counts.ids && { ids: { ...counts.ids, [hour]: finalCount } }),
  };
}

/**
 * Starts new counts after every hour that has one: what was counted may be counted twice, which could hide a loss. Hours
 * that were not checked are skipped, and those that are known to be incomplete stay so.
 */
export function recounted(
  counts: HourCounts,
  { position, checkedUntil = counts.since }: Counting,
): HourCounts {
  const { ids, skipped = later(counts.since, checkedUntil) } = counts;
  const last = Object.keys(counts.delivered).reduce(later, hourOf(position));
  const since = later(counts.since, shift(last, hourMs));
  const again = Object.fromEntries(Object.entries(counts.again ?? {}).filter(([, left]) => left > 0));
  return { since, delivered: {}, again, ...(skipped < since && { skipped }), ...(ids && { ids: {} }) };
}

/** The counts for a listing that starts at `from`, which may be earlier than what is remembered. */
export function doubted(counts: HourCounts, from: Timestamp): HourCounts {
  const { remembered, delivered, ids, doubtful = [] } = counts;
  if (ids !== undefined || remembered === undefined || remembered <= from) return counts;
  const hours = Object.keys(delivered).filter((hour) => hour >= hourOf(from));
  // The hour of `from` itself may have none yet.
  return { ...counts, doubtful: [...new Set([...doubtful, ...hours])] };
}

/** The whole hours, oldest first, that no late record can still reach and that were not checked. */
export function hoursToCheck(
  counts: HourCounts,
  checkedUntil: Timestamp | undefined,
  position: Timestamp,
  overlapMs: number,
): Timestamp[] {
  const first = later(
    later(counts.since, checkedUntil ?? counts.since),
    hourOf(shift(position, hourMs - longestMs)),
  );
  const end = hourOf(shift(position, -overlapMs));
  const hours = Math.max(0, (toMs(end) - toMs(first)) / hourMs);
  return Array.from({ length: hours }, (_, i) => shift(first, i * hourMs));
}
