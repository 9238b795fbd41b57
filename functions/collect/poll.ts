import type { Connection, TokenKnowledge } from '../console/connection.ts';
import type { Record } from '../console/record.ts';
import { type DeliveryPorts, deliverRecords } from '../deliver/deliver.ts';
import { type HeavyPageError, OutOfTimeError, problemOf, type State } from '../errors.ts';
import { type Instance, scopeOf } from '../instances/instance.ts';
import { type Timestamp, timestamp } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';
import { type AuditResult, audit, type FailedAudit } from './audit.ts';
import { type Cursor, decodeCursor, encodeCursor, firstCursor, unreadableCursor } from './cursor.ts';
import type { Claim, CursorItem, Cursors } from './cursors.ts';
import { isExpiryDue } from './due.ts';
import { openListing } from './listing.ts';
import { pages } from './pages.ts';
import { Repeats } from './repeats.ts';
import type { Settings } from './settings.ts';

export interface PollPorts extends DeliveryPorts {
  readonly cursors: Cursors;
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
  /** Whether another page may be requested; called once for each. */
  readonly mayContinue: () => boolean;
  /** Whether an audit follows when the listing ends. */
  readonly auditDue: boolean;
}

export interface PollResult {
  readonly state: State;
  readonly pages: number;
  readonly artifacts: number;
  /** Versions that were forgotten because the memory is full: they may be delivered again. */
  readonly forgotten: number;
  /** Host or filters changed: the listing started again from the look-back. */
  readonly restarted: boolean;
  readonly position: Timestamp | undefined;
  /** The cursor after the last page, which is delivered and remembered; undefined where it is committed already. */
  readonly uncommitted: Cursor | undefined;
  readonly token: TokenKnowledge;
  /** Undefined where none was due. */
  readonly audit: AuditResult | FailedAudit | undefined;
  /** What ended the poll early. */
  readonly error: unknown;
}

/** A claim outlives the longest page and its delivery, and lapses before the next tick but one. */
export const claimMs = 150_000;

/** With less time left no page is requested. */
export const shortestPageMs = 10_000;

/** A delivery may continue for so long after the last request: half of what an invocation keeps for settling. */
const deliveryMs = 10_000;

/**
 * Fetches, delivers and acknowledges page by page, as long as it may. Throws where the cursor item can't be read; any
 * other error is in the result.
 */
export async function poll(request: PollRequest, settings: Settings, ports: PollPorts): Promise<PollResult> {
  const { stream, instance, claim, item, connection, remainingMs, mayContinue } = request;
  const { overlapMs, memoryEntries, messageBytes } = settings;
  const { cursor: start, first, restarted } = startOf(request);
  const lineage = `${start.scope}|${item.firstSeenAt}`;
  const { from } = openListing(start, overlapMs);
  const repeats = new Repeats(
    { key: claim, lineage, start: first.position, from, overlapMs, memoryEntries },
    ports.cursors,
  );
  const delivery = { messageBytes, remainingMs: () => remainingMs() + deliveryMs };
  const deliver = (records: readonly Record[]) => deliverRecords(records, stream, instance, delivery, ports);
  const save = (cursor?: Cursor) =>
    ports.cursors.save(claim, {
      ...(cursor && { cursor: encodeCursor(cursor) }),
      claimUntil: ports.clock.now() + claimMs,
    });
  // The last page is committed with the status, in one call.
  const commit = async (cursor: Cursor, last: boolean) => (last ? undefined : save(cursor));

  const counts = { pages: 0, artifacts: 0 };
  let { position } = start;
  let uncommitted: Cursor | undefined;
  let heavy: HeavyPageError | undefined;
  let audited: PollResult['audit'];
  let error: unknown;
  try {
    const listing = pages(start, connection, { overlapMs, mayContinue, commit });
    for await (const page of repeats.without(listing)) {
      await deliver(page.records);
      await page.ack();
      counts.pages += page.heavy === undefined ? 1 : 0;
      counts.artifacts += page.records.length;
      position = page.cursor.position;
      uncommitted = page.last ? page.cursor : undefined;
      heavy = page.heavy;
    }
    const hasTime = () => remainingMs() >= shortestPageMs;
    if (heavy === undefined && hasTime() && isExpiryDue(item.status, connection.knowledge, ports.clock.now()))
      await connection.askExpiry();
    if (uncommitted !== undefined && uncommitted.listing === undefined && request.auditDue) {
      const context = { connection, repeats, overlapMs, mayContinue: hasTime, deliver, renew: () => save() };
      audited = await audit(uncommitted, context, ports.clock);
    }
    // A smaller page is requested by the next poll; that this one got nothing is no success.
    error = heavy;
  } catch (thrown) {
    error = thrown instanceof OutOfTimeError ? heavy : thrown;
  }
  const caughtUp = uncommitted !== undefined && uncommitted.listing === undefined;
  return {
    state: error !== undefined ? problemOf(error).state : caughtUp ? 'ok' : 'backlogged',
    pages: counts.pages,
    artifacts: counts.artifacts,
    forgotten: repeats.forgotten,
    restarted,
    position,
    uncommitted,
    token: connection.knowledge,
    audit: audited,
    error,
  };
}

/** Another host or other filters are another listing: it starts again from the look-back. */
function startOf({ stream, instance, item }: PollRequest): {
  readonly cursor: Cursor;
  readonly first: Cursor;
  readonly restarted: boolean;
} {
  const firstSeenAt = timestamp(item.firstSeenAt);
  if (firstSeenAt === undefined) throw unreadableCursor('firstSeenAt is not a timestamp');
  const first = firstCursor(instance, stream, firstSeenAt);
  if (item.cursor === undefined) return { cursor: first, first, restarted: false };
  const kept = decodeCursor(item.cursor);
  if (kept.scope === scopeOf(instance)) return { cursor: kept, first, restarted: false };
  return { cursor: first, first, restarted: true };
}
