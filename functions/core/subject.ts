import { MisconfiguredError } from './errors.ts';
import {
  collects,
  fingerprint,
  type Instance,
  type InstanceRules,
  intervalMs,
  readInstance,
} from './instance.ts';
import type { CursorItem, Secrets } from './ports.ts';
import type { Stream } from './stream.ts';

/** An instance record as a run meets it. */
export interface Subject {
  /** The record's key, also where the rest of it is wrong. */
  readonly name: string;
  /** Changes with every edit of the record. */
  readonly configVersion: string;
  /** What to poll; `disabled` where the operator wants nothing of this stream; or what is wrong with the record. */
  readonly instance: Instance | 'disabled' | MisconfiguredError;
}

export function subjectOf(
  item: Readonly<Record<string, unknown>>,
  stream: Stream,
  rules: InstanceRules,
): Subject {
  return {
    name: String(item.instance),
    configVersion: fingerprint(item),
    instance: read(item, stream, rules),
  };
}

function read(
  item: Readonly<Record<string, unknown>>,
  stream: Stream,
  rules: InstanceRules,
): Subject['instance'] {
  if (item.enabled === false) return 'disabled';
  try {
    const instance = readInstance(item, rules);
    return collects(instance, stream) ? instance : 'disabled';
  } catch (error) {
    if (error instanceof MisconfiguredError) return error;
    throw error;
  }
}

function isPolled(subject: Subject): subject is Subject & { readonly instance: Instance } {
  return subject.instance !== 'disabled' && !(subject.instance instanceof MisconfiguredError);
}

/** Milliseconds between two polls that succeed. */
export function subjectIntervalMs(subject: Subject, stream: Stream): number {
  return isPolled(subject) ? intervalMs(subject.instance, stream) : stream.cadenceMinutes * 60_000;
}

/**
 * Whether this tick polls the subject: its time has come, give or take half a cadence (else a tick that is a second
 * early would be skipped), or something was edited that may have mended it.
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
  // What can't be read as a time is no reason to wait.
  const isLater = Date.parse(status.nextPollAt) > scheduledAt + (stream.cadenceMinutes * 60_000) / 2;
  if (!isLater) return true;
  if (!isPolled(subject) || (status.failures ?? 0) === 0) return false;
  const secret = await secrets.read(subject.instance.secretId, true).catch(() => undefined);
  return secret !== undefined && secret.version !== status.secretVersion;
}
