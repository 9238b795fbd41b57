import { Connection } from '../console/connection.ts';
import type { Record } from '../console/record.ts';
import { artifactOf } from '../deliver/artifact.ts';
import { deliver } from '../deliver/deliver.ts';
import { type HeavyPageError, OutOfTimeError, UnreadableCursorError } from '../errors.ts';
import { type Instance, scopeOf } from '../instances/instance.ts';
import type { Permit } from '../kit/concurrency.ts';
import type { Limiter } from '../kit/pacing.ts';
import { type Timestamp, timestamp } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';
import { type AuditResult, audit, type FailedAudit } from './audit.ts';
import { type Cursor, decodeCursor, encodeCursor, firstCursor } from './cursor.ts';
import type { Claim, CursorItem } from './cursors.ts';
import { isExpiryDue } from './due.ts';
import { openListing } from './listing.ts';
import { pages, type Reading } from './pages.ts';
import type { Ports } from './ports.ts';
import { Repeats } from './repeats.ts';
import type { Settings } from './settings.ts';

/** One stream of one instance, claimed, for one turn. */
export interface Turn {
  readonly stream: Stream;
  readonly instance: Instance;
  readonly claim: Claim;
  /** As it was when it was claimed. */
  readonly item: CursorItem;
  readonly limiter: Limiter;
  readonly permit: Pick<Permit, 'acquire'>;
  /** Milliseconds until requests have to have ended. */
  readonly remainingMs: () => number;
  /** Whether another page may be asked for; asked once for each. */
  readonly goOn: () => boolean;
  /** Whether an audit follows when the listing ends. */
  readonly auditDue: boolean;
  readonly tally: Tally;
}

/** What a run did for one instance so far, kept while it happens: it holds when the poll ends with an error. */
export interface Tally {
  pages: number;
  artifacts: number;
  /** Versions that the memory's bound cost: they come again. */
  forgotten: number;
  position: Timestamp | undefined;
  /** Host or filters changed: it starts again from the look-back. */
  restarted: boolean;
  secretVersion: string | undefined;
  tokenExpiresAt: string | undefined;
  /** The console was asked when the token ends. */
  tokenChecked: boolean;
}

/** A claim outlives the longest page and its delivery, and lapses before the next tick but one. */
export const claimMs = 150_000;

/** With less than this left no page is asked for. */
export const shortestPageMs = 10_000;

/** A delivery may go on for so long after the last request: half of what a run keeps for settling. */
const deliveryMs = 10_000;

/** Where a poll ended. */
export interface Polled {
  /** After the last page, delivered and yet to be committed. */
  readonly cursor: Cursor;
  /** Undefined where none was due. */
  readonly audit: AuditResult | FailedAudit | undefined;
}

/** Fetches, delivers and commits page by page, as long as it may. Throws what ended it; all before is committed. */
export async function poll(turn: Turn, settings: Settings, ports: Ports): Promise<Polled> {
  const { stream, instance, claim, item, tally } = turn;
  const { overlapMs } = settings;
  const { start, cursor: current } = currentCursor(turn);
  let cursor = current;
  tally.position = cursor.position;
  const connection = await Connection.open({ ...turn, settings, ports });
  const { from } = openListing(cursor, overlapMs);
  const past = { key: claim, lineage: `${cursor.scope}|${item.firstSeenAt}`, start, from };
  const repeats = new Repeats(past, settings, ports.cursors);
  const delivery = {
    key: claim,
    messageBytes: settings.messageBytes,
    remainingMs: () => turn.remainingMs() + deliveryMs,
  };
  const fetch: Reading['fetch'] = (...asked) => connection.page(...asked);
  const send = async (records: readonly Record[]) => {
    if (records.length === 0) return;
    // To pack a page takes as long as a round trip: the request for the next one leaves first.
    await ports.clock.sleep(0);
    const artifacts = records.map((record) => artifactOf(record, stream, instance));
    await deliver(artifacts, delivery, ports);
  };

  let heavy: HeavyPageError | undefined;
  try {
    for await (const step of pages(cursor, { ...turn, overlapMs, fetch })) {
      const fresh = await repeats.without(step);
      await send(fresh);
      tally.forgotten += await repeats.remember(step);
      cursor = step.cursor;
      heavy = step.heavy;
      if (!step.last || heavy !== undefined) await commit(claim, cursor, ports);
      tally.pages += heavy === undefined ? 1 : 0;
      tally.artifacts += fresh.length;
      tally.position = cursor.position;
    }
  } catch (error) {
    throw error instanceof OutOfTimeError ? (heavy ?? error) : error;
  }
  // A smaller page is tried in the next run; that this one got nothing is no success.
  if (heavy !== undefined) throw heavy;
  if (turn.remainingMs() >= shortestPageMs && isExpiryDue(item.status, tally, ports.clock.now())) {
    await connection.askExpiry();
  }
  if (cursor.listing !== undefined || !turn.auditDue) return { cursor, audit: undefined };
  const renew = () => ports.cursors.save(claim, { claimUntil: ports.clock.now() + claimMs });
  const means = {
    connection,
    repeats,
    reading: { overlapMs, fetch, goOn: () => turn.remainingMs() >= shortestPageMs },
    send,
    renew,
  };
  return { cursor, audit: await audit(cursor, means, ports.clock) };
}

async function commit(claim: Claim, cursor: Cursor, { cursors, clock }: Ports): Promise<void> {
  await cursors.save(claim, { cursor: encodeCursor(cursor), claimUntil: clock.now() + claimMs });
}

/** Another host or other filters are another listing: it starts again from the look-back. */
function currentCursor({ stream, instance, item, tally }: Turn): { start: Timestamp; cursor: Cursor } {
  const firstSeenAt = timestamp(item.firstSeenAt);
  if (firstSeenAt === undefined) throw new UnreadableCursorError('firstSeenAt is not a timestamp');
  const first = firstCursor(instance, stream, firstSeenAt);
  const start = first.position;
  if (item.cursor === undefined) return { start, cursor: first };
  const kept = decodeCursor(item.cursor);
  if (kept.scope === scopeOf(instance)) return { start, cursor: kept };
  tally.restarted = true;
  return { start, cursor: first };
}
