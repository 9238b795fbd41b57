import type { CursorItem } from '../collect/cursors.ts';
import { type Subject, subjectIntervalMs } from '../instances/subject.ts';
import { epoch, later, timestamp, toMs } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';
import type { Status } from './status.ts';

/** The state of one stream over all instances at the end of a run, for alarms. It includes instances that the run did not poll. */
export interface Fleet {
  /** Of which this stream is wanted; the rest counts only these. */
  readonly instances: number;
  /** Whose token the console refuses. */
  readonly rejected: number;
  /** Whose polls fail, for another reason, for more than two cycles. */
  readonly failing: number;
  /** Which no poll has reached for more than two cycles, though nothing failed. */
  readonly silent: number;
  /** Whose polls succeed and bring nothing, for longer than is usual. */
  readonly quiet: number;
  /** The furthest that one which is polled well was behind when its last poll ended; undefined where none is. */
  readonly lagSeconds: number | undefined;
  /** Whose token expires within so many days, each under the first bound that it meets. */
  readonly expiring: Readonly<Record<ExpiryDays, number>>;
  /** Until the first of the tokens expires that have not yet; undefined where no expiry is known. */
  readonly tokenExpiryDays: number | undefined;
}

/** An instance and what its cursor item says at the end of the run; undefined where there is none. */
export interface Member {
  readonly subject: Subject;
  readonly item: Pick<CursorItem, 'firstSeenAt' | 'status'> | undefined;
}

/** Days before a token expires at which that is worth a word. */
export type ExpiryDays = 1 | 7 | 14;

export const expiryBounds: readonly ExpiryDays[] = [1, 7, 14];

const dayMs = 24 * 60 * 60 * 1000;

export function fleetOf(
  members: readonly Member[],
  stream: Stream,
  now: number,
  quietMs = Number.POSITIVE_INFINITY,
): Fleet {
  const wanted = members.filter(({ subject }) => subject.instance !== 'disabled');
  const kinds = wanted.map((member) => kindOf(member, stream, now, quietMs));
  const many = (kind: Kind) => kinds.filter((one) => one === kind).length;
  const lags = wanted.flatMap(({ item }) => lagSeconds(item) ?? []);
  const days = wanted.flatMap(({ item }) => expiryDays(item?.status, now) ?? []);
  const within = (bound: ExpiryDays) =>
    days.filter((left) => expiryBounds.find((one) => left <= one) === bound).length;
  return {
    instances: wanted.length,
    rejected: many('rejected'),
    failing: many('failing'),
    silent: many('silent'),
    quiet: many('quiet'),
    lagSeconds: lags.length > 0 ? Math.max(...lags) : undefined,
    expiring: { 1: within(1), 7: within(7), 14: within(14) },
    tokenExpiryDays: days.length > 0 ? Math.min(...days) : undefined,
  };
}

type Kind = 'rejected' | 'failing' | 'silent' | 'quiet' | 'well';

/** Each is of one kind, so that one cause raises one alarm. What has no item yet is not late. */
function kindOf({ subject, item }: Member, stream: Stream, now: number, quietMs: number): Kind {
  if (item === undefined) return 'well';
  const { firstSeenAt, status } = item;
  const { state, failures = 0, lastSuccessAt, lastPollAt, lastRecordAt } = status;
  // Due means due within half a cadence.
  const lateMs = 2 * subjectIntervalMs(subject, stream) + (stream.cadenceMinutes * 60_000) / 2;
  const longAgo = (time = firstSeenAt, ms = lateMs) => now - Date.parse(time) > ms;
  if (state === 'unauthorized') return 'rejected';
  if (failures > 0) return longAgo(lastSuccessAt) ? 'failing' : 'well';
  if (longAgo(lastPollAt)) return 'silent';
  return state === 'ok' && longAgo(lastRecordAt, quietMs) ? 'quiet' : 'well';
}

/** What was there before the instance was first seen is history, and late by no fault. */
function lagSeconds(item: Member['item']): number | undefined {
  const { state, lastPollAt, position } = item?.status ?? {};
  if (state !== 'ok' && state !== 'backlogged') return undefined;
  if (lastPollAt === undefined || position === undefined || position === epoch) return undefined;
  const since = later(position, timestamp(item?.firstSeenAt) ?? position);
  return Math.max(0, Math.round((Date.parse(lastPollAt) - toMs(since)) / 1000));
}

/** A token that is refused, or has expired, warns of itself. */
function expiryDays(status: Partial<Status> | undefined, now: number): number | undefined {
  const left = (Date.parse(status?.tokenExpiresAt ?? '') - now) / dayMs;
  return left > 0 && status?.state !== 'unauthorized' ? left : undefined;
}
