import type { ConsolePorts } from '../console/api.ts';
import { Consoles } from '../console/consoles.ts';
import type { Listing } from '../console/query.ts';
import { type DeliveryPorts, deliverRecords } from '../deliver/deliver.ts';
import {
  ClaimLostError,
  MisconfiguredError,
  OutOfTimeError,
  type Problem,
  problemOf,
  type State,
} from '../errors.ts';
import type { Status } from '../health/status.ts';
import { type Instance, readInstance, scopeOf } from '../instances/instance.ts';
import type { Instances } from '../instances/ports.ts';
import { later, type Timestamp, timestamp } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';
import { claimMs, deliveryMs, settleMs, shortestPageMs } from './bounds/times.ts';
import { type Cursor, decodeCursor, encodeCursor, largestLimit } from './cursor.ts';
import { pages } from './listing/pages.ts';
import { Memory } from './memory.ts';
import type { CursorItem, Cursors } from './ports.ts';
import { limits, type Settings } from './settings.ts';
import type { Invocation } from './turn.ts';

/**
 * A past time range of a stream to collect again: the current state of every record that was created before `to` and
 * has changed since `from`. For an append-only stream, these are the records from `from` to before `to`.
 */
export interface ReplayRequest {
  readonly instance: string;
  readonly from: Timestamp;
  readonly to: Timestamp;
}

export interface ReplayProgress {
  /** `claimed`: another invocation has the lock. */
  readonly state: 'done' | 'more' | 'claimed' | 'failed';
  /** Delivered by all invocations so far. */
  readonly artifacts: number;
  /** Everything before this time was read. */
  readonly position: Timestamp;
  readonly error?: { readonly state: State; readonly message: string; readonly remedy: string };
}

export interface ReplayPorts extends ConsolePorts, DeliveryPorts {
  readonly instances: Instances;
  readonly cursors: Cursors;
}

/** The settings that a replay needs. The rate is that of the stream's polls. */
export type ReplaySettings = Pick<
  Settings,
  'instanceRules' | 'overlapMs' | 'messageBytes' | 'requestsPerSecond' | 'pageTimeoutMs' | 'pageBytes'
>;

/** The rate of a replay as a share of the polls' rate. Together they stay below 1,000 requests a minute. */
const rateShare = 0.1;

export function replayKey(stream: string, { from, to }: ReplayRequest): string {
  return `${stream}#replay#${from}#${to}`;
}

/**
 * Continues a replay until the invocation's time ends. Call it until the state is `done`. After a kill, the next call
 * continues from the last commit. Between calls the claim is kept for the same caller.
 */
export async function replay(
  request: ReplayRequest,
  stream: Stream,
  invocation: Invocation,
  settings: ReplaySettings,
  ports: ReplayPorts,
): Promise<ReplayProgress> {
  const { cursors, clock } = ports;
  const { overlapMs, messageBytes } = settings;
  const instance = await instanceOf(request, settings, ports);
  const claim = { instance: request.instance, stream: replayKey(stream.name, request), run: invocation.id };
  const now = clock.now();
  const item = await cursors.claim(claim, now, now + claimMs);
  if (item === undefined) return { state: 'claimed', artifacts: 0, position: request.from };

  let cursor = startOf(request, instance, item);
  let artifacts = item.status.lastCount ?? 0;
  const save = (claimUntil?: number, problem?: Problem) => {
    const status = statusOf(request, cursor, artifacts, clock.now(), problem);
    return cursors.save(claim, { cursor: encodeCursor(cursor), status, claimUntil });
  };
  const remainingMs = () => invocation.remainingMs() - settleMs;
  const rates = { ...settings, requestsPerSecond: settings.requestsPerSecond * rateShare };
  const connection = new Consoles(rates, ports).connect(instance, stream, remainingMs);
  const delivery = { messageBytes, remainingMs: () => remainingMs() + deliveryMs };
  const reading = {
    overlapMs,
    takeRequest: () => remainingMs() >= shortestPageMs,
    commit: (next: Cursor | undefined) => {
      cursor = next ?? cursor;
      return save(clock.now() + claimMs);
    },
  };
  const seen = new Memory(limits.memoryEntries);
  try {
    for await (const page of cursor.listing === undefined ? [] : pages(cursor, connection, reading)) {
      await deliverRecords(page.records, stream, instance, delivery, ports);
      artifacts += page.records.length;
      cursor = await page.ack(seen.addAll(page.records));
    }
  } catch (error) {
    if (error instanceof ClaimLostError) throw error;
    if (!(error instanceof OutOfTimeError)) {
      const problem = problemOf(error);
      await save(undefined, problem);
      return { state: 'failed', artifacts, position: reached(cursor, request), error: problem };
    }
  } finally {
    connection.close();
  }
  const state = cursor.listing === undefined ? 'done' : 'more';
  await save(state === 'more' ? clock.now() + claimMs : undefined);
  return { state, artifacts, position: reached(cursor, request) };
}

async function instanceOf(
  { instance: name, from, to }: ReplayRequest,
  { instanceRules }: ReplaySettings,
  { instances }: ReplayPorts,
): Promise<Instance> {
  if (timestamp(from) !== from || timestamp(to) !== to || !(from < to)) {
    throw new MisconfiguredError('replay', 'two times are needed, the earlier one first', 'Give two times.');
  }
  const item = await instances.read(name);
  if (item === undefined) throw new MisconfiguredError('instance', 'there is none of that name', 'Add it.');
  return readInstance(item, instanceRules);
}

/** As for polls, another host or other filters start a new listing. */
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
  problem: Problem | undefined,
): Partial<Status> {
  return {
    state: problem?.state ?? (cursor.listing === undefined ? 'ok' : 'backlogged'),
    lastPollAt: new Date(now).toISOString(),
    lastCount: artifacts,
    position: reached(cursor, request),
    ...(problem !== undefined && { lastError: problem.message, remedy: problem.remedy }),
  };
}

function reached({ listing }: Cursor, { from, to }: ReplayRequest): Timestamp {
  return listing === undefined ? to : later(listing.read, from);
}
