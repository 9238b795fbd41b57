import { MisconfiguredError, states } from '../errors.ts';
import { expiryNoticeMs } from '../instances/expiry.ts';
import { type Subject, subjectIntervalMs } from '../instances/subject.ts';
import { dayMs, later, timestamp, toMs } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';
import { type Case, type Finding, incomplete, killed, type Light, late, noticed, quiet } from './finding.ts';
import { type CursorStatus, type KnownStatus, readStatus } from './known-status.ts';
import type { Lateness } from './lateness.ts';
import { longestWaitMs } from './next-poll.ts';
import { forwarderKey, type Status } from './status.ts';

export type { Light } from './finding.ts';

/** The verdict on one stream of one instance. Times are ISO 8601; an unknown time is undefined. */
export interface Verdict extends Finding {
  readonly stream: string;
  readonly lastPollAt: string | undefined;
  readonly lastRecordAt: string | undefined;
  readonly lastCount: number | undefined;
  readonly position: string | undefined;
  /**
   * How far the position was behind the clock when the last poll ended. History from before the instance was first
   * seen does not count.
   */
  readonly lagSeconds: number | undefined;
  readonly tokenExpiresAt: string | undefined;
  /** Of every hour before it, everything that the console counts was delivered. */
  readonly completeUntil: string | undefined;
  /** Fields that the console's schema lacks; absent where it has all. */
  readonly leftOut?: readonly string[];
  /** How late its records became visible; absent if nothing is known. */
  readonly lateness?: Lateness;
  /** What its mapping does not know, in sentences; absent where it knows all. */
  readonly drift?: readonly string[];
}

/**
 * Judges one stream of one instance. `item` is undefined if no poll has seen the instance yet.
 * @param quietMs how long polls may deliver nothing
 * @param speed how many times faster than the clock the schedule runs
 */
export function verdictOf(
  subject: Subject,
  item: CursorStatus | undefined,
  stream: Stream,
  now: number,
  quietMs = Number.POSITIVE_INFINITY,
  speed = 1,
): Verdict {
  const status = readStatus(item);
  const cycleMs = Math.max(shortestCycleMs, subjectIntervalMs(subject, stream));
  const one: Case = { name: subject.name, status, cycleMs, now };
  if (subject.instance === 'disabled')
    return verdict(stream.name, status, [{ light: 'grey', word: 'disabled' }]);
  // Of equally bad findings, the first one counts.
  return verdict(stream.name, status, [
    subject.instance instanceof MisconfiguredError ? invalidRecord(one, subject.instance) : failure(one),
    killed(one, stream),
    silence(one, stream),
    noticed(one),
    incomplete(one, stream),
    late(one, stream),
    waiting(one, stream, speed),
    quiet(one, stream, quietMs),
    tokenEnd(one),
  ]);
}

/** Where polls are more frequent, one that fails or is late is nothing to be told. */
const shortestCycleMs = 5 * 60_000;

/** An instance names the stream, and the stack has no function for it. */
export function notDeployed({ name }: Stream): Verdict {
  return verdict(name, readStatus(), [
    {
      light: 'yellow',
      word: 'not deployed',
      error: `the stack has no function for ${name}`,
      remedy: `Deploy with ${name} in the setting optionalStreams, or leave it out of the instance's streams.`,
    },
  ]);
}

/** After two of these without a success, CloudWatch raises the forwarder's alarm in the third. */
const forwarderCycleMs = 15 * 60_000;

/** Judges the forwarder. It writes nothing while the queue is empty, so it is never considered silent. */
export function forwarderVerdict(given: Partial<Status>, now: number): Verdict {
  const status = readStatus({ status: given });
  const found = failure({ name: forwarderKey.instance, status, cycleMs: forwarderCycleMs, now });
  const backlog: Finding | undefined = status.state === 'backlogged' ? backlogged : undefined;
  return verdict(forwarderKey.stream, status, [found, backlog]);
}

const order: readonly Light[] = ['red', 'yellow', 'green', 'grey'];

/** Negative if `a` is worse. */
export function compareLights(a: Light, b: Light): number {
  return order.indexOf(a) - order.indexOf(b);
}

function verdict(stream: string, status: KnownStatus, findings: readonly (Finding | undefined)[]): Verdict {
  const found = findings.filter((one) => one !== undefined);
  const [worst] = found.sort((a, b) => compareLights(a.light, b.light));
  const { lastPollAt, lastRecordAt, lastCount, position, tokenExpiresAt, completeUntil } = status;
  const { leftOut, lateness, drift } = status;
  return {
    stream,
    ...(worst ?? { light: 'green', word: 'ok' }),
    lastPollAt,
    lastRecordAt,
    lastCount,
    position,
    lagSeconds: lagSeconds(status),
    tokenExpiresAt,
    completeUntil: completeUntil && new Date(completeUntil).toISOString(),
    ...(leftOut.length > 0 && { leftOut }),
    ...(lateness && { lateness }),
    ...(drift.length > 0 && { drift }),
  };
}

function lagSeconds({ lastPollAt, position, firstSeenAt }: KnownStatus): number | undefined {
  if (lastPollAt === undefined || position === undefined) return undefined;
  const from = later(position, timestamp(firstSeenAt) ?? position);
  return Math.max(0, Math.round((Date.parse(lastPollAt) - toMs(from)) / 1000));
}

