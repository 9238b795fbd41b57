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
export const largestMessage = 1024 * 1024;

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

/** Fills requests up to `mostBytes` and `most` items in order. A larger item gets its own request. */
export function packRequests<T extends { readonly packed: PackedArtifact }>(
  items: readonly T[],
  mostBytes: number,
  most: number,
): T[][] {
  const boxes = fill(items, ({ packed }) => packed.bytes + 1, mostBytes - head.length - tail.length, most);
  return [...boxes].map((box) => box.items);
}

/** Packs artifacts in order into messages of up to `messageBytes`. A larger artifact gets its own message. */
export function* packMessages(
  artifacts: Iterable<PackedArtifact>,
  messageBytes: number,
): Generator<Message, void> {
  const most = messageBytes - envelopeBytes;
  for (const box of fill(artifacts, ({ bytes }) => bytes + 1, most, Number.POSITIVE_INFINITY)) {
    yield { artifacts: box.items, bytes: envelopeBytes + box.bytes };
  }
}

/** Batches of at most 10 messages and 1 MiB. */
export function* packBatches(messages: Iterable<Message>): Generator<Message[], void> {
  for (const { items } of fill(messages, ({ bytes }) => bytes, largestMessage, batchMessages)) yield items;
}

interface Box<T> {
  readonly items: T[];
  readonly bytes: number;
}

/** Takes an item only when it is needed, so that only one request is held at a time. */
function* fill<T>(
  source: Iterable<T>,
  bytesOf: (item: T) => number,
  mostBytes: number,
  mostItems: number,
): Generator<Box<T>, void> {
  let items: T[] = [];
  let sum = 0;
  for (const item of source) {
    const bytes = bytesOf(item);
    if (items.length > 0 && (sum + bytes > mostBytes || items.length === mostItems)) {
      yield { items, bytes: sum };
      items = [];
      sum = 0;
    }
    items.push(item);
    sum += bytes;
  }
  if (items.length > 0) yield { items, bytes: sum };
}
