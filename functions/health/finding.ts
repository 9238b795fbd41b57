import type { Stream } from '../streams/stream.ts';
import type { KnownStatus } from './known-status.ts';
import { notices } from './notices.ts';

/** red: someone has to act now. yellow: look again soon. green: healthy. grey: switched off, or not licensed. */
export type Light = 'red' | 'yellow' | 'green' | 'grey';

/** What is wrong, as alarms tell it apart. A verdict has one cause at most, so one cause raises one alarm. */
export type Cause = 'rejected' | 'failing' | 'silent' | 'quiet' | 'token';

export interface Finding {
  readonly light: Light;
  /** The light in one or two words: a state, or what no state says. */
  readonly word: string;
  readonly cause?: Cause;
  /** The cause has lasted long enough for its alarm. */
  readonly alarm?: boolean;
  /** ISO 8601: since when it has. Undefined where that is not known. */
  readonly alarmSince?: string | undefined;
  /** ISO 8601. */
  readonly since?: string | undefined;
  readonly error?: string | undefined;
  /** What to do, as the command to type where there is one. */
  readonly remedy?: string | undefined;
}

/** What is judged. */
export interface Case {
  readonly name: string;
  readonly status: KnownStatus;
  /** Milliseconds between two polls that succeed. */
  readonly cycleMs: number;
  readonly now: number;
}

/** A run that is killed writes no status: the count is from the claim of the next one. */
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

/** What polls notice and go on. */
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
