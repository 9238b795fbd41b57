import type { ArtifactJson } from './artifact.ts';
import { type BodyPart, Draft } from './draft.ts';

/** One SQS message: its body is the body of an ingest request. */
export interface Message {
  readonly artifacts: readonly ArtifactJson[];
  readonly body: BodyPart;
  /** UTF-8 bytes of the body plus its attributes, which count toward the SQS limit. */
  readonly bytes: number;
}

/** The SQS limit for a message, and for a whole batch. */
const largestMessage = 1024 * 1024;

const batchMessages = 10;

/** Names, types and values of `instance` (64 at most), `stream` and `count`, rounded up. */
const attributeBytes = 256;

const largestBody = largestMessage - attributeBytes;

/** Has room for a message and another artifact, of nothing but quotes. Writing is not interrupted, so one is enough. */
const draft = new Draft(4 * largestMessage);

/**
 * Packs artifacts in order into messages of up to `messageBytes`. A larger artifact gets its own message; one that SQS
 * does not take in any message is added to `tooLarge`.
 */
export function* packMessages(
  artifacts: Iterable<ArtifactJson>,
  messageBytes: number,
  tooLarge: ArtifactJson[],
): Generator<Message, void> {
  let packed: ArtifactJson[] = [];
  draft.start();
  for (const artifact of artifacts) {
    if (!draft.add(artifact, largestBody)) {
      tooLarge.push(artifact);
      continue;
    }
    if (packed.length > 0 && draft.bytes + attributeBytes > messageBytes) {
      const last = draft.take();
      yield finished(packed);
      // Other messages were written meanwhile.
      draft.start(last);
      packed = [];
    }
    packed.push(artifact);
  }
  if (packed.length > 0) yield finished(packed);
}

function finished(artifacts: readonly ArtifactJson[]): Message {
  const { escaped, bytes } = draft.finish();
  const isUsual = escaped.length <= bufferBytes;
  const buffer = (isUsual && spare.pop()) || Buffer.allocUnsafeSlow(isUsual ? bufferBytes : escaped.length);
  buffer.set(escaped);
  const body = { escaped: buffer.subarray(0, escaped.length), bytes };
  return { artifacts, body, bytes: bytes + attributeBytes };
}

/** A message of the usual size, each byte of it escaped. */
const bufferBytes = 512 * 1024;

/** Used again: as garbage they would be most of what a long catch-up leaves. */
const spare: Buffer[] = [];

/** Those of one delivery at a time. */
const mostSpare = 16;

/** Takes the memory of messages back that are not needed any more. */
export function release(messages: readonly Message[]): void {
  for (const { escaped } of messages.map(({ body }) => body))
    if (escaped.buffer.byteLength === bufferBytes && spare.length < mostSpare)
      spare.push(Buffer.from(escaped.buffer));
}

/** Batches of at most 10 messages and 1 MiB. */
export function* packBatches(messages: Iterable<Message>): Generator<Message[], void> {
  let batch: Message[] = [];
  let bytes = 0;
  for (const message of messages) {
    if (batch.length === batchMessages || bytes + message.bytes > largestMessage) {
      if (batch.length > 0) yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(message);
    bytes += message.bytes;
  }
  if (batch.length > 0) yield batch;
}
