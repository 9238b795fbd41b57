import type { Connection } from '../console/connection.ts';
import { boundedListing } from '../console/query.ts';
import type { Record } from '../console/record.ts';
import { ClaimLostError, OutOfTimeError, type Problem, problemOf } from '../errors.ts';
import type { Clock } from '../kit/clock.ts';
import { shift, type Timestamp } from '../kit/time.ts';
import { smallPagesPerRun } from './bounds/notice.ts';
import { type Cursor, largestLimit } from './cursor.ts';
import { hourMs, hourToAudit, missing } from './hour-counts.ts';
import { pages } from './listing/pages.ts';
import { Memory } from './memory.ts';
import type { Repeats } from './repeats.ts';

export interface AuditResult {
  readonly hour: Timestamp;
  /** The console's current count. A record that has changed since then counts in a later hour. */
  readonly atConsole: number;
  readonly delivered: number;
  /** The number of records delivered when the hour was read again; undefined if nothing was missing. */
  readonly readAgain: number | undefined;
  /** False if reading the hour again ended early: the run's time was over, or the console sent far more than it counted. */
  readonly whole: boolean;
}

/** An audit that did not finish. The next poll retries it. */
export interface FailedAudit {
  readonly error: Problem;
}

/** What an audit needs of the poll before it. */
export interface AuditContext {
  readonly connection: Connection;
  readonly repeats: Repeats;
  readonly overlapMs: number;
  readonly memoryEntries: number;
  readonly takeRequest: () => boolean;
  /** Delivers records, including those that were delivered before. */
  readonly deliver: (records: readonly Record[]) => Promise<void>;
  readonly renew: () => Promise<void>;
}

/**
 * Compares the console's count for a past hour with the number of delivered records. If the console has more, reads
 * the hour again and delivers all of it. Errors are part of the result, except ClaimLostError.
 */
export async function audit(
  cursor: Cursor,
  context: AuditContext,
  clock: Clock,
): Promise<AuditResult | FailedAudit | undefined> {
  const { connection, repeats, overlapMs } = context;
  try {
    const counts = await repeats.counts();
    const hour = hourToAudit(counts, cursor.position, overlapMs, clock.random);
    if (hour === undefined) return undefined;
    const until = shift(hour, hourMs);
    const atConsole = await connection.total(hour, until, new AbortController().signal);
    const delivered = counts.delivered[hour] ?? 0;
    if (missing(atConsole, delivered + counts.untimed) === 0)
      return { hour, atConsole, delivered, readAgain: undefined, whole: true };
    const start = { ...cursor, listing: boundedListing(hour, until) };
    const { records, whole } = await readAgain(start, 2 * atConsole + largestLimit, context);
    if (whole) await repeats.correct(hour, records);
    return { hour, atConsole, delivered, readAgain: records, whole };
  } catch (error) {
    if (error instanceof ClaimLostError) throw error;
    if (!(error instanceof OutOfTimeError)) return { error: problemOf(error) };
    const remedy = 'Nothing is wrong if it happens once: the next poll tries again.';
    return { error: { name: error.name, state: 'backlogged', message: "the run's time was over", remedy } };
  }
}

/**
 * Returns the number of delivered records, and whether the whole hour was read.
 * @param most a console that sends more than that, which is far more than it counted, may never stop
 */
async function readAgain(
  from: Cursor,
  most: number,
  { connection, overlapMs, memoryEntries, takeRequest, deliver, renew }: AuditContext,
): Promise<{ readonly records: number; readonly whole: boolean }> {
  let records = 0;
  let smallPages = 0;
  let cursor = from;
  const seen = new Memory(memoryEntries);
  const reading = {
    overlapMs,
    takeRequest: () => records < most && smallPages < smallPagesPerRun && takeRequest(),
    commit: () => renew(),
  };
  for await (const page of pages(from, connection, reading)) {
    await deliver(page.records);
    records += page.records.length;
    if (page.oddities.isSmall) smallPages += 1;
    cursor = await page.ack(seen.addAll(page.records));
  }
  return { records, whole: cursor.listing === undefined };
}
