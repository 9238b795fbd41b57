import { createHash } from 'node:crypto';
import type { Record } from '../console/record.ts';
import { UndeliveredError } from '../errors.ts';
import type { Instance } from '../instances/instance.ts';
import type { CursorKey } from '../instances/ports.ts';
import type { Clock } from '../kit/clock.ts';
import { inParallel } from '../kit/concurrency.ts';
import { backoffMs, retrying } from '../kit/pacing.ts';
import type { Stream } from '../streams/stream.ts';
import { type Artifact, artifactOf, bare, elsewhere, recordBytes } from './artifact.ts';
import { QueueUnusableError } from './errors.ts';
import {
  fits,
  largestMessage,
  type Message,
  type PackedArtifact,
  packArtifact,
  packBatches,
  packMessages,
} from './packing.ts';
import type { Overflow, Queue, Refusal } from './ports.ts';

export interface DeliveryLimits {
  /** Maximum size of a message in UTF-8 bytes. */
  readonly messageBytes: number;
  /** Milliseconds in which the delivery must end. */
  readonly remainingMs: () => number;
}

export interface Delivery extends DeliveryLimits {
  readonly key: CursorKey;
}

export interface DeliveryPorts {
  readonly queue: Queue;
  readonly overflow: Overflow;
  readonly clock: Clock;
}

/** Concurrent batches: enough to hide the round trip, few enough for memory. */
const batchesAtOnce = 4;

/** Delivers records of one instance and stream. Returns and throws as `deliver` does. */
export async function deliverRecords(
  records: readonly Record[],
  stream: Stream,
  instance: Instance,
  { messageBytes, remainingMs }: DeliveryLimits,
  ports: DeliveryPorts,
): Promise<void> {
  if (records.length === 0) return;
  // Packing a page takes as long as a round trip, so the request for the next page is sent first.
  await ports.clock.sleep(0);
  const key = { instance: instance.instance, stream: stream.name };
  const items = records.map((record) => ({
    raw: record.raw,
    artifact: () => artifactOf(record, stream, instance),
  }));
  await deliver(items, { key, messageBytes, remainingMs }, ports);
}

/** A record, and its artifact once it is needed: memory holds the artifacts of a few messages only. */
export interface Deliverable {
  readonly raw: Uint8Array;
  readonly artifact: () => Artifact;
}

/** Returns when the queue has accepted all artifacts. Throws UndeliveredError otherwise. */
export async function deliver(
  items: Iterable<Deliverable>,
  delivery: Delivery,
  ports: DeliveryPorts,
): Promise<void> {
  const large: Deliverable[] = [];
  await send(packMessages(packed(items, large), delivery.messageBytes), delivery, ports);
  const moved: PackedArtifact[] = [];
  for (const { raw, artifact } of large) moved.push(await overflowed(artifact(), raw, delivery, ports));
  await send(packMessages(moved, delivery.messageBytes), delivery, ports);
}

/** Yields the artifacts that fit into a message. Adds the others to `large`. */
function* packed(items: Iterable<Deliverable>, large: Deliverable[]): Generator<PackedArtifact, void> {
  for (const item of items) {
    const whole = item.raw.length > largestMessage ? undefined : packArtifact(item.artifact());
    if (whole !== undefined && fits(whole)) yield whole;
    else large.push(item);
  }
}

async function send(messages: Iterable<Message>, delivery: Delivery, ports: DeliveryPorts): Promise<void> {
  await inParallel(packBatches(messages), batchesAtOnce, async (batch) => {
    for (const refusal of await sendBatch(batch, delivery, ports)) await smaller(refusal, delivery, ports);
  });
}

/**
 * Resends messages that failed temporarily. Returns those that the queue rejects permanently. If the queue takes no
 * message at all, it is not asked again.
 */
async function sendBatch(
  batch: readonly Message[],
  { key, remainingMs }: Delivery,
  { queue, clock }: DeliveryPorts,
): Promise<Refusal[]> {
  const never: Refusal[] = [];
  let open = batch;
  await retrying(
    async () => {
      const refusals = await queue.send(open, key).catch((error: unknown) => {
        if (error instanceof QueueUnusableError) throw error;
        throw new UndeliveredError(`the artifact queue can't be reached: ${String(error)}`, { cause: error });
      });
      never.push(...refusals.filter(({ permanent }) => permanent));
      const again = refusals.filter(({ permanent }) => !permanent);
      open = again.map(({ message }) => message);
      if (again[0] !== undefined) {
        throw new UndeliveredError(`the artifact queue refused ${again.length} messages: ${again[0].reason}`);
      }
    },
    {
      whether: (error) => error instanceof UndeliveredError,
      howLong: (_, failures) => backoffMs(failures, 200, 5_000, clock),
      howMany: 6,
    },
    clock,
    remainingMs,
  );
  return never;
}

/** Finds a rejected artifact: sends one artifact at a time, then without its record, then with minimal metadata. */
async function smaller(
  { message, reason }: Refusal,
  delivery: Delivery,
  ports: DeliveryPorts,
): Promise<void> {
  const [first, ...others] = message.artifacts;
  if (first === undefined) return;
  if (others.length > 0) {
    return send(
      message.artifacts.flatMap((one) => [...packMessages([one], delivery.messageBytes)]),
      delivery,
      ports,
    );
  }
  const { artifact } = first;
  const isElsewhere = artifact.metadata.rawLocation !== undefined;
  if (isElsewhere && artifact.metadata.connector === undefined) {
    throw new UndeliveredError(
      `the artifact queue refuses ${artifact.metadata.id} even without its record: ${reason}`,
    );
  }
  const next = isElsewhere
    ? packArtifact(bare(artifact))
    : await overflowed(artifact, recordBytes(artifact), delivery, ports);
  return send(packMessages([next], delivery.messageBytes), delivery, ports);
}

/** The key is a hash of the record, so a repeated delivery overwrites the same object. */
async function overflowed(
  artifact: Artifact,
  raw: Uint8Array,
  { key }: Delivery,
  { overflow }: DeliveryPorts,
): Promise<PackedArtifact> {
  const name = createHash('sha256').update(raw).digest('hex');
  try {
    const location = await overflow.put(`${key.instance}/${key.stream}/${name}.json`, raw);
    const moved = elsewhere(artifact, location);
    const packed = packArtifact(moved);
    return fits(packed) ? packed : packArtifact(bare(moved));
  } catch (error) {
    throw new UndeliveredError(
      `the overflow bucket does not take ${artifact.metadata.id}: ${String(error)}`,
      { cause: error },
    );
  }
}
