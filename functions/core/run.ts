import type { AuditResult, FailedAudit } from './audit.ts';
import { type Cursor, encodeCursor } from './cursor.ts';
import { ClaimLostError, MisconfiguredError, OutOfTimeError, type State } from './errors.ts';
import { type Fleet, fleetOf } from './fleet.ts';
import { type Limiter, limiter } from './limiter.ts';
import { claimMs, poll, shortestPageMs, type Tally } from './poll.ts';
import type { Claim, CursorItem, Outcome, Ports, Status } from './ports.ts';
import { permitOf, type Semaphore, semaphore } from './semaphore.ts';
import type { Settings } from './settings.ts';
import { handOver } from './shards.ts';
import { disabledStatus, messageOf, nameOf, remedyOf, stateOf, statusAfter } from './status.ts';
import type { Stream } from './stream.ts';
import { isDue, type Subject, subjectIntervalMs, subjectOf } from './subject.ts';
import { epoch, type Timestamp, toMs } from './time.ts';
import { inTurns } from './turns.ts';

/** One invocation. */
export interface Run {
  /** Unique; claims are made in its name. */
  readonly id: string;
  /** The tick it was fired for, milliseconds since 1970. */
  readonly scheduledAt: number;
  /** Milliseconds until it is killed. */
  readonly remainingMs: () => number;
  /** Whom to poll, where this is a shard of a tick; undefined: everybody who is due. */
  readonly instances?: readonly string[] | undefined;
}

export interface RunSummary {
  /** Records in the instances table. */
  readonly instances: number;
  /** Of these, the ones whose time has come; of a shard, among its own. */
  readonly due: number;
  /** Of these, the ones that further runs poll. */
  readonly handedOver: number;
  /** Why further runs did not take all that they were to, and this one polled the rest; undefined where they did. */
  readonly refusal: string | undefined;
  /** A shard that began more than half a cadence after its tick: the next one is near. */
  readonly isLateShard: boolean;
  /** Of those that are due and were not handed over, the ones for which no time was left, or which another run has claimed. */
  readonly notReached: number;
  /** How all of them are now; undefined of a shard, which knows only its own. */
  readonly fleet: Fleet | undefined;
}

/** Large pages under way at once, whatever the number of instances: memory has to hold them all. */
const largePagesAtOnce = 2;

/** Kept for delivering, committing and releasing once requests have ended. */
const settleMs = 20_000;

/** Polls one stream of every instance that is due. Throws only where the tables can't be read. */
export async function run(
  stream: Stream,
  invocation: Run,
  settings: Settings,
  ports: Ports,
): Promise<RunSummary> {
  const { instances: shard, scheduledAt } = invocation;
  const isLateShard = shard !== undefined && ports.clock.now() - scheduledAt > halfCadenceMs(stream);
  const items = await ports.instances.list();
  const subjects = items.map((item) => subjectOf(item, stream, settings.instanceRules));
  const candidates = shard === undefined ? subjects : among(subjects, shard);
  const known = await ports.cursors.read(
    stream.name,
    candidates.map(({ name }) => name),
  );
  const due = await dueOf(candidates, known, stream, invocation, ports);
  // A shard is never divided again: nobody hands over without end.
  const most = shard === undefined ? settings.instancesPerRun : Number.POSITIVE_INFINITY;
  const { own, handedOver, refusal } = await handOver(due, most, scheduledAt, ports);
  const context = { stream, invocation, settings, ports, largePages: semaphore(largePagesAtOnce) };
  const visits = own.map((subject) => visitOf(subject, context));
  await inTurns(visits, settings.instancesAtOnce, turn);
  const notReached = visits.filter(({ ending }) => ending === undefined).length;
  const left = new Map(visits.map(({ subject, left }) => [subject.name, left]));
  const members = candidates.map((subject) => ({
    subject,
    item: left.get(subject.name) ?? known.get(subject.name),
  }));
  const fleet =
    shard === undefined ? fleetOf(members, stream, ports.clock.now(), settings.quietMs) : undefined;
  return {
    instances: subjects.length,
    due: due.length,
    handedOver,
    refusal,
    isLateShard,
    notReached,
    fleet,
  };
}

function halfCadenceMs({ cadenceMinutes }: Stream): number {
  return (cadenceMinutes * 60_000) / 2;
}

function among(subjects: readonly Subject[], names: readonly string[]): Subject[] {
  const wanted = new Set(names);
  return subjects.filter(({ name }) => wanted.has(name));
}

/** The longest unpolled first, so that whoever a run does not reach is early in the next. */
async function dueOf(
  subjects: readonly Subject[],
  known: ReadonlyMap<string, CursorItem>,
  stream: Stream,
  { scheduledAt }: Run,
  ports: Ports,
): Promise<Subject[]> {
  const due = await Promise.all(
    subjects.map((subject) => isDue(subject, stream, scheduledAt, known.get(subject.name), ports.secrets)),
  );
  const lastPoll = ({ name }: Subject) => known.get(name)?.status.lastPollAt ?? '';
  return subjects.filter((_, i) => due[i]).sort((a, b) => lastPoll(a).localeCompare(lastPoll(b)));
}

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

function visitOf(subject: Subject, context: Context): Visit {
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
async function turn(visit: Visit, contended: () => boolean): Promise<boolean> {
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
