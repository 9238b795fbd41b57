import type { Connection } from '../console/connection.ts';
import { boundedListing } from '../console/query.ts';
import type { Record } from '../console/record.ts';
import { ClaimLostError, OutOfTimeError } from '../errors.ts';
import { messageOf, nameOf, remedyOf } from '../health/status.ts';
import type { Clock } from '../kit/clock.ts';
import { shift, type Timestamp } from '../kit/time.ts';
import type { Cursor } from './cursor.ts';
import { hourMs, hourToAudit, missing } from './hour-counts.ts';
import { pages, type Reading } from './pages.ts';
import type { Repeats } from './repeats.ts';

/** What an audit found for one hour. */
export interface AuditResult {
  readonly hour: Timestamp;
  /** What the console counts now; records that changed since have left their hour. */
  readonly atConsole: number;
  readonly delivered: number;
  /** What came when the hour was read again; undefined where nothing was missing. */
  readonly readAgain: number | undefined;
  /** False where the run's time ended while the hour was read again. */
  readonly whole: boolean;
}

/** An audit that came to no end; the next poll tries again. */
export interface FailedAudit {
  readonly error: { readonly name: string; readonly message: string; readonly remedy: string };
}

/** What a poll lends to its audit. */
export interface AuditMeans {
  readonly connection: Connection;
  readonly repeats: Repeats;
  readonly reading: Reading;
  /** Delivers records, also such as were delivered before. */
  readonly send: (records: readonly Record[]) => Promise<void>;
  /** Renews the claim. */
  readonly renew: () => Promise<void>;
}

/**
 * Holds what the console counts for a past hour against what was delivered of it; where the console has more, reads
 * that hour again and delivers all of it. Its own failure is none of the poll's, which only says so.
 */
export async function audit(
  cursor: Cursor,
  means: AuditMeans,
  clock: Clock,
): Promise<AuditResult | FailedAudit | undefined> {
  const { connection, repeats, reading } = means;
  try {
    const counts = await repeats.counts();
    const hour = hourToAudit(counts, cursor.position, reading.overlapMs, clock.random);
    if (hour === undefined) return undefined;
    const until = shift(hour, hourMs);
    const atConsole = await connection.total(hour, until, new AbortController().signal);
    const delivered = counts.delivered[hour] ?? 0;
    if (missing(atConsole, delivered + counts.untimed) === 0)
      return { hour, atConsole, delivered, readAgain: undefined, whole: true };
    const readAgain = await readHourAgain({ ...cursor, listing: boundedListing(hour, until) }, means);
    if (readAgain.whole) await repeats.correct(hour, readAgain.records);
    return { hour, atConsole, delivered, readAgain: readAgain.records, whole: readAgain.whole };
  } catch (error) {
    if (error instanceof ClaimLostError) throw error;
    return { error: failure(error) };
  }
}

function failure(error: unknown): FailedAudit['error'] {
  const name = nameOf(error);
  if (!(error instanceof OutOfTimeError)) return { name, message: messageOf(error), remedy: remedyOf(error) };
  const remedy = 'Nothing is wrong if it happens once: the next poll tries again.';
  return { name, message: "the run's time was over", remedy };
}

/** Answers how many records were delivered, and whether that was the whole hour or the run's time ended it. */
async function readHourAgain(
  from: Cursor,
  { reading, send, renew }: AuditMeans,
): Promise<{ readonly records: number; readonly whole: boolean }> {
  let records = 0;
  let cursor = from;
  for await (const step of pages(from, reading)) {
    await send(step.records);
    await renew();
    records += step.records.length;
    cursor = step.cursor;
  }
  return { records, whole: cursor.listing === undefined };
}
