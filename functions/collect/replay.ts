import { Connection } from '../console/connection.ts';
import type { Listing } from '../console/query.ts';
import { artifactOf } from '../deliver/artifact.ts';
import { deliver } from '../deliver/deliver.ts';
import { ClaimLostError, MisconfiguredError, OutOfTimeError, type State } from '../errors.ts';
import { messageOf, remedyOf, type Status, stateOf } from '../health/status.ts';
import { type Instance, readInstance, scopeOf } from '../instances/instance.ts';
import { permitOf, semaphore } from '../kit/concurrency.ts';
import { limiter } from '../kit/pacing.ts';
import { later, type Timestamp, timestamp } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';
import { type Cursor, decodeCursor, encodeCursor, largestLimit } from './cursor.ts';
import type { CursorItem } from './cursors.ts';
import type { Run } from './invocation.ts';
import { pages, type Step } from './pages.ts';
import { claimMs, shortestPageMs } from './poll.ts';
import type { Ports } from './ports.ts';
import type { Settings } from './settings.ts';

/**
 * A past stretch of a stream that is to be collected again: every record that was created before `to` and has changed
 * since `from`, as it is now. Of an append-only stream those are the records from `from` to before `to`.
 */
export interface ReplayRequest {
  readonly instance: string;
  readonly from: Timestamp;
  readonly to: Timestamp;
}

/** How far a replay is after one invocation. */
export interface ReplayProgress {
  /** `claimed`: another invocation is at it. */
  readonly state: 'done' | 'more' | 'claimed' | 'failed';
  /** Delivered so far, by all invocations. */
  readonly artifacts: number;
  /** All before this was read. */
  readonly position: Timestamp;
  readonly error?: { readonly state: State; readonly message: string; readonly remedy: string };
}

/** One invocation replays for so long, so that the ticks of a function that runs once at a time get their turn. */
const sliceMs = 20_000;

/** Kept for delivering and committing. */
const settleMs = 20_000;

/** The part of the polls' rate that a replay takes beside them: together they stay below 1,000 a minute. */
const rateShare = 0.1;

/** The cursor item of a replay: beside the stream's own, and never read by a poll. */
export function replayKey(stream: string, { from, to }: ReplayRequest): string {
  return `${stream}#replay#${from}#${to}`;
}

/** Goes on with a replay for a while. Repeated until it is done; after a kill the next one goes on behind the last commit. */
export async function replay(
  request: ReplayRequest,
  stream: Stream,
  invocation: Run,
  settings: Settings,
  ports: Ports,
): Promise<ReplayProgress> {
  const { cursors, clock } = ports;
  const instance = await instanceOf(request, settings, ports);
  const claim = { instance: request.instance, stream: replayKey(stream.name, request), run: invocation.id };
  const now = clock.now();
  const item = await cursors.claim(claim, now, now + claimMs);
  if (item === undefined) return { state: 'claimed', artifacts: 0, position: request.from };

  let cursor = startOf(request, instance, item);
  let artifacts = item.status.lastCount ?? 0;
  const save = (error?: unknown, claimUntil?: number) => {
    const status = statusOf(request, cursor, artifacts, clock.now(), error);
    return cursors.save(claim, { cursor: encodeCursor(cursor), status, claimUntil });
  };
  try {
    for await (const step of steps(cursor, { stream, instance, invocation, settings, ports })) {
      await deliver(
        step.records.map((record) => artifactOf(record, stream, instance)),
        {
          key: { instance: request.instance, stream: stream.name },
          messageBytes: settings.messageBytes,
          remainingMs: () => invocation.remainingMs() - settleMs / 2,
        },
        ports,
      );
      cursor = step.cursor;
      artifacts += step.records.length;
      await save(undefined, clock.now() + claimMs);
    }
  } catch (error) {
    if (error instanceof ClaimLostError) throw error;
    if (!(error instanceof OutOfTimeError)) {
      await save(error);
      const told = { state: stateOf(error), message: messageOf(error), remedy: remedyOf(error) };
      return { state: 'failed', artifacts, position: reached(cursor, request), error: told };
    }
  }
  await save();
  const state = cursor.listing === undefined ? 'done' : 'more';
  return { state, artifacts, position: reached(cursor, request) };
}

interface Replay {
  readonly stream: Stream;
  readonly instance: Instance;
  readonly invocation: Run;
  readonly settings: Settings;
  readonly ports: Ports;
}

/** The pages from where the replay stands, for as long as one invocation may take; none where it is done. */
async function* steps(cursor: Cursor, replayed: Replay): AsyncGenerator<Step, void> {
  if (cursor.listing === undefined) return;
  const { invocation, settings, ports } = replayed;
  const end = ports.clock.now() + sliceMs;
  const remainingMs = () => invocation.remainingMs() - settleMs;
  const connection = await Connection.open({
    ...replayed,
    limiter: limiter(settings.requestsPerSecond * rateShare, ports.clock),
    tally: { secretVersion: undefined },
    permit: permitOf(semaphore(1)),
    remainingMs,
  });
  yield* pages(cursor, {
    overlapMs: settings.overlapMs,
    fetch: (...asked) => connection.page(...asked),
    goOn: () => ports.clock.now() < end && remainingMs() >= shortestPageMs,
  });
}

async function instanceOf(
  { instance: name, from, to }: ReplayRequest,
  { instanceRules }: Settings,
  { instances }: Ports,
): Promise<Instance> {
  if (timestamp(from) !== from || timestamp(to) !== to || !(from < to)) {
    throw new MisconfiguredError('replay', 'two times are needed, the earlier one first', 'Give two times.');
  }
  const item = (await instances.list()).find(({ instance }) => instance === name);
  if (item === undefined) throw new MisconfiguredError('instance', 'there is none of that name', 'Add it.');
  return readInstance(item, instanceRules);
}

/** Another host or other filters are another listing, here as well. */
function startOf({ from, to }: ReplayRequest, instance: Instance, { cursor }: CursorItem): Cursor {
  const scope = scopeOf(instance);
  const kept = cursor === undefined ? undefined : decodeCursor(cursor);
  if (kept?.scope === scope) return kept;
  const start = { from, createdBefore: to, began: undefined, read: from, token: undefined };
  const listing: Listing = { ...start, ordered: true, sorted: true };
  return { scope, position: from, limit: largestLimit, roomyPages: 0, listing };
}

function statusOf(
  request: ReplayRequest,
  cursor: Cursor,
  artifacts: number,
  now: number,
  error: unknown,
): Partial<Status> {
  const ended = cursor.listing === undefined;
  return {
    state: error === undefined ? (ended ? 'ok' : 'backlogged') : stateOf(error),
    lastPollAt: new Date(now).toISOString(),
    lastCount: artifacts,
    position: reached(cursor, request),
    ...(error !== undefined && { lastError: messageOf(error), remedy: remedyOf(error) }),
  };
}

function reached({ listing }: Cursor, { from, to }: ReplayRequest): Timestamp {
  return listing === undefined ? to : later(listing.read, from);
}
