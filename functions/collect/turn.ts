import type { Consoles } from '../console/consoles.ts';
import { noMarks } from '../console/marks.ts';
import { ClaimLostError, MisconfiguredError, problemOf, type State } from '../errors.ts';
import { disabledStatus, type Status, statusAfter } from '../health/status.ts';
import { overlapMsOf } from '../instances/instance.ts';
import { isPolled, type Subject, subjectIntervalMs } from '../instances/subject.ts';
import type { AfterTurn } from '../kit/concurrency.ts';
import type { Timestamp } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';
import { smallPagesPerRun } from './bounds/notice.ts';
import { quarantineStatus, type Suspect } from './bounds/quarantine.ts';
import { claimMs, settleMs, shortestPageMs } from './bounds/times.ts';
import { type ChangePorts, saveEnd } from './changes.ts';
import { encodeCursor } from './cursor.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import { type PollPorts, type PollResult, poll } from './poll.ts';
import type { Claim, CursorItem } from './ports.ts';
import type { Settings } from './settings.ts';

/** One invocation of a function. */
export interface Invocation {
  /** Unique to the invocation, also if its event was delivered before; claims are made in its name. */
  readonly id: string;
  /** The tick it was started for, milliseconds since 1970. */
  readonly scheduledAt: number;
  /** Milliseconds until it is killed. */
  readonly remainingMs: () => number;
}

export interface TurnPorts extends PollPorts, ChangePorts {
  /** Called when an instance is finished, so that a killed invocation has logged what it did. */
  readonly report: (outcome: Outcome) => void;
  /** Called before an instance is polled that may end the run. */
  readonly reportSuspect: (suspect: Suspect) => void;
}

/** What the turns of one invocation share. */
export interface TurnContext {
  readonly stream: Stream;
  readonly invocation: Invocation;
  readonly settings: Settings;
  readonly consoles: Consoles;
  readonly ports: TurnPorts;
}

/** One instance in one invocation, over one or several turns. */
export interface InstanceRun {
  readonly subject: Subject;
  /** Runs in a row that were killed while they polled it. */
  readonly killedRuns: number;
  /** It is not polled for a while. */
  readonly isQuarantined: boolean;
  /** When the first turn started, in milliseconds since 1970; undefined before it. */
  readonly startedAt: number | undefined;
  /** Pages that were requested. */
  readonly requests: number;
  /** How the last turn ended; undefined before the first. */
  readonly result: PollResult | undefined;
  /** What the last turn left in the cursor item. */
  readonly item: { readonly firstSeenAt: Timestamp; readonly status: Partial<Status> } | undefined;
}

/** Gives an instance a turn if there is time for one, and reports the instance if it needs no other. */
export async function turn(
  instanceRun: InstanceRun,
  context: TurnContext,
  contended: () => boolean,
): Promise<AfterTurn<InstanceRun>> {
  const polled = hasTime(context) ? await claimedTurn(instanceRun, context, contended) : undefined;
  const after = polled ?? instanceRun;
  const again = polled !== undefined && isUnfinished(polled, context);
  if (!again && after.result !== undefined) {
    const of = { instance: after.subject.name, stream: context.stream.name, startedAt: after.startedAt };
    context.ports.report(outcomeOf(of, after.result, context.ports.clock.now()));
  }
  return { item: after, again };
}

/**
 * Claims the instance, polls it, and releases it with the last page's cursor and the status. Returns undefined if another
 * invocation has the claim.
 */
async function claimedTurn(
  instanceRun: InstanceRun,
  context: TurnContext,
  contended: () => boolean,
): Promise<InstanceRun | undefined> {
  const { stream, invocation, settings, ports } = context;
  const { subject, killedRuns, isQuarantined, result: earlier } = instanceRun;
  const host = isPolled(subject) ? subject.instance.host : undefined;
  const claim = { instance: subject.name, stream: stream.name, run: invocation.id };
  const now = ports.clock.now();
  let after: InstanceRun = { ...instanceRun, startedAt: instanceRun.startedAt ?? now };
  try {
    const item = await ports.cursors.claim(claim, now, now + claimMs, killedRuns);
    if (item === undefined) return undefined;
    if (killedRuns > 0 && earlier === undefined)
      ports.reportSuspect({ instance: subject.name, stream: stream.name, killedRuns });
    if (isQuarantined) {
      const status = quarantineStatus(item.status, killedRuns, subject.configVersion, now);
      await saveEnd({ claim, before: item.status, status, cursor: undefined, host }, settings, ports);
      const { firstSeenAt } = item;
      const result = withoutPage(undefined, undefined, status.state);
      return { ...after, result, item: { firstSeenAt, status } };
    }
    const { result, requests } = await pollTurn(instanceRun, claim, item, context, contended);
    after = { ...after, requests, result };
    if (result.error instanceof ClaimLostError) throw result.error;
    const status = statusOf(subject, result, item.status, context);
    const cursor = result.endCursor && encodeCursor(result.endCursor);
    await saveEnd({ claim, before: item.status, status, cursor, host }, settings, ports);
    return { ...after, item: { firstSeenAt: item.firstSeenAt, status } };
  } catch (error) {
    // A claim that is left to expire counts as a killed run.
    if (!(error instanceof ClaimLostError))
      await ports.cursors.save(claim, { claimUntil: undefined }).catch(() => {});
    return { ...after, result: withoutPage(after.result, error) };
  }
}

