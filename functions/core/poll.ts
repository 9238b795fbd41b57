import { artifactOf } from './artifact.ts';
import { Connection } from './connection.ts';
import { type Cursor, decodeCursor, encodeCursor, firstCursor } from './cursor.ts';
import { deliver } from './deliver.ts';
import { type HeavyPageError, OutOfTimeError, UnreadableCursorError } from './errors.ts';
import { type Instance, scopeOf } from './instance.ts';
import type { Limiter } from './limiter.ts';
import { pages, type Reading } from './pages.ts';
import type { Claim, CursorItem, Ports } from './ports.ts';
import { Repeats } from './repeats.ts';
import type { Settings } from './settings.ts';
import type { Stream } from './stream.ts';
import { type Timestamp, timestamp } from './time.ts';

/** One stream of one instance, claimed, for one turn. */
export interface Turn {
  readonly stream: Stream;
  readonly instance: Instance;
  readonly claim: Claim;
  /** As it was when it was claimed. */
  readonly item: CursorItem;
  readonly limiter: Limiter;
  /** Milliseconds until requests and deliveries have to have ended. */
  readonly remainingMs: () => number;
  /** Whether another page may be asked for; asked once for each. */
  readonly goOn: () => boolean;
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
}

/** A claim outlives the longest page and its delivery, and lapses before the next tick but one. */
export const claimMs = 150_000;

/**
 * Fetches, delivers and commits page by page, as long as it may. Answers the cursor after the last page, delivered and
 * yet to be committed; throws what ended it earlier, and then everything before is committed.
 */
export async function poll(turn: Turn, settings: Settings, ports: Ports): Promise<Cursor> {
  const { stream, instance, claim, item, tally } = turn;
  const { overlapMs } = settings;
  let cursor = currentCursor(turn);
  tally.position = cursor.position;
  const connection = await Connection.open({ ...turn, settings, ports });
  const repeats = new Repeats(claim, `${cursor.scope}|${item.firstSeenAt}`, settings, ports.cursors);
  const delivery = { key: claim, messageBytes: settings.messageBytes, remainingMs: turn.remainingMs };
  const fetch: Reading['fetch'] = (...asked) => connection.page(...asked);

  let heavy: HeavyPageError | undefined;
  try {
    for await (const step of pages(cursor, { ...turn, overlapMs, fetch })) {
      const fresh = await repeats.without(step);
      const artifacts = fresh.map((record) => artifactOf(record, stream, instance));
      await deliver(artifacts, delivery, ports);
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
  return cursor;
}

async function commit(claim: Claim, cursor: Cursor, { cursors, clock }: Ports): Promise<void> {
  await cursors.save(claim, { cursor: encodeCursor(cursor), claimUntil: clock.now() + claimMs });
}

/** Another host or other filters are another listing: it starts again from the look-back. */
function currentCursor({ stream, instance, item, tally }: Turn): Cursor {
  const firstSeenAt = timestamp(item.firstSeenAt);
  if (firstSeenAt === undefined) throw new UnreadableCursorError('firstSeenAt is not a timestamp');
  const start = firstCursor(instance, stream, firstSeenAt);
  if (item.cursor === undefined) return start;
  const kept = decodeCursor(item.cursor);
  if (kept.scope === scopeOf(instance)) return kept;
  tally.restarted = true;
  return start;
}
