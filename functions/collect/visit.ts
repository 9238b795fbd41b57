import { ClaimLostError, MisconfiguredError, OutOfTimeError, type State } from '../errors.ts';
import {
  disabledStatus,
  messageOf,
  nameOf,
  remedyOf,
  type Status,
  stateOf,
  statusAfter,
} from '../health/status.ts';
import { type Subject, subjectIntervalMs } from '../instances/subject.ts';
import { permitOf, type Semaphore } from '../kit/concurrency.ts';
import { type Limiter, limiter } from '../kit/pacing.ts';
import { epoch, type Timestamp, toMs } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';
import type { AuditResult, FailedAudit } from './audit.ts';
import { type Cursor, encodeCursor } from './cursor.ts';
import type { Claim, CursorItem } from './cursors.ts';
import type { Run } from './invocation.ts';
import { claimMs, poll, shortestPageMs, type Tally } from './poll.ts';
import type { Outcome, Ports } from './ports.ts';
import type { Settings } from './settings.ts';

/** Large pages under way at once, whatever the number of instances: memory has to hold them all. */
export const largePagesAtOnce = 2;

/** Kept for delivering, committing and releasing once requests have ended. */
const settleMs = 20_000;

interface Context {
  readonly stream: Stream;
  readonly invocation: Run;
  readonly settings: Settings;
  readonly ports: Ports;
  readonly largePages: Semaphore;
}

/** How a turn ended. Without a cursor nothing is left to commit. */
interface Ending {
  readonly state: State;
  readonly cursor?: Cursor;
  readonly audit?: AuditResult | FailedAudit | undefined;
  readonly error?: unknown;
}

/** One instance in one run, over one or several turns. */
interface Visit extends Context {
  readonly subject: Subject;
  readonly claim: Claim;
  readonly limiter: Limiter;
  /** Of the first turn. */
  startedAt: number | undefined;
  readonly tally: Tally;
  /** Pages asked for. */
  asked: number;
  /** Of the last turn; undefined before the first. */
  ending: Ending | undefined;
  /** What it left in the cursor item; undefined before the first release. */
  left: Pick<CursorItem, 'firstSeenAt' | 'status'> | undefined;
}

export function visitOf(subject: Subject, context: Context): Visit {
  const { stream, invocation, settings, ports } = context;
  return {
    ...context,
    subject,
    claim: { instance: subject.name, stream: stream.name, run: invocation.id },
    limiter: limiter(settings.requestsPerSecond, ports.clock),
    startedAt: undefined,
    tally: {
      pages: 0,
      artifacts: 0,
      forgotten: 0,
      position: undefined,
      restarted: false,
      secretVersion: undefined,
      tokenExpiresAt: undefined,
      tokenChecked: false,
    },
    asked: 0,
    ending: undefined,
    left: undefined,
  };
}

/** Gives the visit a turn if there is time, and reports when it wants no other. */
export async function turn(visit: Visit, contended: () => boolean): Promise<boolean> {
  try {
    if (hasTime(visit) && (await claimed(visit, contended))) return true;
  } catch (error) {
    // Another run goes on from where this one was, or the cursor was removed on purpose.
    visit.ending =
      error instanceof ClaimLostError ? { state: 'backlogged' } : { state: stateOf(error), error };
  }
  if (visit.ending !== undefined) visit.ports.report(outcomeOf(visit, visit.ending));
  return false;
}

/** Claims, polls, commits the last page with the status, and releases. Answers whether it wants another turn. */
async function claimed(visit: Visit, contended: () => boolean): Promise<boolean> {
  const { claim, settings, ports } = visit;
  const now = ports.clock.now();
  visit.startedAt ??= now;
  const item = await ports.cursors.claim(claim, now, now + claimMs);
  if (item === undefined) return false;
  const ending = await collect(visit, item, contended);
  const { cursor } = ending;
  const status = statusOf(visit, item, ending);
  const stored = cursor && { cursor: encodeCursor(cursor) };
  await ports.cursors.save(claim, { ...stored, status, claimUntil: undefined });
  visit.ending = ending;
  visit.left = { firstSeenAt: item.firstSeenAt, status };
  return cursor?.listing !== undefined && hasTime(visit) && visit.asked < settings.pagesPerRun;
}

