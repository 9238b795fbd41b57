import { problemOf, type State } from '../errors.ts';
import type { CursorKey } from '../instances/ports.ts';
import { present } from '../kit/json.ts';
import type { Timestamp } from '../kit/time.ts';
import type { Drift } from '../streams/drift.ts';
import { type EndedPoll, nextPollMs } from './next-poll.ts';
import type { Notice } from './notices.ts';

/** The result of a poll for its status. */
export interface PollEnd extends EndedPoll {
  /** Undefined keeps what is known. */
  readonly hours?:
    | { readonly [name in 'checkedUntil' | 'completeUntil']?: Timestamp | undefined }
    | undefined;
  readonly artifacts: number;
  readonly notice?: Notice | undefined;
  readonly spent?: Spent | undefined;
  readonly remembered?: Remembered | undefined;
  readonly position: Timestamp | undefined;
  readonly secretVersion: string | undefined;
  readonly tokenExpiresAt?: string | undefined;
  /** Whether the console was asked when the token expires. */
  readonly tokenChecked?: boolean | undefined;
  readonly configVersion: string;
}

export function statusAfter(previous: Partial<Status>, end: PollEnd): Partial<Status> {
  const { error, now } = end;
  const failed = failuresAfter(previous, error !== undefined, now);
  const problem = error === undefined ? undefined : problemOf(error);
  const lastSuccessAt = error === undefined ? iso(now) : previous.lastSuccessAt;
  const position = end.position ?? previous.position;
  const { checkedUntil, completeUntil } = end.hours ?? previous;
  const lastRecordAt = end.artifacts > 0 ? iso(now) : previous.lastRecordAt;
  return {
    state: end.state,
    lastPollAt: iso(now),
    ...(lastSuccessAt !== undefined && { lastSuccessAt }),
    ...(problem !== undefined && { lastError: problem.message, remedy: problem.remedy }),
    ...failed,
    nextPollAt: iso(nextPollMs(end, failed.failures)),
    lastCount: end.artifacts,
    ...(position !== undefined && { position }),
    ...(checkedUntil !== undefined && { checkedUntil }),
    ...(completeUntil !== undefined && { completeUntil }),
    ...(lastRecordAt !== undefined && { lastRecordAt }),
    configVersion: end.configVersion,
    ...(end.secretVersion !== undefined && { secretVersion: end.secretVersion }),
    ...tokenStatus(previous, end),
    ...noticeStatus(previous, end),
    ...(end.spent ?? spentOf(previous)),
    ...rememberedStatus(previous, end),
  };
}

/** Returns the number of failures in a row, and when the first of them was. */
export function failuresAfter(
  previous: Partial<Status>,
  isFailure: boolean,
  now: number,
): Pick<Status, 'failures'> & Partial<Pick<Status, 'failingSince'>> {
  const failures = isFailure ? (previous.failures ?? 0) + 1 : 0;
  const failingSince = failures > 1 ? previous.failingSince : iso(now);
  return { failures, ...(isFailure && failingSince !== undefined && { failingSince }) };
}

/** What is known of the console stays valid until something newer is. */
function rememberedStatus(
  { learned, coverage, lateness, drift }: Partial<Status>,
  { remembered }: PollEnd,
): Partial<Status> {
  return present({ learned, coverage, lateness, drift, ...remembered }) as Partial<Status>;
}

/** The known expiry stays valid until the secret changes. */
function tokenStatus(previous: Partial<Status>, end: PollEnd): Partial<Status> {
  const kept =
    end.secretVersion !== undefined && end.secretVersion === previous.secretVersion ? previous : {};
  const tokenExpiresAt = end.tokenExpiresAt ?? kept.tokenExpiresAt;
  const tokenCheckedAt = end.tokenChecked ? iso(end.now) : kept.tokenCheckedAt;
  return present({ tokenExpiresAt, tokenCheckedAt }) as Partial<Status>;
}

function noticeStatus(previous: Partial<Status>, { notice, now }: PollEnd): Partial<Status> {
  if (notice === undefined) return {};
  const since = previous.notice === notice.kind ? previous.noticeSince : undefined;
  return { notice: notice.kind, noticeDetail: notice.detail, noticeSince: since ?? iso(now) };
}

