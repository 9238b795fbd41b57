import { day } from '../instances/expiry.ts';
import type { Subject } from '../instances/subject.ts';
import type { Stream } from '../streams/stream.ts';
import type { CursorStatus } from './known-status.ts';
import { type Cause, type Light, type Verdict, verdictOf } from './verdict.ts';

/** The verdicts of one stream over all instances at the end of a run, for alarms. It includes instances that the run did not poll. */
export interface Fleet {
  /** Instances that collect this stream: all that are not grey. */
  readonly instances: number;
  readonly lights: Readonly<Record<Light, number>>;
  // Instances by the cause of their verdict, once it has lasted long enough for an alarm.
  readonly rejected: number;
  readonly failing: number;
  readonly silent: number;
  readonly quiet: number;
  /** The longest lag of those whose polls succeed; undefined where there is none. */
  readonly lagSeconds: number | undefined;
  /** Tokens that expire within so many days, or have expired, each under the first bound that it meets. */
  readonly expiring: Readonly<Record<ExpiryDays, number>>;
  /** Until the first of these tokens expires; undefined where no expiry is known. */
  readonly tokenExpiryDays: number | undefined;
}

/** An instance and its cursor item at the end of the run; undefined where there is none. */
export interface Member {
  readonly subject: Subject;
  readonly item: CursorStatus | undefined;
}

/** Days before a token expires at which an alarm is raised. */
export type ExpiryDays = 1 | 7 | 14;

export const expiryBounds: readonly ExpiryDays[] = [1, 7, 14];

export function fleetOf(members: readonly Member[], stream: Stream, now: number, quietMs?: number): Fleet {
  return sum(
    members.map(({ subject, item }) => verdictOf(subject, item, stream, now, quietMs)),
    now,
  );
}

/** The verdicts of one stream of all instances. */
export function sum(verdicts: readonly Verdict[], now: number): Fleet {
  const wanted = verdicts.filter(({ light }) => light !== 'grey');
  const alarms = (cause: Cause) => wanted.filter((one) => one.alarm && one.cause === cause).length;
  // A refused token has an alarm of its own.
  const days = wanted
    .filter(({ cause, tokenExpiresAt }) => cause !== 'rejected' && tokenExpiresAt !== undefined)
    .map(({ tokenExpiresAt = '' }) => Math.max(0, (Date.parse(tokenExpiresAt) - now) / day));
  const within = (bound: ExpiryDays) =>
    days.filter((left) => expiryBounds.find((one) => left <= one) === bound).length;
  const lags = wanted.filter(isPolledWell).flatMap(({ lagSeconds }) => lagSeconds ?? []);
  return {
    instances: wanted.length,
    lights: countLights(verdicts),
    rejected: alarms('rejected'),
    failing: alarms('failing'),
    silent: alarms('silent'),
    quiet: alarms('quiet'),
    lagSeconds: lags.length > 0 ? Math.max(...lags) : undefined,
    expiring: { 1: within(1), 7: within(7), 14: within(14) },
    tokenExpiryDays: days.length > 0 ? Math.min(...days) : undefined,
  };
}

export function countLights(all: readonly { readonly light: Light }[]): Record<Light, number> {
  const count = (light: Light) => all.filter((one) => one.light === light).length;
  return { red: count('red'), yellow: count('yellow'), green: count('green'), grey: count('grey') };
}

function isPolledWell({ cause }: Verdict): boolean {
  return cause === undefined || cause === 'quiet' || cause === 'token';
}
