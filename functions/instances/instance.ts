import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { MisconfiguredError } from '../errors.ts';
import type { Stream } from '../streams/stream.ts';

/** One SentinelOne console connection: the operator's record with defaults. */
export interface Instance {
  readonly instance: string;
  /** A bare, lower-case host name that ends in an allowed suffix. */
  readonly host: string;
  readonly secretId: string;
  readonly enabled: boolean;
  /** Minutes, for all streams or by stream; undefined: the stream's cadence. */
  readonly pollingInterval: number | Readonly<Record<string, number>> | undefined;
  readonly accountIds: readonly string[];
  readonly siteIds: readonly string[];
  readonly groupIds: readonly string[];
  readonly lookbackHours: number;
  /** How far before the position its listings begin; undefined: as the stack says. */
  readonly overlapMinutes: number | undefined;
  /** Undefined: those that are collected by default. */
  readonly streams: readonly string[] | undefined;
}

export interface InstanceRules {
  /** Lower case, each with its leading dot. */
  readonly allowedHostSuffixes: readonly string[];
  /** Names of all streams that exist. */
  readonly streams: readonly string[];
}

const ids = v.optional(
  v.pipe(
    v.array(
      v.pipe(v.string('must be a list of texts'), v.regex(/^\d{1,20}$/, 'must hold ids of digits only')),
      'must be a list (L) of texts',
    ),
    v.maxLength(500, 'must hold at most 500 ids'),
  ),
  [],
);

const minutes = v.pipe(
  v.number('must be a number of minutes'),
  v.minValue(1, 'must be at least 1 minute'),
  v.maxValue(1440, 'must be at most 1440 minutes'),
);

