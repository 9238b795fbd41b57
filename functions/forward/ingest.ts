import { type CollectorError, OutOfTimeError, UnreachableError } from '../errors.ts';
import {
  BlockedMessageError,
  PermissionRefusedError,
  StuckMessageError,
  UnreadableReplyError,
} from './errors.ts';
import { postInParts } from './post-in-parts.ts';
import { postWithRecord } from './post-with-record.ts';
import { bodyParts, isOftenReceived, type Posted, receivesOf } from './queued-artifacts.ts';
import type { Ingestion, Result } from './request.ts';

/** The run may have to search for each artifact. */
const maxArtifacts = 500;

/** Messages that were received often are posted in smaller requests, so that a rejected artifact is found sooner. */
const fewArtifacts = 50;

/**
 * After this many failures in a row Analytics is considered down. The limit is lower if it has not answered in this
 * run.
 */
const [maxFirstFailures, maxFailures] = [4, 10];

/** With backoff, this takes some seconds. */
const mergedTries = 4;

/** What is posted together: one request, or one artifact with its record from the overflow bucket. */
type Unit = readonly Posted[];

/** A unit that could not be posted, with the reason. */
interface Stuck {
  readonly unit: Unit;
  readonly error: CollectorError;
}

/**
 * Posts artifacts to Analytics. If a request fails for a reason that can be in one of its messages, each message is
 * posted by itself. Throws the error that ended the work, or that kept a message from being posted. Artifacts without
 * a result have to be posted again.
 */
export async function* ingest(items: readonly Posted[], ingestion: Ingestion): AsyncGenerator<Result> {
  const units = unitsOf(items, ingestion.requestBytes);
  const done = new Set<Posted>();
  const stuck: Stuck[] = [];
  let inARow: readonly CollectorError[] = [];
  let isFirst = true;
  for (let unit = units.shift(); unit !== undefined; unit = units.shift()) {
    const tries = isFirst && !unit.some(isOftenReceived) ? triesOf(unit) : 1;
    try {
      for await (const result of postUnit(unit, tries, ingestion)) {
        const item = itemOf(result);
        if (item !== undefined) {
          done.add(item);
          inARow = [];
        }
        yield result;
      }
    } catch (error) {
      if (error instanceof OutOfTimeError) throw errorOf(stuck, done) ?? inARow[0] ?? error;
      if (!canBeInTheMessage(error)) throw error;
      isFirst = false;
      if (!(error instanceof StuckMessageError)) inARow = [...inARow, error];
      if (inARow.length >= (done.size > 0 ? maxFailures : maxFirstFailures)) throw error;
      const left = unit.filter((item) => !done.has(item));
      const parts = byMessage(left);
      if (parts.length > 1) units.unshift(...parts);
      else stuck.push({ unit: left, error });
    }
  }
  const error = errorOf(stuck, done);
  if (error !== undefined) throw error;
}

/** New messages are merged into full requests; messages that were received often follow, each by itself. */
function unitsOf(items: readonly Posted[], requestBytes: number): Unit[] {
  const units = (some: readonly Posted[], mostArtifacts: number): Unit[] => [
    ...packRequests(
      some.filter((item) => !isElsewhere(item)),
      requestBytes,
      mostArtifacts,
    ),
    ...some.filter(isElsewhere).map((item) => [item]),
  ];
  const often = items.filter(isOftenReceived).toSorted((a, b) => receivesOf(a) - receivesOf(b));
  return [
    ...units(
      items.filter((item) => !isOftenReceived(item)),
      maxArtifacts,
    ),
    ...byMessage(often).flatMap((some) => units(some, fewArtifacts)),
  ];
}

/** Fills requests up to `mostBytes` and `most` artifacts in order; a larger artifact has one to itself. */
function packRequests(items: readonly Posted[], mostBytes: number, most: number): Posted[][] {
  const { head, comma, tail } = bodyParts;
  const requests: Posted[][] = [];
  let room = 0;
  for (const item of items) {
    const last = requests.at(-1);
    const bytes = item.packed.bytes + comma.length;
    if (last !== undefined && last.length < most && bytes <= room) last.push(item);
    else {
      requests.push([item]);
      room = mostBytes - head.length - tail.length;
    }
    room -= bytes;
  }
  return requests;
}

/** While time is left; but if it has several messages, each of them still has to be tried by itself. */
function triesOf(unit: Unit): number {
  return byMessage(unit).length > 1 ? mergedTries : Number.POSITIVE_INFINITY;
}

async function* postUnit(unit: Unit, tries: number, ingestion: Ingestion): AsyncGenerator<Result> {
  const [first] = unit;
  const isPosted =
    first !== undefined && isElsewhere(first) && (yield* postWithRecord(first, tries, ingestion));
  if (!isPosted) yield* postInParts(unit, tries, ingestion);
}

/** Whether a request may have failed because of what is in it: a firewall or a fault of Analytics can depend on that. */
function canBeInTheMessage(error: unknown): error is CollectorError {
  if (error instanceof UnreachableError)
    return error.retryAfterMs === undefined && error.obstacle === 'network';
  return (
    error instanceof PermissionRefusedError ||
    error instanceof UnreadableReplyError ||
    error instanceof StuckMessageError
  );
}

/** The error of the first stuck message. If Analytics has answered others, the error says so. */
function errorOf([first]: readonly Stuck[], done: ReadonlySet<Posted>): CollectorError | undefined {
  if (first === undefined || first.error instanceof StuckMessageError || done.size === 0) return first?.error;
  return new BlockedMessageError(first.unit[0]?.id ?? '', first.error);
}

function byMessage(items: readonly Posted[]): Unit[] {
  return [...Map.groupBy(items, ({ messages }) => messages[0]).values()];
}

function itemOf(result: Result): Posted | undefined {
  if ('accepted' in result) return result.accepted;
  return 'refused' in result ? result.refused : undefined;
}

function isElsewhere({ packed }: Posted): boolean {
  return packed.artifact.metadata.rawLocation !== undefined;
}
