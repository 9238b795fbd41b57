import type { Connection, TokenKnowledge } from '../console/connection.ts';
import { addMarks, type Marks } from '../console/marks.ts';
import type { Record } from '../console/record.ts';
import { type DeliveryPorts, deliverRecords } from '../deliver/deliver.ts';
import { type HeavyPageError, OutOfTimeError, problemOf, type State } from '../errors.ts';
import type { Notice } from '../health/notices.ts';
import { countsAccepted } from '../health/receipt.ts';
import type { Coverage, Remembered, Spent } from '../health/status.ts';
import type { Instance } from '../instances/instance.ts';
import { present } from '../kit/json.ts';
import { type Timestamp, timestamp } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';
import { Budget } from './bounds/budget.ts';
import { noticeOf, smallPagesPerRun } from './bounds/notice.ts';
import { type Cursor, decodeCursor, encodeCursor, firstCursor, unreadableCursor } from './cursor.ts';
import type { Claim, CursorItem, Cursors, Ledger } from './cursors.ts';
import { isCoverageDue, isExpiryDue } from './due.ts';
import { checkHours, type HoursChecked, isCheckDue } from './ledger.ts';
import { pages } from './listing/pages.ts';
import { openListing } from './listing/position.ts';
import { Repeats, readAgainFrom } from './repeats.ts';
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
}

/** One stream of one instance, whose cursor item is claimed. */
export interface PollRequest {
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

/** A claim outlives the longest page and its delivery, and lapses before the next tick but one. */
export const claimMs = 150_000;

/** With less time left no page is requested. */
export const shortestPageMs = 10_000;

/** A delivery may continue for so long after the last request: half of what an invocation keeps for settling. */
const deliveryMs = 10_000;

/**
 * Fetches, delivers and acknowledges page by page, as long as it may; adds to what was done before. Throws where the
 * cursor item can't be read; any other error is in the result.
 */
export async function poll(
  request: PollRequest,
  before: Progress,
  settings: Settings,
  ports: PollPorts,
): Promise<PollResult> {
  const { stream, instance, claim, item, connection, remainingMs } = request;
  const { overlapMs, messageBytes, hoursPerPoll } = settings;
  const firstSeenAt = timestamp(item.firstSeenAt);
  if (firstSeenAt === undefined) throw unreadableCursor('firstSeenAt is not a timestamp');
  const first = firstCursor(instance, stream, firstSeenAt);
  const kept = item.cursor === undefined ? first : decodeCursor(item.cursor);
  // Another host or other filters are another listing: it starts again from the look-back.
  const restarted = kept.scope !== first.scope;
  const start = restarted ? first : kept;
  const lineage = `${start.scope}|${item.firstSeenAt}`;
  const { from } = openListing(start, overlapMs);
  const ignoresFilter = item.status.notice === 'filter';
  const checkedUntil = restarted ? undefined : timestamp(item.status.checkedUntil);
  const hasVersions = stream.orderedBy === 'updatedAt';
  const history = {
    key: claim,
    lineage,
    start: first.position,
    from,
    readAgainFrom: readAgainFrom(start, overlapMs),
    hasVersions,
    checkedUntil,
    ignoresFilter,
  };
  const repeats = new Repeats(history, settings, ports.cursors);
  const delivery = { messageBytes, remainingMs: () => remainingMs() + deliveryMs };
  const budget = new Budget(item.status, ports.clock.now(), settings);
  let { marks } = before;
  const deliver = async (records: readonly Record[]) => {
    await deliverRecords(records, stream, instance, delivery, ports);
    budget.spend(records);
    marks = addMarks(marks, records);
  };
  const claimUntil = () => ports.clock.now() + claimMs;
  const renewClaim = () => ports.cursors.save(claim, { claimUntil: claimUntil() });
  const commit = (cursor: Cursor) =>
    ports.cursors.save(claim, { cursor: encodeCursor(cursor), claimUntil: claimUntil() });
  const hasTime = () => remainingMs() >= shortestPageMs;

  let { pages: count, artifacts, smallPages, notice } = before;
  let { position } = start;
  let endCursor: Cursor | undefined;
  let heavy: HeavyPageError | undefined;
  let hoursChecked: HoursChecked | undefined;
  let coverage: Coverage | undefined;
  let error: unknown;
  try {
    budget.check(ports.clock.now());
    const takeRequest = () => smallPages < smallPagesPerRun && request.takeRequest();
    const listed = pages(start, connection, { overlapMs, takeRequest, commit });
    for await (const page of repeats.without(listed)) {
      await deliver(page.records);
      const cursor = await page.ack();
      artifacts += page.records.length;
      position = cursor.position;
      endCursor = page.endsTurn ? cursor : undefined;
      heavy = page.heavy;
      if (heavy === undefined) count += 1;
      if (page.oddities.isSmall) smallPages += 1;
      notice = noticeOf(page.oddities, smallPages, overlapMs) ?? notice;
      if (!page.endsTurn) budget.check(ports.clock.now());
    }
    // A smaller page is requested by the next poll; that this one got nothing is no success.
    if (heavy !== undefined) throw heavy;
    if (hasTime() && isExpiryDue(item.status, connection.knowledge, ports.clock.now()))
      await connection.askExpiry();
    const now = ports.clock.now();
    if (hasTime() && isCaughtUp(endCursor) && isCoverageDue(item.status, instance, stream, settings, now))
      coverage = await connection.coverage();
    if (stream.created !== undefined && hoursPerPoll > 0 && isCaughtUp(endCursor)) {
      // A record that changed during a listing may be left to the next, so that only the end of that one tells.
      const until = !hasVersions ? position : start.listing === undefined ? start.position : undefined;
      if (until !== undefined && isCheckDue(checkedUntil, until, overlapMs)) {
        const { ledger, clock } = ports;
        const isForwarded = settings.forwards && countsAccepted(stream);
        const own = { key: claim, connection, repeats, ledger, overlapMs, hoursPerPoll, isForwarded };
        const context = { ...own, takeRequest: hasTime, deliver, renewClaim };
        hoursChecked = await checkHours({ ...endCursor, position: until }, checkedUntil, context, clock);
      }
    }
  } catch (thrown) {
    error = thrown instanceof OutOfTimeError ? heavy : thrown;
    // What can't be remembered is delivered again, with the same ids.
    await repeats.flush().catch(() => {});
  }
  return {
    state: error !== undefined ? problemOf(error).state : isCaughtUp(endCursor) ? 'ok' : 'backlogged',
    pages: count,
    artifacts,
    forgotten: before.forgotten + repeats.forgotten,
    marks,
    restarted: before.restarted || restarted,
    position,
    endCursor,
    smallPages,
    notice,
    token: connection.knowledge,
    spent: budget.spent,
    remembered: present({ learned: connection.learned, coverage }) as Remembered,
    hoursChecked,
    error,
  };
}

function isCaughtUp(cursor: Cursor | undefined): cursor is Cursor {
  return cursor !== undefined && cursor.listing === undefined;
}
