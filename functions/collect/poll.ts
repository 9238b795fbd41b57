import type { Connection, TokenKnowledge } from '../console/connection.ts';
import { addMarks, type Marks } from '../console/marks.ts';
import type { Record } from '../console/record.ts';
import { type DeliveryPorts, deliverRecords } from '../deliver/deliver.ts';
import { type HeavyPageError, OutOfTimeError, problemOf, type State } from '../errors.ts';
import { countListed, type LateCounts, latenessAfter } from '../health/lateness.ts';
import type { Notice } from '../health/notices.ts';
import type { Coverage, Remembered, Spent } from '../health/status.ts';
import type { Instance } from '../instances/instance.ts';
import { present } from '../kit/json.ts';
import { type Timestamp, timestamp } from '../kit/time.ts';
import { addDrift, type DriftReport, driftAfter } from '../streams/drift.ts';
import type { Stream } from '../streams/stream.ts';
import { Budget } from './bounds/budget.ts';
import { noticeOf, smallPagesPerRun } from './bounds/notice.ts';
import { claimMs, deliveryMs } from './bounds/times.ts';
import { type Cursor, decodeCursor, encodeCursor, firstCursor, unreadableCursor } from './cursor.ts';
import { askExpiryIfDue, checkHoursIfDue, coverageIfDue } from './follow-up.ts';
import type { HoursChecked } from './ledger/ledger.ts';
import { pages } from './listing/pages.ts';
import { openListing } from './listing/position.ts';
import type { Claim, CursorItem, Cursors, Ledger } from './ports.ts';
import { type FreshPage, type History, Repeats, readAgainFrom } from './repeats.ts';
import type { Settings } from './settings.ts';

export interface PollPorts extends DeliveryPorts {
  readonly cursors: Cursors;
  readonly ledger: Ledger;
}

/** What an invocation did for one instance so far. */
export interface Progress {
  readonly pages: number;
  readonly artifacts: number;
  /** Versions that were forgotten because the memory is full: they may be delivered again. */
  readonly forgotten: number;
  readonly marks: Marks;
  /** Host or filters changed: the listing started again from the look-back, and delivers the same records again. */
  readonly restarted: boolean;
  readonly position: Timestamp | undefined;
  /** Pages that hold next to nothing. */
  readonly smallPages: number;
  /** What is odd about the console, but no error. */
  readonly notice: Notice | undefined;
  /** What the mapping did not know on a day that is over. */
  readonly drifted: DriftReport | undefined;
}

/** One stream of one instance, whose cursor item is claimed. */
export interface PollTask {
  readonly stream: Stream;
  readonly instance: Instance;
  readonly claim: Claim;
  /** As it was when it was claimed. */
  readonly item: CursorItem;
  readonly connection: Connection;
  /** Milliseconds until requests have to have ended. */
  readonly remainingMs: () => number;
  /** Takes one of the page requests that are left; false if there is none. Called once for each page after the first. */
  readonly takeRequest: () => boolean;
  /** Whether other instances wait for their turn. */
  readonly isContended: () => boolean;
}

/** How a poll ended. */
export interface PollResult extends Progress {
  readonly state: State;
  /**
   * The cursor after the turn's last page, which is delivered and remembered; undefined if the turn ended early. The turn
   * saves it with the status: one call less for a quiet poll.
   */
  readonly endCursor: Cursor | undefined;
  readonly token: TokenKnowledge;
  /** Today, with all that was delivered; undefined where nothing was polled. */
  readonly spent: Spent | undefined;
  readonly remembered: Remembered;
  /** Undefined if no check was due. */
  readonly hoursChecked: HoursChecked | undefined;
  readonly error: unknown;
}

/**
 * Fetches, delivers and acknowledges page by page, as long as it may. Throws where the cursor item can't be read; any
 * other error is in the result.
 * @param earlier what the invocation's earlier turns did for the instance
 */
