import { hourMs, shift, type Timestamp, toMs } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';

/** How many records that were created in one hour were at each place. */
export interface LedgerHour {
  /** The start of the hour, by the console's clock. */
  readonly hour: Timestamp;
  /** Counted by the console. */
  readonly console: number;
  /** Accepted by the queue, each record once. */
  readonly queue: number;
  /** Records that were sent once more when the hour was read again; added to those of earlier checks. */
  readonly resent: number;
  /** What Analytics had accepted when the hour was read again because some were not: only what follows counts. */
  readonly base?: number;
}

/** An hour as the ledger has it. What is not known yet is absent. */
export interface LedgerRow extends Partial<LedgerHour> {
  readonly hour: Timestamp;
  /** Artifacts that Analytics accepted, where they are forwarded. */
  readonly accepted?: number;
  /** Seconds since 1970. */
  readonly checkedAt?: number;
}

/** Artifacts of one hour of a stream that Analytics accepted. */
export interface AcceptedHour {
  readonly instance: string;
  readonly stream: string;
  readonly hour: Timestamp;
  readonly accepted: number;
}

interface ReceiptHour {
  readonly hour: Timestamp;
  /** `not checked`: the console's count is not known. */
  readonly state: 'complete' | 'missing' | 'not accepted' | 'not checked';
  readonly console: number | undefined;
  readonly queue: number | undefined;
  /** Each record once; undefined if it is not counted. */
  readonly accepted: number | undefined;
  /** ISO 8601. */
  readonly checkedAt: string | undefined;
}

/** What the ledger says of one stream of an instance. */
export interface Receipt {
  readonly instance: string;
  readonly stream: string;
  readonly hours: readonly ReceiptHour[];
  readonly complete: number;
  readonly console: number;
  readonly queue: number;
  readonly accepted: number | undefined;
}

/** An hour is checked once it is older than the overlap, by the next poll. */
const [usualOverlapMinutes, pollMinutes] = [10, 20];

/**
 * The end of the last hour that is checked by now, if polls succeed.
 * @param overlapMinutes of the instance's record; it may be anything
 */
export function lastChecked(now: number, overlapMinutes: unknown = usualOverlapMinutes): Timestamp {
  const minutes = typeof overlapMinutes === 'number' ? overlapMinutes : usualOverlapMinutes;
  return `${new Date(now - (minutes + pollMinutes) * 60_000).toISOString().slice(0, 13)}:00:00.000000Z`;
}

/**
 * Versions of a record are accepted one by one, so that their number says nothing about records.
 */
export function countsAccepted({ orderedBy, created }: Stream): boolean {
  return orderedBy === 'createdAt' && created !== undefined;
}

/** @param isForwarded whether Analytics has to accept what the queue has */
export function receiptOf(
  { instance, stream }: { readonly instance: string; readonly stream: Stream },
  rows: readonly LedgerRow[],
  { from, to }: { readonly from: Timestamp; readonly to: Timestamp },
  isForwarded: boolean,
): Receipt {
  const known = new Map(rows.map((row) => [row.hour, row]));
  const first = shift(`${shift(from, hourMs - 1).slice(0, 13)}:00:00.000000Z`, 0);
  const count = Math.max(0, Math.floor((toMs(to) - toMs(first)) / hourMs));
  const hours = Array.from({ length: count }, (_, i) => shift(first, i * hourMs)).map((hour) =>
    receiptHour(known.get(hour) ?? { hour }, isForwarded && countsAccepted(stream)),
  );
  const sum = (of: (hour: ReceiptHour) => number | undefined) =>
    hours.reduce((total, hour) => total + (of(hour) ?? 0), 0);
  const hasAccepted = hours.some(({ accepted }) => accepted !== undefined);
  return {
    instance,
    stream: stream.name,
    hours,
    complete: hours.filter(({ state }) => state === 'complete').length,
    console: sum((hour) => hour.console),
    queue: sum((hour) => hour.queue),
    accepted: hasAccepted ? sum((hour) => hour.accepted) : undefined,
  };
}

/** What was sent twice is accepted twice. More than that are repeats after a fault. */
function acceptedOnce({ accepted = 0, resent = 0, base = 0 }: LedgerRow): number {
  return Math.max(0, accepted - base - resent);
}

/** How many records of an hour Analytics lacks, if it has everything of the hour that follows: they do not come any more. */
export function lostAfterQueue(row: LedgerRow | undefined, next: LedgerRow | undefined): number {
  if (row?.queue === undefined || row.base !== undefined) return 0;
  const hasNext = (next?.queue ?? 0) > 0 && acceptedOnce(next ?? { hour: '' }) >= (next?.queue ?? 0);
  return hasNext ? Math.max(0, row.queue - acceptedOnce(row)) : 0;
}

function receiptHour(row: LedgerRow, isForwarded: boolean): ReceiptHour {
  const { hour, console, queue, checkedAt } = row;
  const accepted = isForwarded && queue !== undefined ? Math.min(queue, acceptedOnce(row)) : undefined;
  const at = checkedAt === undefined ? undefined : new Date(checkedAt * 1000).toISOString();
  return { hour, state: stateOf(console, queue, accepted), console, queue, accepted, checkedAt: at };
}

function stateOf(
  console: number | undefined,
  queue: number | undefined,
  accepted: number | undefined,
): ReceiptHour['state'] {
  if (console === undefined || queue === undefined) return 'not checked';
  if (console > queue) return 'missing';
  return accepted !== undefined && accepted < queue ? 'not accepted' : 'complete';
}

const number = (value: number) => value.toLocaleString('en-US');

/** `168 of 168 hours complete: 41,233 activities at the console, 41,233 in the queue, 41,233 accepted by Analytics`. */
export function receiptLine({ stream, hours, complete, console, queue, accepted }: Receipt): string {
  const places = [
    `${number(console)} ${stream} at the console`,
    `${number(queue)} in the queue`,
    ...(accepted === undefined ? [] : [`${number(accepted)} accepted by Analytics`]),
  ];
  return `${complete} of ${hours.length} hours complete: ${places.join(', ')}`;
}
