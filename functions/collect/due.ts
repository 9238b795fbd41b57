import type { TokenKnowledge } from '../console/connection.ts';
import { longestWaitMs } from '../health/next-poll.ts';
import type { Status } from '../health/status.ts';
import type { Instance } from '../instances/instance.ts';
import type { Secrets } from '../instances/ports.ts';
import { isPolled, type Subject } from '../instances/subject.ts';
import { dayMs } from '../kit/time.ts';
import { defaultStreams } from '../streams/list.ts';
import type { Stream } from '../streams/stream.ts';
import type { CursorItem } from './ports.ts';
import type { Settings } from './settings.ts';

/**
 * Returns whether this tick polls the subject. It does if the next poll is due within half a cadence, so that a tick
 * which is a second early counts, or if the record or secret was edited.
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
  // A time that is invalid, or further ahead than any interval, does not delay a poll.
  const isLater = waitMs > (stream.cadenceMinutes * 60_000) / 2 && waitMs <= longestWaitMs;
  if (!isLater) return true;
  if (!isPolled(subject) || (status.failures ?? 0) === 0) return false;
  // A new secret does not change what the console sends, so it ends neither a quarantine nor the wait for a new day's budget.
  if (status.killedRuns !== undefined || status.state === 'over-budget') return false;
  const { secretId, host } = subject.instance;
  const secret = await secrets.read(secretId, true, host).catch(() => undefined);
  return secret !== undefined && secret.version !== status.secretVersion;
}

/**
 * Returns whether to ask the console when the token expires. It does if the token itself does not say, and if the
 * token is new or was last asked about a day ago. An instance that was never polled collects its records first.
 */
export function isExpiryDue(
  status: Partial<Status>,
  { secretVersion, tokenExpiresAt }: TokenKnowledge,
  now: number,
): boolean {
  if (tokenExpiresAt !== undefined || status.lastSuccessAt === undefined) return false;
  const isNew = status.secretVersion !== secretVersion;
  return isNew || !(now - Date.parse(status.tokenCheckedAt ?? '') < dayMs);
}

/** Whether to ask what the console has that is not collected: once a day, by one of the instance's streams, after a success. */
export function isCoverageDue(
  { lastSuccessAt, coverage }: Partial<Status>,
  { streams }: Instance,
  { name }: Stream,
  { coverageMs }: Pick<Settings, 'coverageMs'>,
  now: number,
): boolean {
  const [first = defaultStreams[0]?.name] = streams ?? [];
  if (coverageMs === 0 || name !== first || lastSuccessAt === undefined) return false;
  return !(now - Date.parse(coverage?.at ?? '') < coverageMs);
}
