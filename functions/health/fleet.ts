import { day } from '../instances/expiry.ts';
import type { Subject } from '../instances/subject.ts';
import type { Stream } from '../streams/stream.ts';
import type { CursorStatus } from './known-status.ts';
import { type Cause, type Light, type Verdict, verdictOf } from './verdict.ts';

/** The number of instances by cause, counted once the cause has lasted long enough for an alarm. */
interface Causes {
  readonly rejected: number;
  readonly failing: number;
  readonly silent: number;
  readonly quiet: number;
  /**
   * Tokens that have expired or expire within this many days. Each token counts once, under the smallest number that
   * applies.
   */
  readonly expiring: Readonly<Record<ExpiryDays, number>>;
}

/**
 * The verdicts of one stream over all instances at the end of a run, including instances that the run did not poll.
 */
export interface Fleet extends Causes {
  /**
   * The counts for alarms: a cause counts when it is new, and at the same time of each later day. An instance that
   * fails permanently does not keep an alarm raised, so the next failure raises it again.
   */
  readonly notices: Causes;
  /** Instances that collect this stream, which are all that are not grey. */
  readonly instances: number;
  readonly lights: Readonly<Record<Light, number>>;
  /** The longest lag of instances whose polls succeed; undefined if there are none. */
  readonly lagSeconds: number | undefined;
  /** How late records became visible, at most one in a thousand later, at the latest console; undefined if unknown. */
  readonly latenessSeconds: number | undefined;
  /** Days until the first token expires; undefined if no expiry is known. */
  readonly tokenExpiryDays: number | undefined;
}

/** An instance and its cursor item at the end of the run; undefined if there is none. */
export interface Member {
  readonly subject: Subject;
  readonly item: CursorStatus | undefined;
}

/** Days before the expiry of a token at which an alarm is raised. */
export type ExpiryDays = 1 | 7 | 14;

export const expiryBounds: readonly ExpiryDays[] = [1, 7, 14];

export function fleetOf(members: readonly Member[], stream: Stream, now: number, quietMs?: number): Fleet {
  return sum(
    members.map(({ subject, item }) => verdictOf(subject, item, stream, now, quietMs)),
    now,
    noticeMs(stream),
  );
}

/** How long a cause counts as new: long enough for at least one run to end in that time. */
export function noticeMs({ cadenceMinutes }: Pick<Stream, 'cadenceMinutes'>): number {
  return Math.max(60, 1.5 * cadenceMinutes) * 60_000;
}

/** Sums up the verdicts of one stream over all instances. */
export function sum(verdicts: readonly Verdict[], now: number, newForMs: number): Fleet {
  const wanted = verdicts.filter(({ light }) => light !== 'grey');
  // A cause that began at an unknown time always counts.
  const isNotice = (sinceMs: number) => Number.isNaN(sinceMs) || (now - sinceMs) % day <= newForMs;
  const notices = wanted.filter(({ alarmSince = '' }) => isNotice(Date.parse(alarmSince)));
  // A refused token has its own alarm.
  const expiries = wanted
    .filter(({ cause, tokenExpiresAt }) => cause !== 'rejected' && tokenExpiresAt !== undefined)
    .map(({ tokenExpiresAt = '' }) => Date.parse(tokenExpiresAt));
  const days = expiries.map((at) => Math.max(0, (at - now) / day));
  const lags = wanted.filter(isPolledWell).flatMap(({ lagSeconds }) => lagSeconds ?? []);
  const lateness = wanted.flatMap(({ lateness }) => (lateness ? lateness.p999Ms / 1000 : []));
  return {
    instances: wanted.length,
    lights: countLights(verdicts),
    ...causesOf(wanted, expiries, now),
    // Each bound is a whole number of days before the expiry, so all are reached at the same time of day.
    notices: causesOf(
      notices,
      expiries.filter((at) => isNotice(at - 14 * day)),
      now,
    ),
    lagSeconds: lags.length > 0 ? Math.max(...lags) : undefined,
    latenessSeconds: lateness.length > 0 ? Math.max(...lateness) : undefined,
    tokenExpiryDays: days.length > 0 ? Math.min(...days) : undefined,
  };
}

function causesOf(verdicts: readonly Verdict[], expiries: readonly number[], now: number): Causes {
  const alarms = (cause: Cause) => verdicts.filter((one) => one.alarm && one.cause === cause).length;
  const within = (bound: ExpiryDays) =>
    expiries.filter((at) => expiryBounds.find((one) => at - now <= one * day) === bound).length;
  return {
    rejected: alarms('rejected'),
    failing: alarms('failing'),
    silent: alarms('silent'),
    quiet: alarms('quiet'),
    expiring: { 1: within(1), 7: within(7), 14: within(14) },
  };
}

export function countLights(all: readonly { readonly light: Light }[]): Record<Light, number> {
  const count = (light: Light) => all.filter((one) => one.light === light).length;
  return { red: count('red'), yellow: count('yellow'), green: count('green'), grey: count('grey') };
}

function isPolledWell({ cause }: Verdict): boolean {
  return cause === undefined || cause === 'quiet' || cause === 'token';
}
