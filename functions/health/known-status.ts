import { states } from '../errors.ts';
import { epoch, timestamp, toMs } from '../kit/time.ts';
import { driftNews } from '../streams/drift.ts';
import { readLateness } from './lateness.ts';
import { notices } from './notices.ts';
import type { Status } from './status.ts';

/** The part of a cursor item that is judged. It may contain anything. */
export interface CursorStatus {
  readonly firstSeenAt?: string | undefined;
  readonly status: Partial<Status>;
}

/** The attributes of a status that can be read. */
export type KnownStatus = ReturnType<typeof readStatus>;

export function readStatus({ firstSeenAt, status }: CursorStatus = { status: {} }) {
  const { state = 'pending', failures, lastCount, position } = status;
  return {
    state: Object.hasOwn(states, state) ? state : ('unknown' as const),
    failures: number(failures) ?? 0,
    failingSince: time(status.failingSince),
    firstSeenAt: time(firstSeenAt),
    lastPollAt: time(status.lastPollAt),
    lastSuccessAt: time(status.lastSuccessAt),
    lastRecordAt: time(status.lastRecordAt),
    nextPollAt: time(status.nextPollAt),
    tokenExpiresAt: time(status.tokenExpiresAt),
    lastCount: number(lastCount),
    position: position === epoch ? undefined : timestamp(position),
    checkedUntil: timestamp(status.checkedUntil),
    completeUntil: timestamp(status.completeUntil),
    lastError: text(status.lastError),
    remedy: text(status.remedy),
    notice: Object.hasOwn(notices, status.notice ?? '') ? status.notice : undefined,
    noticeDetail: text(status.noticeDetail),
    noticeSince: time(status.noticeSince),
    killedRuns: number(status.killedRuns) ?? 0,
    leftOut: names(status.learned?.leftOut),
    lateness: readLateness(status.lateness),
    drift: driftNews(status.drift),
  };
}

function names(value: unknown): string[] {
  return Array.isArray(value)
    ? value
        .map(String)
        .filter((one) => /^[\w.]{1,100}$/.test(one))
        .slice(0, 50)
    : [];
}

function time(value: unknown): string | undefined {
  const found = typeof value === 'string' ? timestamp(value) : undefined;
  return found === undefined ? undefined : new Date(toMs(found)).toISOString();
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, 400) : undefined;
}
