import * as v from 'valibot';
import type { Place } from './collect/shards.ts';
import { hourMs, type Timestamp, timestamp } from './kit/time.ts';

/** The event of a poller: a tick of its schedule, or a shard of a tick. */
export interface Tick {
  /** Milliseconds since 1970; at most an hour from now. */
  readonly scheduledAt: number;
  /** The instances to poll, as someone names them by hand; undefined: those of `place`, or every one that is due. */
  readonly instances: readonly string[] | undefined;
  /** Of a further run: where it finds its instances. */
  readonly place: Place | undefined;
}

/** An event that no schedule, function or command of this version sends. */
class InvalidEventError extends Error {
  override readonly name = 'InvalidEventError';
}

const whole = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(100_000));

/**
 * The event of EventBridge, with the fields of `ShardEvent`. Lambda's console and `aws lambda invoke` may send `{}`.
 */
const tick = v.strictObject({
  ...v.entriesFromList(
    ['version', 'id', 'detail-type', 'source', 'account', 'region', 'resources', 'detail', 'time'],
    v.optional(v.unknown()),
  ),
  instances: v.optional(v.array(v.string())),
  shard: v.optional(v.strictObject({ number: whole, of: whole, by: v.string() })),
});

/** Reads a poller's event. Throws InvalidEventError for anything but a tick or a shard. */
export function readTick(event: unknown, now: number): Tick {
  if (typeof event === 'object' && event !== null && ('check' in event || 'replay' in event)) {
    throw new InvalidEventError(
      'a poller answers neither check nor replay. The command line is an older version than the stack: update it',
    );
  }
  const { time, instances, shard: place } = valid(tick, event, 'a tick or a shard of one');
  return { scheduledAt: clamped(time, now), instances, place };
}

/** A time far ahead would delay all later polls, so it is limited. An invalid time counts as now. */
function clamped(time: unknown, now: number): number {
  const at = v.is(isoTime, time) ? Date.parse(time) : now;
  return Math.min(Math.max(at, now - hourMs), now + hourMs);
}

const isoTime = v.pipe(v.string(), v.isoTimestamp());

/** The name of an instance: any key that the instances table can have, so that an invalid record can be checked. */
const name = v.pipe(v.string(), v.nonEmpty(), v.maxLength(2048));

/** The maximum size of a DynamoDB item. */
const recordBytes = 400 * 1024;

/** The caller as the command line knows it. It is not verified. */
const askedBy = v.pipe(v.string(), v.regex(/^[^\p{C}]{1,300}$/u));

const checkRequest = v.strictObject({
  action: v.literal('check'),
  askedBy,
  /** The name of a stored record, or a record that may not be stored yet. */
  of: v.union([
    name,
    v.pipe(
      v.looseObject({ instance: name }),
      v.check((record) => Buffer.byteLength(JSON.stringify(record)) <= recordBytes),
    ),
  ]),
  /** The id of the secret version to check, which was just written; the current version if absent. */
  version: v.exactOptional(v.pipe(v.string(), v.regex(/^[\w-]{32,64}$/))),
});

const time = v.custom<Timestamp>((value) => typeof value === 'string' && timestamp(value) === value);

const replayRequest = (streams: readonly string[]) =>
  v.strictObject({
    action: v.literal('replay'),
    askedBy,
    instance: name,
    stream: v.picklist(streams),
    from: time,
    to: time,
    /**
     * Claims are made in this name, so that the caller can continue after a kill without waiting for a claim to
     * expire.
     */
    by: v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/)),
  });

const operatorRequest = (streams: readonly string[]) =>
  v.pipe(
    v.variant('action', [checkRequest, replayRequest(streams)]),
    v.check((request) => request.action !== 'replay' || request.from < request.to),
  );

export type CheckRequest = v.InferOutput<typeof checkRequest>;
export type ReplayEvent = v.InferOutput<ReturnType<typeof replayRequest>>;

/**
 * Reads the operator function's event. Throws InvalidEventError for anything that no command of this version sends.
 */
export function readRequest(event: unknown, streams: readonly string[]): CheckRequest | ReplayEvent {
  return valid(
    operatorRequest(streams),
    event,
    'a check or a replay of this version. Unless it was sent by hand, deploy the version of the command line (npm run deploy)',
  );
}

/** Throws InvalidEventError, which names the attribute and quotes no value. */
function valid<T>(schema: v.GenericSchema<unknown, T>, event: unknown, wanted: string): T {
  // valibot accepts a list as an object.
  const result = v.safeParse(schema, Array.isArray(event) ? undefined : event, { abortEarly: true });
  if (result.success) return result.output;
  const [{ path = [], type }] = result.issues;
  const attribute = path.map(({ key }) => String(key).slice(0, 40)).join('.') || 'it';
  const problem = type === 'strict_object' && path.length > 0 ? 'is missing or unknown' : 'is invalid';
  throw new InvalidEventError(`${JSON.stringify(attribute)} ${problem}: the event is not ${wanted}`);
}