/** Decides, for every alarm on failures, whether they last longer than two cycles. */
function failure({ name, status, cycleMs, now }: Case): Finding | undefined {
  const { state, failures, lastError: error, remedy } = status;
  if (state === 'unknown') return unknown;
  if (!('remedy' in states[state])) return undefined;
  // Items of earlier versions do not have `failingSince`.
  const since = status.failingSince ?? status.lastSuccessAt ?? status.firstSeenAt;
  const lasts = since === undefined ? failures > 2 : now - Date.parse(since) > 2 * cycleMs;
  const shared = { word: state, since, error, alarmSince: since } as const;
  // Nothing is wrong, but nothing is collected.
  if (state === 'not-licensed') return { ...shared, light: 'grey', remedy };
  if (state === 'unauthorized' && name !== forwarderKey.instance)
    return { ...shared, light: 'red', cause: 'rejected', alarm: true, remedy: rotation(name) };
  // A failure that is retried needs an operator only if it lasts.
  const light = states[state].acts !== 'nobody' || lasts ? 'red' : 'yellow';
  const alarmSince = since && iso(Date.parse(since) + 2 * cycleMs);
  return { ...shared, light, cause: 'failing', alarm: lasts, alarmSince, remedy };
}

const unknown: Finding = {
  light: 'yellow',
  word: 'unknown',
  error: 'the status holds a state that this version does not know',
  remedy: 'Use the version that is deployed, or deploy this one.',
};

/** The option of `collector set` for each attribute. */
const options: Readonly<Record<string, string>> = {
  host: '--host HOST',
  secretId: '--secret-id ID',
  pollingInterval: '--interval MINUTES',
  accountIds: '--accounts IDS',
  siteIds: '--sites IDS',
  groupIds: '--groups IDS',
  lookbackHours: '--lookback-hours HOURS',
  overlapMinutes: '--overlap-minutes MINUTES',
  streams: '--streams NAMES',
};

/** The current record counts, even if the last poll used a valid one. */
function invalidRecord(one: Case, { attribute, message, remedy }: MisconfiguredError): Finding {
  const before = failure(one);
  const option = Object.hasOwn(options, attribute) ? options[attribute] : undefined;
  return {
    light: 'red',
    word: 'misconfigured',
    cause: 'failing',
    alarm: before?.cause === 'failing' && before.alarm === true,
    alarmSince: before?.alarmSince,
    since: before?.since,
    error: message,
    remedy: option === undefined ? remedy : `${remedy} Run: collector set ${one.name} ${option}`,
  };
}

/** A poll is late once it has been due for one and a half cadences, so that a tick has passed without it. */
function silence({ status, cycleMs, now }: Case, { cadenceMinutes }: Stream): Finding | undefined {
  const { state, failures, lastPollAt, nextPollAt, firstSeenAt } = status;
  const since = lastPollAt ?? firstSeenAt;
  // The item does not say when the instance was enabled again.
  if (since === undefined || state === 'disabled') return undefined;
  const next = Date.parse(nextPollAt ?? since);
  // As for polls, a time that is more than a day ahead counts as absent.
  const waitsUntil = failures > 0 && next - Date.parse(since) <= longestWaitMs ? next : 0;
  const due =
    lastPollAt === undefined ? Date.parse(since) : Math.max(Date.parse(since) + cycleMs, waitsUntil);
  const lateAt = due + 1.5 * cadenceMinutes * 60_000;
  if (now <= lateAt) return undefined;
  return {
    light: 'red',
    word: 'silent',
    cause: 'silent',
    alarm: true,
    alarmSince: iso(lateAt),
    since,
    error: `no poll since ${since}; one was due at ${iso(due)}`,
    remedy: 'No data is lost. Check that the function runs: docs/operations.md, "Polls failing".',
  };
}

const backlogged: Finding = { light: 'yellow', word: 'backlogged' };

function waiting({ status }: Case, { cadenceMinutes }: Stream, speed: number): Finding | undefined {
  const { state, lastPollAt, firstSeenAt: since } = status;
  const seconds = Math.ceil((cadenceMinutes * 60) / speed);
  const time = seconds < 120 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
  const remedy = `Wait: the next poll starts within ${time}.`;
  if (state === 'disabled')
    return { light: 'yellow', word: 'starting', error: 'no poll since it was switched on', remedy };
  if (state === 'pending' || lastPollAt === undefined)
    return { light: 'yellow', word: 'never polled', since, error: 'no poll has ended yet', remedy };
  return state === 'backlogged' ? backlogged : undefined;
}

/** The last day is red, and so is an expired token that the console still accepts. */
function tokenEnd({ name, status: { tokenExpiresAt }, now }: Case): Finding | undefined {
  const leftMs = Date.parse(tokenExpiresAt ?? '') - now;
  if (!(leftMs <= expiryNoticeMs)) return undefined;
  return {
    light: leftMs <= dayMs ? 'red' : 'yellow',
    word: leftMs <= 0 ? 'token expired' : 'token expires',
    cause: 'token',
    alarm: true,
    error: `the token ${leftMs <= 0 ? 'expired' : 'expires'} at ${tokenExpiresAt}`,
    remedy: rotation(name),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function rotation(name: string): string {
  return `Create a new token in the console, then run: collector rotate ${name}`;
}