async function collect(visit: Visit, item: CursorItem, contended: () => boolean): Promise<Ending> {
  const { subject, settings, ports } = visit;
  if (subject.instance === 'disabled') return { state: 'disabled' };
  const permit = permitOf(visit.largePages);
  try {
    if (subject.instance instanceof MisconfiguredError) throw subject.instance;
    const goOn = pageAllowance(visit, () => contended() || visit.largePages.contended());
    const remainingMs = () => timeLeftMs(visit);
    const { cursor, audit } = await poll(
      {
        ...visit,
        instance: subject.instance,
        item,
        permit,
        remainingMs,
        goOn,
        auditDue: isAuditDue(visit, item),
      },
      settings,
      ports,
    );
    return { state: cursor.listing === undefined ? 'ok' : 'backlogged', cursor, audit };
  } catch (error) {
    if (error instanceof ClaimLostError) throw error;
    if (error instanceof OutOfTimeError) return { state: 'backlogged' };
    return { state: stateOf(error), error };
  } finally {
    permit.release();
  }
}

/** One page in any case; more while there is time, the run's bound is not reached, and it is nobody else's turn. */
function pageAllowance(visit: Visit, contended: () => boolean): () => boolean {
  const { pagesPerTurn, pagesPerRun } = visit.settings;
  const first = visit.asked;
  visit.asked += 1;
  return () => {
    const itsTurn = visit.asked - first < pagesPerTurn || !contended();
    if (!itsTurn || visit.asked >= pagesPerRun || !hasTime(visit)) return false;
    visit.asked += 1;
    return true;
  };
}

function timeLeftMs({ invocation }: Visit): number {
  return invocation.remainingMs() - settleMs;
}

function hasTime(visit: Visit): boolean {
  return timeLeftMs(visit) >= shortestPageMs;
}

/** Not before an instance has been seen for that long: there has to be something to audit. */
function isAuditDue({ settings, ports }: Visit, { firstSeenAt, status }: CursorItem): boolean {
  const last = Date.parse(status.lastAuditAt ?? firstSeenAt);
  return settings.auditMs > 0 && ports.clock.now() - last >= settings.auditMs;
}

function statusOf(visit: Visit, { status }: CursorItem, { state, audit, error }: Ending): Partial<Status> {
  const { subject, stream, invocation, tally, ports } = visit;
  if (state === 'disabled') return disabledStatus(status);
  return statusAfter(status, {
    now: ports.clock.now(),
    scheduledAt: invocation.scheduledAt,
    intervalMs: subjectIntervalMs(subject, stream),
    cadenceMs: stream.cadenceMinutes * 60_000,
    state,
    error,
    audited: audit !== undefined && !('error' in audit),
    artifacts: tally.artifacts,
    position: tally.position,
    secretVersion: tally.secretVersion,
    tokenExpiresAt: tally.tokenExpiresAt,
    tokenChecked: tally.tokenChecked,
    configVersion: subject.configVersion,
  });
}

function outcomeOf(visit: Visit, { state, audit, error }: Ending): Outcome {
  const { claim, tally, ports } = visit;
  const now = ports.clock.now();
  const { pages, artifacts, forgotten, restarted, position } = tally;
  return {
    instance: claim.instance,
    stream: claim.stream,
    state,
    pages,
    artifacts,
    forgotten,
    restarted,
    position,
    lagSeconds: lagSeconds(position, now),
    durationMs: now - (visit.startedAt ?? now),
    caughtUp: state === 'ok',
    audit,
    error:
      error === undefined
        ? undefined
        : { name: nameOf(error), message: messageOf(error), remedy: remedyOf(error) },
  };
}

/** An inventory that has not begun is not half a century late. */
function lagSeconds(position: Timestamp | undefined, now: number): number | undefined {
  if (position === undefined || position === epoch) return undefined;
  return Math.max(0, Math.round((now - toMs(position)) / 1000));
}
