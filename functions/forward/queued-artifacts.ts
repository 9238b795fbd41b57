import type { Artifact } from '../deliver/artifact.ts';
import { withoutNoncharacters } from '../deliver/escape.ts';
import { at, type Json, parsed, structureOf, text } from '../kit/json.ts';

/** A message as received from the queue. */
export interface ReceivedMessage {
  readonly id: string;
  readonly body: string;
  /** Receive count, including this time. */
  readonly receives: number;
  /** Milliseconds since 1970. */
  readonly sentAt: number;
}

/** An artifact with its JSON text. */
interface PackedArtifact {
  readonly artifact: Artifact;
  readonly json: string;
  /** UTF-8 bytes of `json`. */
  readonly bytes: number;
}

/** An artifact to forward, or a message body that contains no valid artifact. */
export interface QueuedArtifact {
  /** The id of the artifact, or of the message if the artifact has none. */
  readonly id: string;
  /** Undefined if there is nothing to post. */
  readonly packed: PackedArtifact | undefined;
  /** Returns the body of a message with only this artifact. */
  readonly body: () => string;
  /** The messages that contain the artifact; several if its id is repeated. */
  readonly messages: readonly ReceivedMessage[];
}

export type Posted = QueuedArtifact & { readonly packed: PackedArtifact };

export interface Refused {
  readonly item: QueuedArtifact;
  readonly reason: string;
}

export interface Unpacked {
  /** Valid artifacts, each id once. */
  readonly valid: readonly Posted[];
  /** Invalid messages, and artifacts that break the schema. */
  readonly flawed: readonly Refused[];
}

/** The smallest valid artifact has 90 bytes, so a message of 1 MiB has no room for more than this. */
const maxArtifacts = 12_000;

/** Twice the number of values that {@link maxArtifacts} of the smallest size have. */
const maxStructure = 200_000;

/** With more flawed artifacts, the whole message is one dead letter: thousands would take longer than a run. */
const maxFlawed = 10;

/** Reads the artifacts from the messages, one message after the other. */
export function unpack(
  messages: readonly ReceivedMessage[],
  flaw: (artifact: unknown) => string | undefined,
): Unpacked {
  const valid = new Map<string, Posted & { readonly messages: ReceivedMessage[] }>();
  const flawed: Refused[] = [];
  for (const message of messages) {
    const whole = (reason: string) => flawed.push(refused(message.id, () => message.body, message, reason));
    if (structureOf(message.body) > maxStructure) {
      whole(`the message has more than ${maxStructure} values`);
      continue;
    }
    const artifacts = at(parsed(message.body), 'artifacts');
    if (!Array.isArray(artifacts)) {
      whole('the message is not {"artifacts": […]}');
      continue;
    }
    if (artifacts.length > maxArtifacts) {
      whole(`the message has ${artifacts.length} artifacts`);
      continue;
    }
    const flaws = artifacts.map(flaw);
    const known = flaws.filter((one) => one !== undefined);
    if (known.length > maxFlawed) {
      whole(`${known.length} of its ${artifacts.length} artifacts break the schema: ${known[0]}`);
      continue;
    }
    for (const [i, artifact] of artifacts.entries()) {
      const id = text(artifact, 'metadata', 'id') ?? message.id;
      const wrong = flaws[i];
      const same = valid.get(id);
      if (wrong !== undefined) {
        const body = () => (artifacts.length === 1 ? message.body : printed(artifact, message));
        flawed.push(refused(id, body, message, `it breaks the schema: ${wrong}`));
      } else if (same !== undefined) {
        same.messages.push(message);
      } else {
        valid.set(id, postable(id, artifact as unknown as Artifact, message));
      }
    }
  }
  return { valid: [...valid.values()], flawed };
}

/**
 * A message that was received more often is posted by itself, after the others and once per run, so that a message
 * which makes Analytics fail does not delay the others.
 */
const often = 3;

export function receivesOf({ messages }: QueuedArtifact): number {
  return Math.max(...messages.map(({ receives }) => receives));
}

export const isOftenReceived = (item: QueuedArtifact): boolean => receivesOf(item) > often;

export function messagesOf(items: readonly QueuedArtifact[]): ReadonlySet<ReceivedMessage> {
  return new Set(items.flatMap(({ messages }) => messages));
}

function packArtifact(artifact: Artifact): PackedArtifact {
  const json = withoutNoncharacters(JSON.stringify(artifact));
  return { artifact, json, bytes: Buffer.byteLength(json) };
}

/** Of an ingest request, and of a message. */
export const bodyParts = { head: '{"artifacts":[', comma: ',', tail: ']}' } as const;

export function bodyOf(artifacts: readonly PackedArtifact[]): string {
  const { head, comma, tail } = bodyParts;
  return head + artifacts.map(({ json }) => json).join(comma) + tail;
}

function postable(id: string, artifact: Artifact, message: ReceivedMessage) {
  const packed = packArtifact(artifact);
  return { id, packed, body: () => bodyOf([packed]), messages: [message] };
}

function refused(id: string, body: () => string, message: ReceivedMessage, reason: string): Refused {
  return { item: { id, packed: undefined, body, messages: [message] }, reason };
}

/** If the artifact is nested too deeply to serialise, returns the body of its whole message. */
function printed(artifact: Json, { body }: ReceivedMessage): string {
  try {
    return bodyOf([packArtifact(artifact as unknown as Artifact)]);
  } catch {
    return body;
  }
}
