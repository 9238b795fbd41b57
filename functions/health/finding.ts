import type { Stream } from '../streams/stream.ts';
import type { KnownStatus } from './known-status.ts';
import { overlapToSet } from './lateness.ts';
import { notices } from './notices.ts';

/** red: act now. yellow: check again soon. green: healthy. grey: disabled, or not licensed. */
export type Light = 'red' | 'yellow' | 'green' | 'grey';

/**
 * The cause of a problem, by which alarms are distinguished. A verdict has at most one, so that one problem raises
 * one alarm.
 */
type Cause = 'rejected' | 'failing' | 'silent' | 'quiet' | 'token';

export interface Finding {
  readonly light: Light;
  /** One or two words: a state, or a problem that no state covers. */
  readonly word: string;
  readonly cause?: Cause;
  /** Whether the cause has lasted long enough for its alarm. */
  readonly alarm?: boolean;
  /** ISO 8601: when that began. Undefined if unknown. */
  readonly alarmSince?: string | undefined;
  /** ISO 8601. */
  readonly since?: string | undefined;
  readonly error?: string | undefined;
  /** What to do, as a command if there is one. */
  readonly remedy?: string | undefined;
}

/** The input of a judgement. */
export interface Case {
  readonly name: string;
  readonly status: KnownStatus;
  /** Milliseconds between two successful polls, or longer. */
  readonly cycleMs: number;
  readonly now: number;
}

/** A run that is killed writes no status, so the count comes from the claim of the next run. */
export function killed({ status }: Case, { cadenceMinutes }: Stream): Finding | undefined {
  const { killedRuns, lastPollAt, state } = status;
  if (killedRuns === 0 || state === 'failed') return undefined;
  return {
    light: 'yellow',
    word: 'killed a run',
    since: lastPollAt,
    error: `${killedRuns === 1 ? 'a run' : `${killedRuns} runs in a row`} ended while it was polled`,
    remedy: `Wait ${2 * cadenceMinutes} minutes. If it persists, see docs/operations.md, "failed".`,
  };
}

/** Problems that polls report without failing. */
export function noticed({ status, cycleMs, now }: Case): Finding | undefined {
  const { notice, noticeDetail, noticeSince } = status;
  if (notice === undefined) return undefined;
  const { word, remedy, isAlarm } = notices[notice];
  const alarmMs = Date.parse(noticeSince ?? '') + 2 * cycleMs;
  const alarm = isAlarm && now > alarmMs;
  const cause = alarm
    ? ({ cause: 'failing', alarm, alarmSince: new Date(alarmMs).toISOString() } as const)
    : {};
  return { light: 'yellow', word, ...cause, since: noticeSince, error: noticeDetail, remedy };
}

/** A past hour has records that the console counts and did not list, was not read to its end, or was not compared. */
export function incomplete({ name, status }: Case, stream: Stream): Finding | undefined {
  const { checkedUntil, completeUntil } = status;
  if (checkedUntil === undefined || completeUntil === undefined || completeUntil >= checkedUntil)
    return undefined;
  return {
    light: 'yellow',
    word: 'not complete',
    since: new Date(completeUntil).toISOString(),
    error: `not all ${stream.name} of the hour from ${completeUntil.slice(0, 16)}Z are known to be delivered`,
    remedy: `See which hours: collector receipt ${name}. What to do: docs/operations.md, "Records missing".`,
  };
}

/** A few records become visible so late that the overlap hardly reaches back to them, or does not. */
export function late({ name, status: { lateness } }: Case, stream: Stream): Finding | undefined {
  const minutes = lateness && overlapToSet(lateness);
  if (lateness === undefined || minutes === undefined) return undefined;
  const { overlapMs, p999Ms } = lateness;
  const inMinutes = (ms: number) => Math.round(ms / 60_000);
  const overlap = inMinutes(overlapMs);
  return {
    light: 'yellow',
    word: 'late records',
    error:
      p999Ms > overlapMs
        ? `some ${stream.name} become visible later than the overlap of ${overlap} minutes, and were found when their hour was counted`
        : `some ${stream.name} become visible ${inMinutes(p999Ms)} minutes late; the overlap is ${overlap} minutes`,
    remedy:
      minutes > overlap
        ? `Run: collector set ${name} --overlap-minutes ${minutes}`
        : 'The overlap cannot be longer. Report the delay to SentinelOne support; later records are found when their hour is counted.',
  };
}

/** Polls succeed, and have delivered nothing for an unusual time. */
export function quiet({ status, now }: Case, { name }: Stream, quietMs: number): Finding | undefined {
  const since = status.lastRecordAt ?? status.firstSeenAt;
  if (status.state !== 'ok' || since === undefined || now - Date.parse(since) <= quietMs) return undefined;
  return {
    light: 'yellow',
    word: 'nothing new',
    cause: 'quiet',
    alarm: true,
    alarmSince: new Date(Date.parse(since) + quietMs).toISOString(),
    since,
    error: `polls succeed, and none has found new ${name} since ${since}`,
    remedy: 'Check the scope of the token in the console: docs/operations.md, "Nothing new".',
  };
}
