import { ClaimLostError, OutOfTimeError, type Problem, problemOf } from '../../errors.ts';
import { type LedgerHour, lostAfterQueue } from '../../health/receipt.ts';
import type { CursorKey } from '../../instances/ports.ts';
import type { Clock } from '../../kit/clock.ts';
import { hourMs, later, shift, type Timestamp } from '../../kit/time.ts';
import { type Cursor, largestLimit } from '../cursor.ts';
import type { Ledger } from '../ports.ts';
import type { Repeats } from '../repeats.ts';
import { hourOf, hoursToCheck, isKept } from './hour-counts.ts';
import { type ReadingContext, readAgain, totals } from './read-hour.ts';

/** An hour in which the console has more records than were delivered. It was read again. */
interface MissedHour {
  readonly hour: Timestamp;
  readonly atConsole: number;
  /** Before the hour was read again. */
  readonly delivered: number;
  /** Delivered for the first time when the hour was read again. */
  readonly found: number;
  /** Counted by the console, but not listed. */
  readonly left: number;
  /** In the queue, but not accepted by Analytics. */
  readonly lost: number;
}

/** What a poll learned about past hours. */
export interface HoursChecked {
  /** Every hour before it was checked, as far as it is counted. */
  readonly checkedUntil: Timestamp | undefined;
  readonly hours: number;
  /** Only what was not reported before. */
  readonly missed: readonly MissedHour[];
  /** Every hour before it is complete. Earlier than `checkedUntil` if the console counts more than it lists. */
  readonly completeUntil: Timestamp | undefined;
  /** Why not all hours were checked. The next poll continues. */
  readonly error: Problem | undefined;
}

/** What the check uses of the poll that it follows. */
export interface LedgerContext extends ReadingContext {
  readonly key: CursorKey;
  readonly repeats: Pick<Repeats, 'counts' | 'recount'>;
  readonly ledger: Ledger;
  readonly hoursPerPoll: number;
  /** Whether Analytics has to accept what the queue has. */
  readonly isForwarded: boolean;
}

/** A second check finds what became visible after the first. */
const secondCheckMs = 24 * hourMs;

/** For so long an hour that is not complete is checked with each hour that follows. */
const checkedAgainMs = 6 * hourMs;

/** Whether an hour has passed that was not checked. */
export function isCheckDue(
  checkedUntil: Timestamp | undefined,
  position: Timestamp,
  overlapMs: number,
): boolean {
  return checkedUntil === undefined || checkedUntil < hourOf(shift(position, -overlapMs));
}

/**
 * Compares the console's count with what was delivered, for the oldest hours that were not checked, and again for hours a
 * day before them. An hour in which the console has more is read and delivered again. Errors are in the result, except a
 * lost claim.
 */
export async function checkHours(
  cursor: Cursor,
  checkedBefore: Timestamp | undefined,
  context: LedgerContext,
  clock: Clock,
): Promise<HoursChecked> {
  const { repeats, overlapMs, hoursPerPoll, renewClaim, ledger, key } = context;
  let checkedUntil = checkedBefore;
  let error: Problem | undefined;
  const rows: LedgerHour[] = [];
  const missed: MissedHour[] = [];
  try {
    const counts = await repeats.counts();
    if (checkedUntil !== undefined && checkedUntil < counts.since)
      error = skipped(checkedUntil, counts.since);
    checkedUntil = later(counts.since, checkedUntil ?? counts.since);
    const hours = hoursToCheck(counts, checkedUntil, cursor.position, overlapMs).slice(0, hoursPerPoll);
    const isCounted = (hour: Timestamp) => hour >= counts.since && isKept(hour, cursor.position);
    const before = hours.map((hour) => shift(hour, -secondCheckMs)).filter(isCounted);
    const recent = shift(cursor.position, -checkedAgainMs);
    const again = Object.keys(counts.again ?? {}).filter((hour) => hour >= recent && !hours.includes(hour));
    for await (const [hour, atConsole] of totals([...new Set([...again, ...before, ...hours])], context)) {
      const { row, missed: news } = await checkHour(hour, atConsole, cursor, context);
      if (row === undefined) error = cutOff(hour);
      else rows.push(row);
      if (news !== undefined) missed.push(news);
      if (hours.includes(hour)) checkedUntil = shift(hour, hourMs);
    }
  } catch (thrown) {
    if (thrown instanceof ClaimLostError) throw thrown;
    error = thrown instanceof OutOfTimeError ? outOfTime(thrown) : problemOf(thrown);
  }
  try {
    // A run that has lost its claim must not overwrite what another one wrote, nor write for a removed instance.
    if (rows.length > 0) await renewClaim();
    if (rows.length > 0) await ledger.write(key, rows, clock.now());
    if (context.isForwarded)
      for (const { hour } of rows)
        missed.push(...(await resendLost(shift(hour, -hourMs), cursor, context, clock)));
    const { again = {}, since, skipped: first } = await repeats.counts();
    const incomplete = Object.keys(again).filter((hour) => (again[hour] ?? 0) > 0);
    if (first !== undefined && first < since) incomplete.push(first);
    return {
      checkedUntil,
      completeUntil: incomplete.sort()[0] ?? checkedUntil,
      hours: rows.length,
      missed,
      error,
    };
  } catch (thrown) {
    // What is not in the ledger is checked again.
    const nothing = { checkedUntil: checkedBefore, completeUntil: undefined, hours: 0 };
    return { ...nothing, missed, error: error ?? problemOf(thrown) };
  }
}