export async function poll(
  task: PollTask,
  earlier: Progress,
  settings: Settings,
  ports: PollPorts,
): Promise<PollResult> {
  const { stream, instance, claim, item, connection, remainingMs } = task;
  const { overlapMs, messageBytes } = settings;
  const { clock, cursors, ledger } = ports;
  const { start, restarted, history } = startOf(task, overlapMs);
  const late: LateCounts = [];
  const news = new Map<string, number>();
  const repeats = new Repeats(history, settings, cursors);
  const budget = new Budget(item.status, clock.now(), settings);
  const delivery = { messageBytes, remainingMs: () => remainingMs() + deliveryMs };
  let { marks } = earlier;
  const deliver = async (records: readonly Record[]) => {
    await deliverRecords(records, stream, instance, delivery, ports);
    budget.spend(records);
    marks = addMarks(marks, records);
  };
  const claimUntil = () => clock.now() + claimMs;
  const commit = (cursor?: Cursor) =>
    cursors.save(claim, { ...(cursor && { cursor: encodeCursor(cursor) }), claimUntil: claimUntil() });

  let progress = { ...earlier, restarted: earlier.restarted || restarted, position: start.position };
  let endCursor: Cursor | undefined;
  let heavy: HeavyPageError | undefined;
  let coverage: Coverage | undefined;
  let hoursChecked: HoursChecked | undefined;
  let error: unknown;
  try {
    budget.check(clock.now());
    const takeRequest = () => progress.smallPages < smallPagesPerRun && task.takeRequest();
    const listed = pages(start, connection, { overlapMs, takeRequest, commit });
    for await (const page of repeats.without(listed)) {
      await deliver(page.records);
      const cursor = await page.ack();
      progress = progressAfter(progress, page, cursor, overlapMs);
      addDrift(news, page.records);
      // A listing that goes on no longer knows where the one before it began.
      if (start.listing === undefined) countListed(late, page.records, start.position, repeats.knownSince);
      endCursor = page.endsTurn ? cursor : undefined;
      heavy = page.heavy;
      if (!page.endsTurn) budget.check(clock.now());
    }
    // No time was left for the smaller page. The next poll requests it.
    if (heavy !== undefined) throw heavy;
    const { status } = item;
    const shared = { stream, instance, claim, status, connection, repeats, ledger, clock, settings };
    const { isContended } = task;
    const renewClaim = () => commit();
    const deliverAgain = (records: readonly Record[]) => {
      budget.check(clock.now());
      return deliver(records);
    };
    const context = { ...shared, remainingMs, isContended, deliver: deliverAgain, renewClaim };
    await askExpiryIfDue(context);
    if (isCaughtUp(endCursor)) {
      coverage = await coverageIfDue(context);
      hoursChecked = await checkHoursIfDue(start, endCursor, history.checkedUntil, context);
    }
  } catch (thrown) {
    error = thrown instanceof OutOfTimeError ? heavy : thrown;
    // What can't be remembered is delivered again, with the same ids.
    await repeats.flush().catch(() => {});
  }
  const { drift, drifted } = driftAfter(item.status.drift, news, clock.now());
  const known = restarted ? undefined : item.status.lateness;
  const lateness = latenessAfter(known, late, hoursChecked?.missed ?? [], overlapMs, clock.now());
  return {
    ...progress,
    state: error !== undefined ? problemOf(error).state : isCaughtUp(endCursor) ? 'ok' : 'backlogged',
    forgotten: earlier.forgotten + repeats.forgotten,
    marks,
    endCursor,
    token: connection.knowledge,
    spent: budget.spent,
    drifted: earlier.drifted ?? drifted,
    remembered: { ...present({ learned: connection.learned, coverage, lateness }), drift } as Remembered,
    hoursChecked,
    error,
  };
}

/** Where the poll starts: another host or other filters are another listing, which starts from the look-back. */
function startOf(
  { stream, instance, claim, item }: PollTask,
  overlapMs: number,
): { readonly start: Cursor; readonly restarted: boolean; readonly history: History } {
  const firstSeenAt = timestamp(item.firstSeenAt);
  if (firstSeenAt === undefined) throw unreadableCursor('firstSeenAt is not a timestamp');
  const first = firstCursor(instance, stream, firstSeenAt);
  const kept = item.cursor === undefined ? first : decodeCursor(item.cursor);
  const restarted = kept.scope !== first.scope;
  const start = restarted ? first : kept;
  const history = {
    key: claim,
    lineage: `${start.scope}|${item.firstSeenAt}`,
    start: first.position,
    from: openListing(start, overlapMs).from,
    doubtFrom: readAgainFrom(start, overlapMs),
    hasVersions: stream.orderedBy === 'updatedAt',
    checkedUntil: restarted ? undefined : timestamp(item.status.checkedUntil),
    ignoresFilter: item.status.notice === 'filter',
  };
  return { start, restarted, history };
}

function progressAfter<P extends Progress>(
  progress: P,
  { records, heavy, oddities }: FreshPage,
  { position }: Cursor,
  overlapMs: number,
): P {
  const smallPages = progress.smallPages + (oddities.isSmall ? 1 : 0);
  return {
    ...progress,
    pages: progress.pages + (heavy === undefined ? 1 : 0),
    artifacts: progress.artifacts + records.length,
    position,
    smallPages,
    notice: noticeOf(oddities, smallPages, overlapMs) ?? progress.notice,
  };
}

function isCaughtUp(cursor: Cursor | undefined): cursor is Cursor {
  return cursor !== undefined && cursor.listing === undefined;
}
