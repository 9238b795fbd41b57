import { createHash } from 'node:crypto';
import type { Record } from '../console/record.ts';
import { UndeliveredError } from '../errors.ts';
import type { Instance } from '../instances/instance.ts';
import type { CursorKey } from '../instances/ports.ts';
import type { Clock } from '../kit/clock.ts';
import { inParallel } from '../kit/concurrency.ts';
import { backoffMs, retrying } from '../kit/pacing.ts';
import type { Stream } from '../streams/stream.ts';
import { type ArtifactJson, artifactOf, bare, describedBy, elsewhere, recordBytes } from './artifact.ts';
import { QueueUnusableError } from './errors.ts';
import { type Message, packBatches, packMessages, release } from './packing.ts';
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
  await deliver(artifactsOf(records, stream, instance), { key, messageBytes, remainingMs }, ports);
}

/** Each is made when it is packed. */
function* artifactsOf(
  records: readonly Record[],
  stream: Stream,
  instance: Instance,
): Generator<ArtifactJson, void> {
  for (const record of records) yield artifactOf(record, stream, instance);
}

/**
 * Returns when the queue has accepted all artifacts. Throws UndeliveredError otherwise. Memory holds the artifacts of a
 * few messages only.
 */
export async function deliver(
  artifacts: Iterable<ArtifactJson>,
  delivery: Delivery,
  ports: DeliveryPorts,
): Promise<void> {
  const tooLarge = await send(artifacts, delivery, ports);
  const moved: ArtifactJson[] = [];
  for (const artifact of tooLarge) moved.push(await overflowed(artifact, delivery, ports));
  await sendWithoutRecords(moved, delivery, ports);
}

/** Sends those that fit into a message, and returns the others. */
async function send(
  artifacts: Iterable<ArtifactJson>,
  delivery: Delivery,
  ports: DeliveryPorts,
): Promise<ArtifactJson[]> {
  const tooLarge: ArtifactJson[] = [];
  const messages = packMessages(artifacts, delivery.messageBytes, tooLarge);
  await inParallel(packBatches(messages), batchesAtOnce, async (batch) => {
    const refusals = await sendBatch(batch, delivery, ports).finally(() => release(batch));
    for (const refusal of refusals) await smaller(refusal, delivery, ports);
  });
  return tooLarge;
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
  const [artifact, ...others] = message.artifacts;
  if (artifact === undefined) return;
  if (others.length > 0) {
    await send(message.artifacts, { ...delivery, messageBytes: 0 }, ports);
    return;
  }
  const { id, rawLocation, connector } = describedBy(artifact).metadata;
  if (rawLocation !== undefined && connector === undefined) {
    throw new UndeliveredError(`the artifact queue refuses ${id} even without its record: ${reason}`);
  }
  const next = rawLocation === undefined ? await overflowed(artifact, delivery, ports) : bare(artifact);
  await sendWithoutRecords([next], delivery, ports);
}

async function sendWithoutRecords(
  artifacts: readonly ArtifactJson[],
  delivery: Delivery,
  ports: DeliveryPorts,
): Promise<void> {
  const tooLarge = await send(artifacts, delivery, ports);
  await send(tooLarge.map(bare), delivery, ports);
}

/** The key is a hash of the record, so a repeated delivery overwrites the same object. */
async function overflowed(
  artifact: ArtifactJson,
  { key }: Delivery,
  { overflow }: DeliveryPorts,
): Promise<ArtifactJson> {
  const record = recordBytes(artifact);
  const name = createHash('sha256').update(record).digest('hex');
  try {
    const location = await overflow.put(`${key.instance}/${key.stream}/${name}.json`, record);
    return elsewhere(artifact, location);
  } catch (error) {
    const { id } = describedBy(artifact).metadata;
    throw new UndeliveredError(`the overflow bucket does not take ${id}: ${String(error)}`, { cause: error });
  }
}