function outOfTime({ name }: OutOfTimeError): Problem {
  const remedy = 'Nothing is wrong if it happens once: the next poll tries again.';
  return { name, state: 'backlogged', message: "the run's time was over", remedy };
}

function cutOff(hour: Timestamp): Problem {
  return {
    name: 'HourCutOffError',
    state: 'unreadable',
    message: `the hour from ${hour} could not be read to its end, because the console lists it slowly or in tiny pages`,
    remedy: 'It is read again for six hours, and once more a day later.',
  };
}

function skipped(from: Timestamp, until: Timestamp): Problem {
  return {
    name: 'HoursSkippedError',
    state: 'backlogged',
    message: `the hours from ${from} to ${until} are not compared, because more records were delivered than are remembered`,
    remedy: 'Nothing is known to be missing. To be sure, replay these hours: collector replay.',
  };
}

/**
 * What a difference means is only known from reading the hour to its end, because everything read is delivered. Without
 * that there is no row.
 */
async function checkHour(
  hour: Timestamp,
  atConsole: number,
  cursor: Cursor,
  context: LedgerContext,
): Promise<{ readonly row: LedgerHour | undefined; readonly missed: MissedHour | undefined }> {
  const { repeats } = context;
  const { delivered: all, again, doubtful } = await repeats.counts();
  const delivered = all[hour] ?? 0;
  const known = again?.[hour];
  const isDoubtful = atConsole > 0 && doubtful?.includes(hour) === true;
  if (atConsole <= delivered && !isDoubtful) {
    if (known !== undefined) await repeats.recount(hour, delivered, undefined);
    return { row: { hour, console: atConsole, queue: delivered, resent: 0 }, missed: undefined };
  }
  const most = 2 * atConsole + largestLimit;
  // An hour of which the console counts more than it lists is delivered again only with something new in it.
  const delivers = isDoubtful || (known ?? 0) === 0;
  let read = await readAgain(hour, most, cursor, context, delivers);
  if (!delivers && read.records > delivered) read = await readAgain(hour, most, cursor, context, true);
  const queue = isDoubtful ? read.records : Math.max(delivered, read.records);
  const left = Math.max(0, atConsole - queue);
  await repeats.recount(hour, queue, left > 0 ? left : undefined);
  const found = isDoubtful ? 0 : Math.max(0, read.timed - delivered);
  const isKnown = read.isWhole || left === 0;
  // What was found was not sent before.
  const resent = read.sent - found;
  const isNews = found > 0 || (isKnown && left > 0 && known !== left);
  return {
    row: isKnown ? { hour, console: atConsole, queue, resent } : undefined,
    missed: isNews ? { hour, atConsole, delivered, found, left, lost: 0 } : undefined,
  };
}

/** Reads an hour again of which Analytics lacks some, once: it may never accept them. */
async function resendLost(
  hour: Timestamp,
  cursor: Cursor,
  context: LedgerContext,
  clock: Clock,
): Promise<MissedHour[]> {
  const { ledger, key } = context;
  const row = await ledger.read(key, hour);
  const lost = lostAfterQueue(row, await ledger.read(key, shift(hour, hourMs)));
  if (lost === 0 || row?.queue === undefined) return [];
  const { queue, console: atConsole = queue, accepted: base = 0 } = row;
  const { isWhole, sent } = await readAgain(hour, 2 * atConsole + largestLimit, cursor, context, true);
  const again = isWhole ? { resent: 0, base } : { resent: sent };
  await ledger.write(key, [{ hour, console: atConsole, queue, ...again }], clock.now());
  return [{ hour, atConsole, delivered: queue, found: 0, left: 0, lost }];
}
