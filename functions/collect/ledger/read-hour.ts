import type { Connection } from '../../console/connection.ts';
import { createdListing } from '../../console/query.ts';
import type { Record } from '../../console/record.ts';
import { fromMs, hourMs, shift, type Timestamp, toMs } from '../../kit/time.ts';
import { smallPagesPerRun } from '../bounds/notice.ts';
import type { Cursor } from '../cursor.ts';
import { pages } from '../listing/pages.ts';
import { Memory } from '../memory.ts';
import { hourOf } from './hour-counts.ts';

/** What reading an hour uses of the poll that it follows. */
export interface ReadingContext {
  readonly connection: Pick<Connection, 'total' | 'page'>;
  readonly overlapMs: number;
  /** Whether another request may be made. */
  readonly takeRequest: () => boolean;
  /** Delivers records, including those that were delivered before. */
  readonly deliver: (records: readonly Record[]) => Promise<void>;
  /** Renews the claim. */
  readonly renewClaim: () => Promise<void>;
}

/** Records of an hour that are told apart when it is read again. */
const mostOfHour = 100_000;

/** The console's totals for activities appear to be capped at this number: then the two halves are counted. */
const countedAtMost = 50_000;

/** Parts of 56 seconds. A console that always answers with the cap takes 127 requests an hour, not thousands. */
const mostHalvings = 6;

/** The console's count of each hour. The next one is requested at the same time. It ends where no request may be made. */
export async function* totals(
  hours: readonly Timestamp[],
  context: ReadingContext,
): AsyncGenerator<[hour: Timestamp, total: number], void> {
  const request = (hour: Timestamp | undefined) => {
    if (hour === undefined || !context.takeRequest()) return undefined;
    const count = total(hour, shift(hour, hourMs), context);
    // It may fail before it is awaited.
    count.catch(() => {});
    return count;
  };
  let next = request(hours[0]);
  for (const [i, hour] of hours.entries()) {
    if (next === undefined) return;
    const count = next;
    next = request(hours[i + 1]);
    yield [hour, await count];
  }
}

async function total(
  from: Timestamp,
  until: Timestamp,
  context: Pick<ReadingContext, 'connection' | 'renewClaim'>,
  halvings = mostHalvings,
): Promise<number> {
  const count = await context.connection.total(from, until);
  if (count < countedAtMost || halvings === 0) return count;
  const middle = fromMs(toMs(from) + Math.floor((toMs(until) - toMs(from)) / 2));
  await context.renewClaim();
  const left = halvings - 1;
  return (await total(from, middle, context, left)) + (await total(middle, until, context, left));
}

export interface HourRead {
  /** Different records, and those of them that say that they were created in the hour. */
  readonly records: number;
  readonly timed: number;
  readonly sent: number;
  readonly isWhole: boolean;
}

/**
 * Reads an hour from the console, to its end if possible.
 * @param most a console that sends more than that, which is far more than it counted, may never stop
 */
export async function readAgain(
  hour: Timestamp,
  most: number,
  { scope, position, limit, roomyPages }: Cursor,
  { connection, overlapMs, takeRequest, deliver, renewClaim }: ReadingContext,
  delivers: boolean,
): Promise<HourRead> {
  const listing = createdListing(hour, shift(hour, hourMs));
  const start: Cursor = { scope, position, limit, roomyPages, listing };
  const seen = new Memory(mostOfHour);
  let [records, timed, listed, smallPages, isWhole] = [0, 0, 0, 0, false];
  const isTooMuch = () => listed >= most || smallPages >= smallPagesPerRun;
  const reading = {
    overlapMs,
    takeRequest: () => !isTooMuch() && takeRequest(),
    commit: renewClaim,
  };
  for await (const page of pages(start, connection, reading)) {
    if (delivers) await deliver(page.records);
    const within = page.records.filter(isOf(hour));
    const freshWithin = seen.addAll(within.map(byId));
    const fresh = freshWithin + seen.addAll(page.records.map(byId));
    timed += freshWithin;
    records += fresh;
    listed += page.records.length;
    if (page.oddities.isSmall) smallPages += 1;
    isWhole = (await page.ack(fresh)).listing === undefined;
  }
  await renewClaim();
  return { records, timed, sent: delivers ? records : 0, isWhole };
}

const isOf =
  (hour: Timestamp) =>
  ({ created }: Record): boolean =>
    created !== undefined && hourOf(created) === hour;

const byId = ({ recordId }: Record) => ({ version: recordId });
