import type { Artifact } from '../deliver/artifact.ts';
import { bodyOf, type PackedArtifact, packArtifact } from '../deliver/packing.ts';
import { at, type Json, text } from '../kit/json.ts';

/** A message as received from the queue. */
export interface ReceivedMessage {
  readonly id: string;
  readonly body: string;
  /** Receive count, including this time. */
  readonly receives: number;
  /** Milliseconds since 1970. */
  readonly sentAt: number;
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
  readonly messages: ReceivedMessage[];
  /** `refused`: to be sent to the dead-letter queue with `reason`. `dead-lettered`: sent there. */
  status: 'open' | 'accepted' | 'repeat' | 'refused' | 'dead-lettered';
  reason: string | undefined;
}

/** An artifact that can be posted. */
export type Posted = QueuedArtifact & { readonly packed: PackedArtifact };

export const openOf = <P extends QueuedArtifact>(items: readonly P[]) =>
  items.filter(({ status }) => status === 'open');

/**
 * Reads the artifacts from the messages. An id in several messages becomes one item. Invalid messages, and artifacts
 * that `flaw` rejects, are refused.
 */
export function unpack(
  messages: readonly ReceivedMessage[],
  flaw: (artifact: unknown) => string | undefined,
): QueuedArtifact[] {
  const items = new Map<string, QueuedArtifact>();
  const add = (item: QueuedArtifact) => {
    const same = item.status === 'open' ? items.get(item.id) : undefined;
    if (same === undefined) items.set(item.status === 'open' ? item.id : `refused ${items.size}`, item);
    else same.messages.push(...item.messages);
  };
  for (const message of messages) {
    const artifacts = at(parsed(message.body), 'artifacts');
    if (!Array.isArray(artifacts)) {
      add(refused(message.id, () => message.body, message, 'the message is not {"artifacts": […]}'));
      continue;
    }
    for (const artifact of artifacts) {
      const wrong = flaw(artifact);
      const id = text(artifact, 'metadata', 'id') ?? message.id;
      if (wrong !== undefined) {
        const body = () => (artifacts.length === 1 ? message.body : printed(artifact, message));
        add(refused(id, body, message, `it breaks the schema: ${wrong}`));
        continue;
      }
      const packed = packArtifact(artifact as unknown as Artifact);
      const body = () => bodyOf({ artifacts: [packed] });
      add({ id, packed, body, messages: [message], status: 'open', reason: undefined });
    }
  }
  return [...items.values()];
}

/** The messages with an artifact that is neither accepted nor in the dead-letter queue. */
export function messagesToRetry(items: readonly QueuedArtifact[]): ReadonlySet<ReceivedMessage> {
  const open = items.filter(({ status }) => status === 'open' || status === 'refused');
  return new Set(open.flatMap(({ messages }) => messages));
}

function refused(id: string, body: () => string, message: ReceivedMessage, reason: string): QueuedArtifact {
  return { id, packed: undefined, body, messages: [message], status: 'refused', reason };
}

/** If the artifact is nested too deeply to serialise, returns the body of its whole message. */
function printed(artifact: Json, { body }: ReceivedMessage): string {
  try {
    return bodyOf({ artifacts: [packArtifact(artifact as unknown as Artifact)] });
  } catch {
    return body;
  }
}

function parsed(body: string): Json | undefined {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
