import type { Connection } from '../console/connection.ts';
import { createdListing } from '../console/query.ts';
import type { Record } from '../console/record.ts';
import { ClaimLostError, OutOfTimeError, type Problem, problemOf } from '../errors.ts';
import { type LedgerHour, lostAfterQueue } from '../health/receipt.ts';
import type { CursorKey } from '../instances/ports.ts';
import type { Clock } from '../kit/clock.ts';
import { fromMs, later, shift, type Timestamp, toMs } from '../kit/time.ts';
import { smallPagesPerRun } from './bounds/notice.ts';
import { type Cursor, largestLimit } from './cursor.ts';
import { hourMs, hourOf, hoursToCheck, isKept } from './hour-counts.ts';
import { pages } from './listing/pages.ts';
import { Memory } from './memory.ts';
import type { Ledger } from './ports.ts';
import type { Repeats } from './repeats.ts';

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
export interface LedgerContext {
  readonly key: CursorKey;
  readonly connection: Pick<Connection, 'total' | 'page'>;
  readonly repeats: Pick<Repeats, 'counts' | 'recount'>;
  readonly ledger: Ledger;
  readonly overlapMs: number;
  readonly hoursPerPoll: number;
  /** Whether Analytics has to accept what the queue has. */
  readonly isForwarded: boolean;
  /** Whether another request may be made. */
  readonly takeRequest: () => boolean;
  /** Delivers records, including those that were delivered before. */
  readonly deliver: (records: readonly Record[]) => Promise<void>;
  /** Renews the claim. */
  readonly renewClaim: () => Promise<void>;
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
  const { repeats, overlapMs, hoursPerPoll, takeRequest, ledger, key } = context;
  let checkedUntil = checkedBefore;
  let error: Problem | undefined;
  const rows: LedgerHour[] = [];
  const missed: MissedHour[] = [];
  try {
    const counts = await repeats.counts();
    checkedUntil = later(counts.since, checkedUntil ?? counts.since);
    const hours = hoursToCheck(counts, checkedUntil, cursor.position, overlapMs).slice(0, hoursPerPoll);
    const isCounted = (hour: Timestamp) => hour >= counts.since && isKept(hour, cursor.position);
    const before = hours.map((hour) => shift(hour, -secondCheckMs)).filter(isCounted);
    const recent = shift(cursor.position, -checkedAgainMs);
    const again = Object.keys(counts.again ?? {}).filter((hour) => hour >= recent && !hours.includes(hour));
    for (const hour of new Set([...again, ...before, ...hours])) {
      if (!takeRequest()) break;
      const { row, ...found } = await checkHour(hour, cursor, context);
      rows.push(row);
      if (found.missed !== undefined) missed.push(found.missed);
      if (hours.includes(hour)) checkedUntil = shift(hour, hourMs);
    }
  } catch (thrown) {
    if (thrown instanceof ClaimLostError) throw thrown;
    error = thrown instanceof OutOfTimeError ? outOfTime(thrown) : problemOf(thrown);
  }
  try {
    if (rows.length > 0) await ledger.write(key, rows, clock.now());
    if (context.isForwarded)
      for (const { hour } of rows)
        missed.push(...(await resendLost(shift(hour, -hourMs), cursor, context, clock)));
    const { again = {} } = await repeats.counts();
    const [incomplete] = Object.keys(again)
      .filter((hour) => (again[hour] ?? 0) > 0)
      .sort();
    return { checkedUntil, completeUntil: incomplete ?? checkedUntil, hours: rows.length, missed, error };
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

async function checkHour(
  hour: Timestamp,
  cursor: Cursor,
  context: LedgerContext,
): Promise<{ readonly row: LedgerHour; readonly missed: MissedHour | undefined }> {
  const { repeats } = context;
  const atConsole = await total(hour, shift(hour, hourMs), context);
  const { delivered: all, untimed, again, doubtful } = await repeats.counts();
  const delivered = all[hour] ?? 0;
  const known = again?.[hour];
  const isDoubtful = atConsole > 0 && doubtful?.includes(hour) === true;
  if (atConsole <= delivered && !isDoubtful) {
    if (known !== undefined) await repeats.recount(hour, delivered, undefined);
    return { row: { hour, console: atConsole, queue: delivered, resent: 0 }, missed: undefined };
  }
  // Records that do not say when they were created can explain the difference, and so can those that the console does
  // not list. Then the hour is read first, and delivered only if it holds something new.
  const isClear = isDoubtful || ((known ?? 0) === 0 && atConsole > delivered + untimed);
  const most = 2 * atConsole + largestLimit;
  let read = await readAgain(hour, most, cursor, context, isClear);
  if (!read.delivered && (read.timed > delivered || read.untimed > untimed))
    read = await readAgain(hour, most, cursor, context, true);
  const timed = isDoubtful ? read.timed : Math.max(delivered, read.timed);
  const queue = timed + read.untimed;
  const left = Math.max(0, atConsole - queue);
  await repeats.recount(hour, timed, left > 0 ? left : undefined);
  const found = isDoubtful ? 0 : Math.max(0, read.timed - delivered);
  const row = { hour, console: atConsole, queue, resent: read.delivered ? read.timed + read.untimed : 0 };
  const isNews = found > 0 || (left > 0 && known !== left);
  return { row, missed: isNews ? { hour, atConsole, delivered, found, left, lost: 0 } : undefined };
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
  await readAgain(hour, 2 * atConsole + largestLimit, cursor, context, true);
  await ledger.write(key, [{ hour, console: atConsole, queue, resent: 0, base }], clock.now());
  return [{ hour, atConsole, delivered: queue, found: 0, left: 0, lost }];
}

/** Records of an hour that are told apart when it is read again. */
const mostOfHour = 100_000;

/** The console's totals for activities appear to be capped at this number: then the two halves are counted. */
const countedAtMost = 50_000;

/** Parts of 56 seconds. A console that always answers with the cap takes 127 requests an hour, not thousands. */
const mostHalvings = 6;

async function total(
  from: Timestamp,
  until: Timestamp,
  context: Pick<LedgerContext, 'connection' | 'renewClaim'>,
  halvings = mostHalvings,
): Promise<number> {
  const count = await context.connection.total(from, until, new AbortController().signal);
  if (count < countedAtMost || halvings === 0) return count;
  const middle = fromMs(toMs(from) + Math.floor((toMs(until) - toMs(from)) / 2));
  await context.renewClaim();
  const left = halvings - 1;
  return (await total(from, middle, context, left)) + (await total(middle, until, context, left));
}

/**
 * Returns how many records of the hour there are, with and without a time.
 * @param most a console that sends more than that, which is far more than it counted, may never stop
 */
async function readAgain(
  hour: Timestamp,
  most: number,
  { scope, position, limit, roomyPages }: Cursor,
  { connection, overlapMs, takeRequest, deliver, renewClaim }: LedgerContext,
  delivers: boolean,
): Promise<{ readonly timed: number; readonly untimed: number; readonly delivered: boolean }> {
  const listing = createdListing(hour, shift(hour, hourMs));
  const start: Cursor = { scope, position, limit, roomyPages, listing };
  const seen = new Memory(mostOfHour);
  let [timed, untimed, records, smallPages, isOver] = [0, 0, 0, 0, false];
  const isTooMuch = () => records >= most || smallPages >= smallPagesPerRun;
  const reading = {
    overlapMs,
    takeRequest: () => !isTooMuch() && takeRequest(),
    commit: renewClaim,
  };
  for await (const page of pages(start, connection, reading)) {
    if (delivers) await deliver(page.records);
    const [within, others] = [
      page.records.filter(isOf(hour)),
      page.records.filter((one) => !isOf(hour)(one)),
    ];
    const [fresh, freshOthers] = [seen.addAll(within.map(byId)), seen.addAll(others.map(byId))];
    timed += fresh;
    untimed += freshOthers;
    records += page.records.length;
    if (page.oddities.isSmall) smallPages += 1;
    isOver = (await page.ack(fresh + freshOthers)).listing === undefined;
  }
  await renewClaim();
  if (!isOver && !isTooMuch()) throw new OutOfTimeError();
  return { timed, untimed, delivered: delivers };
}

const isOf =
  (hour: Timestamp) =>
  ({ created }: Record): boolean =>
    created !== undefined && hourOf(created) === hour;

const byId = ({ recordId }: Record) => ({ version: recordId });
