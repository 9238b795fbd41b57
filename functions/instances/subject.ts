import { MisconfiguredError } from '../errors.ts';
import type { Stream } from '../streams/stream.ts';
import {
  collects,
  fingerprint,
  type Instance,
  type InstanceRules,
  intervalMs,
  readInstance,
} from './instance.ts';

/** An instance record as a run reads it. It may be invalid. */
export interface Subject {
  /** The record's key, even if the rest of it is invalid. */
  readonly name: string;
  /** Changes with every edit of the record. */
  readonly configVersion: string;
  /** What to poll; `disabled` if the operator has disabled this stream; or the error of an invalid record. */
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

export function isPolled(subject: Subject): subject is Subject & { readonly instance: Instance } {
  return subject.instance !== 'disabled' && !(subject.instance instanceof MisconfiguredError);
}

/** Milliseconds between two successful polls. */
export function subjectIntervalMs(subject: Subject, stream: Stream): number {
  return isPolled(subject) ? intervalMs(subject.instance, stream) : stream.cadenceMinutes * 60_000;
}