function schema(rules: InstanceRules) {
  const streamName = v.picklist(rules.streams, `must name streams out of ${rules.streams.join(', ')}`);
  return v.object({
    instance: v.pipe(
      v.string('must be a text'),
      v.regex(/^[a-z0-9-]{1,64}$/, 'must be 1 to 64 of a-z, 0-9 and -'),
    ),
    host: v.pipe(
      v.string('must be a text (S)'),
      v.rawTransform(({ dataset, addIssue, NEVER }) => {
        const { host, problem } = readHost(dataset.value, rules.allowedHostSuffixes);
        if (host === undefined) addIssue({ message: problem });
        return host ?? NEVER;
      }),
    ),
    secretId: v.optional(
      v.pipe(
        v.string('must be a text (S)'),
        v.regex(
          /^[\w/+=.@:-]{1,2048}(#[\w.@-]{1,128})?$/,
          'must be the name or ARN of a secret, or NAME#KEY for one of many tokens in it',
        ),
      ),
    ),
    enabled: v.optional(v.boolean('must be true or false (BOOL)'), true),
    pollingInterval: v.optional(
      v.union(
        [minutes, v.record(streamName, minutes)],
        'must be a number of minutes from 1 to 1440 (N), or a map of such by stream (M)',
      ),
    ),
    accountIds: ids,
    siteIds: ids,
    groupIds: ids,
    lookbackHours: v.optional(
      v.pipe(
        v.number('must be a number of hours (N)'),
        v.minValue(0, 'must not be negative'),
        v.maxValue(87_600, 'must be at most 87600 (ten years)'),
      ),
      24,
    ),
    overlapMinutes: v.optional(
      v.pipe(
        v.number('must be a number of minutes (N)'),
        v.integer('must be whole minutes'),
        v.minValue(1, 'must be at least 1 minute'),
        v.maxValue(60, 'must be at most 60 minutes'),
      ),
    ),
    streams: v.optional(v.array(streamName, 'must be a list (L) of texts')),
  });
}

/** Reads an item of the instances table. Throws MisconfiguredError that names the first invalid attribute. */
export function readInstance(item: Readonly<Record<string, unknown>>, rules: InstanceRules): Instance {
  const result = v.safeParse(schema(rules), item, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    const attribute = String(issue.path?.[0].key ?? 'instance');
    const message = item[attribute] === undefined ? 'is missing' : issue.message;
    throw new MisconfiguredError(attribute, message, `Correct ${attribute} in the instance record.`);
  }
  const { secretId, pollingInterval, overlapMinutes, streams, ...rest } = result.output;
  return {
    ...rest,
    secretId: secretId ?? defaultSecretId(rest.instance),
    pollingInterval,
    overlapMinutes,
    streams,
  };
}

/** The secret of an instance whose record names none. */
export const defaultSecretId = (instance: string) => `signal-client/sentinelone/${instance}`;

const labels = /^(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+$/;

/** Accepts only a bare host or `https://host/`, because the token is sent to this host. */
function readHost(given: string, suffixes: readonly string[]): { host: string | undefined; problem: string } {
  const refuse = (problem: string) => ({ host: undefined, problem });
  const written = given.toLowerCase();
  if (written.startsWith('http://')) return refuse('must be https, not http');
  const rest = written.startsWith('https://') ? written.slice('https://'.length) : written;
  const host = rest.endsWith('/') ? rest.slice(0, -1) : rest;
  if (host.includes('@')) return refuse('must not hold a user name or password');
  if (/[/?#\\]/.test(host)) return refuse('must be a host name without a path');
  if (/^[\d.]+$/.test(host) || host.includes('[') || host.split(':').length > 2)
    return refuse('must be a host name, not an IP address');
  if (host.includes(':')) return refuse('must not name a port');
  if (!labels.test(host) || host.length > 253)
    return refuse('must be a host name such as usea1-acme.sentinelone.net');
  if (!suffixes.some((suffix) => host.endsWith(suffix)))
    return refuse(
      `must end in ${suffixes.join(' or ')} (further ones are a deploy setting, allowedHostSuffixes)`,
    );
  return { host, problem: '' };
}

/** Returns whether a stored record still has the same host and secret. */
export function isStill(
  { instance, host, secretId }: Instance,
  stored: Readonly<Record<string, unknown>> | undefined,
): boolean {
  return (
    stored !== undefined &&
    readHost(String(stored.host), ['']).host === host &&
    (stored.secretId ?? defaultSecretId(instance)) === secretId
  );
}

/** Returns whether this stream is enabled for the instance. */
export function collects(instance: Instance, stream: Stream): boolean {
  return instance.enabled && (instance.streams?.includes(stream.name) ?? stream.byDefault);
}

/** Returns milliseconds between polls: the operator's interval, rounded up to whole ticks. */
export function intervalMs(instance: Instance, stream: Stream): number {
  const { pollingInterval: wanted } = instance;
  const minutes =
    typeof wanted === 'object'
      ? Object.hasOwn(wanted, stream.name)
        ? wanted[stream.name]
        : undefined
      : wanted;
  const ticks = Math.max(1, Math.ceil((minutes ?? 0) / stream.cadenceMinutes));
  return ticks * stream.cadenceMinutes * 60_000;
}

/** Returns how far before the position the instance's listings begin. */
export function overlapMsOf({ overlapMinutes }: Instance, standardMs: number): number {
  return overlapMinutes === undefined ? standardMs : overlapMinutes * 60_000;
}

/** Returns a hash of all attributes, which changes with each edit. */
export function fingerprint(item: Readonly<Record<string, unknown>>): string {
  return digest(JSON.stringify(item, sortedKeys)).slice(0, 16);
}

/** Sorts keys, because DynamoDB does not guarantee the order of attributes or map keys. */
function sortedKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Identifies the listing of a cursor: another host or other filters need a new listing. */
export function scopeOf(instance: Instance): string {
  const filters = [instance.accountIds, instance.siteIds, instance.groupIds].map((list) => [...list].sort());
  return `${instance.host}/${digest(JSON.stringify(filters)).slice(0, 16)}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
