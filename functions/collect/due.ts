import type { TokenKnowledge } from '../console/connection.ts';
import type { Status } from '../health/status.ts';
import { day } from '../instances/expiry.ts';
import type { Secrets } from '../instances/ports.ts';
import { isPolled, type Subject } from '../instances/subject.ts';
import type { Stream } from '../streams/stream.ts';
import type { CursorItem } from './cursors.ts';

/**
 * Whether this tick polls the subject: its time has come, give or take half a cadence (else a tick that is a second
 * early would be skipped), or something was edited that may have fixed it.
 */
export async function isDue(
  subject: Subject,
  stream: Stream,
  scheduledAt: number,
  known: CursorItem | undefined,
  secrets: Secrets,
): Promise<boolean> {
  const status = known?.status;
  if (subject.instance === 'disabled') return status?.state !== 'disabled';
  if (status?.nextPollAt === undefined || status.configVersion !== subject.configVersion) return true;
  const waitMs = Date.parse(status.nextPollAt) - scheduledAt;
  // What can't be read as a time, or is further ahead than any interval, is no reason to wait.
  const isLater = waitMs > (stream.cadenceMinutes * 60_000) / 2 && waitMs <= longestWaitMs;
  if (!isLater) return true;
  if (!isPolled(subject) || (status.failures ?? 0) === 0) return false;
  // No secret changes what the console sends.
  if (status.killedRuns !== undefined) return false;
  const { secretId, host } = subject.instance;
  const secret = await secrets.read(secretId, true, host).catch(() => undefined);
  return secret !== undefined && secret.version !== status.secretVersion;
}

/** The longest pollingInterval, and the longest Retry-After that is kept. */
const longestWaitMs = day;

/**
 * Whether to ask the console when the token expires: where the token itself does not say, and is new or was last asked
 * about a day ago. Not for an instance that was never polled: its records come first.
 */
export function isExpiryDue(
  status: Partial<Status>,
  { secretVersion, tokenExpiresAt }: TokenKnowledge,
  now: number,
): boolean {
  if (tokenExpiresAt !== undefined || status.lastSuccessAt === undefined) return false;
  const isNew = status.secretVersion !== secretVersion;
  return isNew || !(now - Date.parse(status.tokenCheckedAt ?? '') < day);
}

/** The longest unpolled first, so that what one invocation does not reach is early in the next. */
export async function dueOf(
  subjects: readonly Subject[],
  known: ReadonlyMap<string, CursorItem>,
  stream: Stream,
  scheduledAt: number,
  secrets: Secrets,
): Promise<Subject[]> {
  const due = await Promise.all(
    subjects.map((subject) => isDue(subject, stream, scheduledAt, known.get(subject.name), secrets)),
  );
  const lastPoll = ({ name }: Subject) => known.get(name)?.status.lastPollAt ?? '';
  return subjects.filter((_, i) => due[i]).sort((a, b) => lastPoll(a).localeCompare(lastPoll(b)));
}

/** Not before an instance has been seen for that long: there has to be something to audit. */
export function isAuditDue({ firstSeenAt, status }: CursorItem, auditMs: number, now: number): boolean {
  return auditMs > 0 && now - Date.parse(status.lastAuditAt ?? firstSeenAt) >= auditMs;
}