/** Polls one page in any case; more while there is time, pages are left, and no other instance waits for its turn. */
async function pollTurn(
  { subject, requests: requested, result: earlier }: InstanceRun,
  claim: Claim,
  item: CursorItem,
  context: TurnContext,
  contended: () => boolean,
): Promise<{ readonly result: PollResult; readonly requests: number }> {
  const { stream, settings, consoles, ports } = context;
  const { instance } = subject;
  if (instance === 'disabled')
    return { result: withoutPage(earlier, undefined, 'disabled'), requests: requested };
  if (instance instanceof MisconfiguredError)
    return { result: withoutPage(earlier, instance), requests: requested };
  const remainingMs = () => timeLeftMs(context);
  const connection = consoles.connect(instance, stream, remainingMs, item.status.learned);
  const isContended = () => contended() || connection.isWaitedFor();
  let requests = requested + 1;
  const takeRequest = () => {
    const mayGoOn = requests - requested < settings.pagesPerTurn || !isContended();
    if (!mayGoOn || requests >= settings.pagesPerRun || !hasTime(context)) return false;
    requests += 1;
    return true;
  };
  const task = { stream, instance, claim, item, connection, remainingMs, takeRequest, isContended };
  const own = { ...settings, overlapMs: overlapMsOf(instance, settings.overlapMs) };
  try {
    return { result: await poll(task, earlier ?? noResult, own, ports), requests };
  } catch (error) {
    return { result: withoutPage(earlier, error), requests };
  } finally {
    connection.close();
  }
}

const noResult: PollResult = {
  state: 'pending',
  pages: 0,
  artifacts: 0,
  forgotten: 0,
  marks: noMarks,
  restarted: false,
  position: undefined,
  smallPages: 0,
  notice: undefined,
  drifted: undefined,
  endCursor: undefined,
  token: { secretVersion: undefined, tokenExpiresAt: undefined, tokenChecked: false },
  spent: undefined,
  remembered: {},
  hoursChecked: undefined,
  error: undefined,
};

/**
 * Returns the result of earlier turns with a new end. A lost claim is not an error: another invocation continues, or the
 * cursor was removed on purpose.
 */
function withoutPage(earlier: PollResult | undefined, error: unknown, state?: State): PollResult {
  const { token, spent, remembered, endCursor, hoursChecked } = noResult;
  const ended = { ...(earlier ?? noResult), token, spent, remembered, endCursor, hoursChecked };
  if (error instanceof ClaimLostError) return { ...ended, state: 'backlogged', error: undefined };
  return { ...ended, state: state ?? problemOf(error).state, error };
}

function isUnfinished({ result, requests }: InstanceRun, context: TurnContext): boolean {
  if (result?.error !== undefined || result?.endCursor?.listing === undefined) return false;
  const mayContinue = requests < context.settings.pagesPerRun && result.smallPages < smallPagesPerRun;
  return mayContinue && hasTime(context);
}

function timeLeftMs({ invocation }: TurnContext): number {
  return invocation.remainingMs() - settleMs;
}

function hasTime(context: TurnContext): boolean {
  return timeLeftMs(context) >= shortestPageMs;
}

/** After a restart, no hour is checked yet. */
const noHours = { checkedUntil: undefined, completeUntil: undefined };

function statusOf(
  subject: Subject,
  result: PollResult,
  previous: Partial<Status>,
  { stream, invocation, ports }: TurnContext,
): Partial<Status> {
  const { state, error, hoursChecked, restarted, artifacts, position, token, notice, spent, remembered } =
    result;
  if (state === 'disabled') return disabledStatus(previous);
  return statusAfter(previous, {
    now: ports.clock.now(),
    scheduledAt: invocation.scheduledAt,
    intervalMs: subjectIntervalMs(subject, stream),
    cadenceMs: stream.cadenceMinutes * 60_000,
    state,
    error,
    hours: restarted || hoursChecked?.completeUntil !== undefined ? (hoursChecked ?? noHours) : undefined,
    artifacts,
    notice,
    spent,
    remembered,
    position,
    secretVersion: token.secretVersion,
    tokenExpiresAt: token.tokenExpiresAt,
    tokenChecked: token.tokenChecked,
    configVersion: subject.configVersion,
  });
}
