import type { Artifact } from './artifact.ts';

/** An artifact with its JSON text. */
export interface PackedArtifact {
  readonly artifact: Artifact;
  readonly json: string;
  /** UTF-8 bytes of `json`. */
  readonly bytes: number;
}

/** One SQS message: its body is the body of an ingest request. */
export interface Message {
  readonly artifacts: readonly PackedArtifact[];
  /** UTF-8 bytes of the body plus its attributes, which count toward the SQS limit. */
  readonly bytes: number;
}

/** The SQS limit for a message, and for a whole batch. */
const largestMessage = 1024 * 1024;

const batchMessages = 10;

/** The text of a body before, between and after its artifacts. */
export const bodyParts = { head: '{"artifacts":[', between: ',', tail: ']}' } as const;

const { head, between, tail } = bodyParts;

/** Names, types and values of `instance` (64 at most), `stream` and `count`, rounded up. */
const attributeBytes = 256;

const envelopeBytes = head.length + tail.length + attributeBytes;

export function packArtifact(artifact: Artifact): PackedArtifact {
  // SQS refuses these two; JSON.stringify leaves them as they are.
  const json = JSON.stringify(artifact).replaceAll('\uFFFE', '\\ufffe').replaceAll('\uFFFF', '\\uffff');
  return { artifact, json, bytes: Buffer.byteLength(json) };
}

/** Whether the artifact fits into an SQS message. */
export function fits({ bytes }: PackedArtifact): boolean {
  return envelopeBytes + bytes <= largestMessage;
}

export function bodyOf({ artifacts }: Pick<Message, 'artifacts'>): string {
  return head + artifacts.map(({ json }) => json).join(between) + tail;
}

/** Fills ingest requests up to `mostBytes` and `most` items in order; an item larger than that has one to itself. */
export function packRequests<T extends { readonly packed: PackedArtifact }>(
  items: readonly T[],
  mostBytes: number,
  most: number,
): T[][] {
  const sized = items.map((item) => ({ item, bytes: item.packed.bytes + 1 }));
  return fill(sized, mostBytes - head.length - tail.length, most).map((box) => box.items);
}

/** Packs artifacts in order into messages of up to `messageBytes`. A larger artifact gets its own message. */
export function packMessages(artifacts: readonly PackedArtifact[], messageBytes: number): Message[] {
  const sized = artifacts.map((artifact) => ({ item: artifact, bytes: artifact.bytes + 1 }));
  return fill(sized, messageBytes - envelopeBytes, Number.POSITIVE_INFINITY).map(({ items, bytes }) => ({
    artifacts: items,
    bytes: envelopeBytes + bytes,
  }));
}

/** Batches of at most 10 messages and 1 MiB. */
export function packBatches(messages: readonly Message[]): Message[][] {
  const sized = messages.map((message) => ({ item: message, bytes: message.bytes }));
  return fill(sized, largestMessage, batchMessages).map(({ items }) => items);
}

function fill<T>(
  sized: readonly { item: T; bytes: number }[],
  mostBytes: number,
  mostItems: number,
): { items: T[]; bytes: number }[] {
  const boxes: { items: T[]; bytes: number }[] = [];
  for (const { item, bytes } of sized) {
    const box = boxes.at(-1);
    if (box !== undefined && box.bytes + bytes <= mostBytes && box.items.length < mostItems) {
      box.items.push(item);
      box.bytes += bytes;
    } else {
      boxes.push({ items: [item], bytes });
    }
  }
  return boxes;
}
