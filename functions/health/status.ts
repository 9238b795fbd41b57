import { OverBudgetError, problemOf, RateLimitedError, type State, UnreachableError } from '../errors.ts';
import type { CursorKey } from '../instances/ports.ts';
import { present } from '../kit/json.ts';
import type { Timestamp } from '../kit/time.ts';
import type { Notice } from './notices.ts';

/** What a poll leaves for operators to see. */
export interface PollEnd {
  readonly now: number;
  readonly scheduledAt: number;
  /** Between polls while all is well. */
  readonly intervalMs: number;
  readonly cadenceMs: number;
  readonly state: State;
  readonly error: unknown;
  /** An audit came to an end. */
  readonly audited: boolean;
  readonly artifacts: number;
  readonly notice?: Notice | undefined;
  readonly spent?: Spent | undefined;
  readonly position: Timestamp | undefined;
  readonly secretVersion: string | undefined;
  readonly tokenExpiresAt?: string | undefined;
  /** The console was asked for it, whether or not it said. */
  readonly tokenChecked?: boolean | undefined;
  readonly configVersion: string;
}

/** Repeated failure widens the gap to this many cadences. */
const widestGap = 3;

const day = 24 * 60 * 60 * 1000;

/** A console may ask for a longer wait; it is asked again after this. */
const longestWaitMs = day;

export function statusAfter(previous: Partial<Status>, end: PollEnd): Partial<Status> {
  const { error, now, scheduledAt } = end;
  const failed = failuresAfter(previous, error !== undefined, now);
  const gapMs =
    end.state === 'not-licensed'
      ? day
      : Math.max(end.intervalMs, Math.min(failed.failures, widestGap) * end.cadenceMs);
  const askedMs =
    error instanceof RateLimitedError || error instanceof UnreachableError || error instanceof OverBudgetError
      ? Math.min(error.retryAfterMs ?? 0, longestWaitMs)
      : 0;
  const problem = error === undefined ? undefined : problemOf(error);
  const lastSuccessAt = error === undefined ? iso(now) : previous.lastSuccessAt;
  const position = end.position ?? previous.position;
  const lastAuditAt = end.audited ? iso(now) : previous.lastAuditAt;
  const lastRecordAt = end.artifacts > 0 ? iso(now) : previous.lastRecordAt;
  return {
    state: end.state,
    lastPollAt: iso(now),
    ...(lastSuccessAt !== undefined && { lastSuccessAt }),
    ...(problem !== undefined && { lastError: problem.message, remedy: problem.remedy }),
    ...failed,
    nextPollAt: iso(Math.max(scheduledAt + gapMs, now + askedMs)),
    lastCount: end.artifacts,
    ...(position !== undefined && { position }),
    ...(lastAuditAt !== undefined && { lastAuditAt }),
    ...(lastRecordAt !== undefined && { lastRecordAt }),
    configVersion: end.configVersion,
    ...(end.secretVersion !== undefined && { secretVersion: end.secretVersion }),
    ...tokenStatus(previous, end),
    ...noticeStatus(previous, end),
    ...(end.spent ?? spentOf(previous)),
  };
}

/** The failures in a row, and when the first of them was. */
export function failuresAfter(
  previous: Partial<Status>,
  isFailure: boolean,
  now: number,
): Pick<Status, 'failures'> & Partial<Pick<Status, 'failingSince'>> {
  const failures = isFailure ? (previous.failures ?? 0) + 1 : 0;
  const failingSince = failures > 1 ? previous.failingSince : iso(now);
  return { failures, ...(isFailure && failingSince !== undefined && { failingSince }) };
}

/** What is known of a token holds as long as the secret does. */
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

/** Errors are over when nothing is wanted; how far it came stays. */
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

/** What a stream of an instance has delivered in a day. */
export interface Spent {
  /** UTC, `2026-03-01`. */
  readonly spentDay: string;
  readonly spentArtifacts: number;
  readonly spentBytes: number;
}

/** How a stream of an instance is: attributes of the cursor item, for operators. Times are ISO 8601. */
export interface Status extends Spent {
  readonly state: State;
  readonly lastPollAt: string;
  readonly lastSuccessAt: string;
  readonly lastError: string;
  readonly remedy: string;
  /** Polls in a row that failed. */
  readonly failures: number;
  /** The first of these. */
  readonly failingSince: string;
  readonly nextPollAt: string;
  /** Artifacts delivered by the last poll. */
  readonly lastCount: number;
  readonly position: Timestamp;
  /** The instance record that was polled; another one is an edit. */
  readonly configVersion: string;
  /** The secret's version that was used. */
  readonly secretVersion: string;
  /** The last audit that came to an end. */
  readonly lastAuditAt: string;
  /** The last poll that delivered something. */
  readonly lastRecordAt: string;
  /** When the token that was used expires; absent where neither it nor the console says. */
  readonly tokenExpiresAt: string;
  /** When the console was last asked for it. */
  readonly tokenCheckedAt: string;
  /** What the last poll noticed; since when polls notice it. */
  readonly notice: Notice['kind'];
  readonly noticeDetail: string;
  readonly noticeSince: string;
  /** Runs in a row that were killed while they polled this; absent after a poll that ended. */
  readonly killedRuns: number;
}

/** Where the forwarder's status lies in the cursors table: no instance can have that name. */
export const forwarderKey: CursorKey = { instance: '#analytics', stream: 'forwarder' };
