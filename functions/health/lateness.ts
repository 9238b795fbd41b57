import { hourMs, type Timestamp, toMs } from '../kit/time.ts';

/**
 * How late the records of a stream became visible at a console: how long before the last listing began their time was.
 * That listing did not have them yet, and the next one has them only if the overlap reaches back to their time.
 */
export interface Lateness {
  /** The overlap of the last poll. */
  readonly overlapMs: number;
  /** How many records were counted, or a part of them if there are very many. */
  readonly records: number;
  /** Half of the records were at most so late; then 99 %, 99.9 %, and all. Within 10 %; 0 is in time. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly mostMs: number;
}

/** The end of a bucket divided by its start: its middle is within 10 % of each value in it. */
const ratio = 1.21;
const middle = Math.sqrt(ratio);

/** A record that is less late is in time: it has the first bucket. */
const firstMs = 2_000;

/** The last bucket begins above the longest overlap, which is an hour. */
const buckets = 42;

/** The counts are those of a period that has not ended, and of the one before it: of four to eight days. */
const periodMs = 4 * 24 * hourMs;

/** Three digits, so that a stored lateness has less than 400 characters. More than that is divided by two. */
const [radix, mostCount] = [36, 36 ** 3 - 1];

/** Counts by bucket. */
export type LateCounts = number[];

/** Adds records that were so late. */
export function countLate(counts: LateCounts, lateMs: number, records = 1): void {
  const bucket = lateMs < firstMs ? 0 : 1 + Math.floor(Math.log(lateMs / firstMs) / Math.log(ratio));
  const kept = Math.min(bucket, buckets - 1);
  counts[kept] = (counts[kept] ?? 0) + records;
}

/**
 * Adds the records that a listing found and none did before.
 * @param position where the listing before it began
 * @param knownSince records from this time on were surely not delivered before; others are not counted
 */
export function countListed(
  counts: LateCounts,
  records: readonly { readonly time: Timestamp | undefined }[],
  position: Timestamp,
  knownSince: Timestamp | undefined,
): void {
  if (knownSince === undefined) return;
  for (const { time } of records) {
    if (time === undefined || time < knownSince) continue;
    countLate(counts, time < position ? toMs(position) - toMs(time) : 0);
  }
}

/** Records of an hour that no listing found. */
interface Missed {
  readonly hour: Timestamp;
  readonly found: number;
}

interface Stored {
  readonly overlapMinutes: number;
  /** The first hour, counted since 1970, in which the overlap was so long from the start. */
  readonly since: number;
  readonly period: number;
  /** Counts by bucket of this period and of the one before. */
  readonly parts: readonly (readonly number[])[];
}

/** Returns what to store after a poll that counted and missed these; `stored` may be anything. */
export function latenessAfter(
  stored: unknown,
  listed: Readonly<LateCounts>,
  missed: readonly Missed[],
  overlapMs: number,
  now: number,
): string | undefined {
  const known = decode(stored);
  const overlapMinutes = Math.round(overlapMs / 60_000);
  const isChanged = known !== undefined && known.overlapMinutes !== overlapMinutes;
  const since = isChanged ? Math.floor(now / hourMs) + 1 : (known?.since ?? 0);
  const counts = [...listed];
  // They are later than the overlap. Nothing else is known of them.
  for (const { hour, found } of missed)
    if (found > 0 && toMs(hour) >= since * hourMs) countLate(counts, overlapMs * ratio, found);
  if (known === undefined && counts.length === 0) return undefined;
  const period = Math.floor(now / periodMs);
  const [last = [], before = []] = known?.parts ?? [];
  const age = period - (known?.period ?? period);
  const [current, ended] = age === 0 ? [last, before] : [[], age === 1 ? last : []];
  const sums = Array.from({ length: buckets }, (_, i) => (current[i] ?? 0) + (counts[i] ?? 0));
  let parts = [sums, ended];
  while (Math.max(...parts.flat()) > mostCount)
    parts = parts.map((part) => part.map((count) => Math.ceil(count / 2)));
  return [overlapMinutes, since.toString(radix), period.toString(radix), ...parts.map(encode)].join(' ');
}

/** `2s..1`: counts with a dot between them; a count of 0 is empty. */
function encode(counts: readonly number[]): string {
  const digits = Array.from(counts, (count = 0) => (count > 0 ? count.toString(radix) : ''));
  return digits.join('.').replace(/\.+$/, '');
}

const form = /^(\d{1,4}) ([\da-z]{1,8}) ([\da-z]{1,8}) ([\da-z.]{0,200}) ([\da-z.]{0,200})$/;

function decode(stored: unknown): Stored | undefined {
  const [, overlap, since = '', period = '', ...parts] =
    (typeof stored === 'string' && form.exec(stored)) || [];
  if (overlap === undefined) return undefined;
  const counts = (part: string) =>
    part
      .split('.', buckets)
      .map((digits) => (digits === '' ? 0 : Math.min(Number.parseInt(digits, radix), mostCount)));
  return {
    overlapMinutes: Number(overlap),
    since: Number.parseInt(since, radix),
    period: Number.parseInt(period, radix),
    parts: parts.map(counts),
  };
}

/** Returns what a stored lateness says; undefined if it can't be read or counts nothing. */
export function readLateness(stored: unknown): Lateness | undefined {
  const known = decode(stored);
  if (known === undefined) return undefined;
  const [last = [], before = []] = known.parts;
  const counts = Array.from({ length: buckets }, (_, i) => (last[i] ?? 0) + (before[i] ?? 0));
  const records = counts.reduce((sum, count) => sum + count, 0);
  if (records === 0) return undefined;
  const lateMs = (share: number) => {
    let left = Math.ceil(share * records);
    const bucket = counts.findIndex((count) => {
      left -= count;
      return left <= 0;
    });
    return bucket <= 0 ? 0 : Math.round(firstMs * ratio ** (bucket - 1) * middle);
  };
  return {
    overlapMs: known.overlapMinutes * 60_000,
    records,
    p50Ms: lateMs(0.5),
    p99Ms: lateMs(0.99),
    p999Ms: lateMs(0.999),
    mostMs: lateMs(1),
  };
}

/** From this share of the overlap on, a few records are likely to be later than it. */
const nearShare = 0.9;

/** The longest overlap that can be set. */
const mostOverlapMinutes = 60;

/**
 * Returns the overlap to set, in minutes; undefined if the present one is enough. Where records were later than the
 * overlap, it is not known how late they were: then it is three times as long.
 */
export function overlapToSet({ overlapMs, p999Ms }: Lateness): number | undefined {
  if (p999Ms < nearShare * overlapMs) return undefined;
  const wantedMs = p999Ms > overlapMs ? 3 * overlapMs : 1.2 * p999Ms;
  return Math.min(mostOverlapMinutes, Math.ceil(wantedMs / 300_000) * 5);
}