function spentOf({ spentDay, spentArtifacts, spentBytes }: Partial<Status>): Partial<Status> {
  return present({ spentDay, spentArtifacts, spentBytes }) as Partial<Status>;
}

/** Clears errors and keeps the position. */
export function disabledStatus(status: Partial<Status>): Partial<Status> {
  const {
    lastError,
    remedy,
    failingSince,
    nextPollAt,
    notice,
    noticeDetail,
    noticeSince,
    killedRuns,
    ...kept
  } = status;
  return { ...kept, state: 'disabled', failures: 0 };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** A change of the state of one stream of an instance. */
export interface Change {
  readonly instance: string;
  readonly stream: string;
  /** ISO 8601: the end of the poll that saw it. */
  readonly at: string;
  readonly from: string;
  readonly to: string;
  /** What the poll said of the new state. */
  readonly error?: string;
  readonly remedy?: string;
}

/** What a console has of the last days, whether or not it is collected. What is not known is absent. */
export interface Coverage {
  /** ISO 8601. */
  readonly at: string;
  readonly days: number;
  /** The views of alerts that hold data, as the console names them. */
  readonly views: readonly string[];
  readonly alerts?: number;
  readonly ruleAlerts?: number;
  readonly hiddenActivities?: number;
}

/** What later requests and operators need to know of the console. */
export type Remembered = Partial<Pick<Status, 'learned' | 'coverage' | 'lateness' | 'drift'>>;

/** What a console's schema has otherwise than expected. It is kept for a day. */
export interface Learned {
  readonly host: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Fields that the schema lacks, so that records come without them. */
  readonly leftOut: readonly string[];
  /** How the schema spells what a request needs; absent where the usual spelling is accepted. */
  readonly spelling?: Readonly<Record<string, string | boolean>> | undefined;
}

/** What a stream of an instance has delivered in a day. */
export interface Spent {
  /** UTC, `2026-03-01`. */
  readonly spentDay: string;
  readonly spentArtifacts: number;
  readonly spentBytes: number;
}

/** The status of a stream of an instance: attributes of the cursor item, for operators. Times are ISO 8601. */
export interface Status extends Spent {
  readonly state: State;
  readonly lastPollAt: string;
  readonly lastSuccessAt: string;
  readonly lastError: string;
  readonly remedy: string;
  readonly failures: number;
  readonly failingSince: string;
  readonly nextPollAt: string;
  /** Artifacts delivered by the last poll. */
  readonly lastCount: number;
  readonly position: Timestamp;
  /** The version of the instance record that was polled. A different version means that the record was edited. */
  readonly configVersion: string;
  readonly secretVersion: string;
  /** The start of an hour: every hour before it was compared with the console's count. */
  readonly checkedUntil: Timestamp;
  /** The start of an hour: of every hour before it, everything that the console counts was delivered. */
  readonly completeUntil: Timestamp;
  /** The last poll that delivered a record. */
  readonly lastRecordAt: string;
  /** When the token expires; absent if neither the token nor the console says. */
  readonly tokenExpiresAt: string;
  /** When the console was last asked for the expiry. */
  readonly tokenCheckedAt: string;
  /** The problem that the last poll reported, and since when polls report it. */
  readonly notice: Notice['kind'];
  readonly noticeDetail: string;
  readonly noticeSince: string;
  /** Changes of state that are not in the history yet, or not in the queue if they are wanted there. */
  readonly unreported: readonly Change[];
  /** Runs in a row that were killed while they polled this instance; absent after a poll that ended. */
  readonly killedRuns: number;
  /** What the schema of a GraphQL API has otherwise. */
  readonly learned: Learned;
  /** Of the instance, in the item of one of its streams. */
  readonly coverage: Coverage;
  /** How late records became visible, as `latenessAfter` encodes it. */
  readonly lateness: string;
  /** What the stream's mapping does not know. */
  readonly drift: Drift;
}

/** The key of the forwarder's status in the cursors table. No instance can have this name. */
export const forwarderKey: CursorKey = { instance: '#analytics', stream: 'forwarder' };
