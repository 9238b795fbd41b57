import type { Artifact } from '../deliver/artifact.ts';
import { bodyOf, type PackedArtifact, packArtifact } from '../deliver/packing.ts';
import { at, type Json, text } from '../kit/json.ts';

/** A message as the queue hands it over. */
export interface ReceivedMessage {
  readonly id: string;
  readonly body: string;
  /** How often it was received, this time included. */
  readonly receives: number;
  /** Milliseconds since 1970. */
  readonly sentAt: number;
}

/** An artifact on its way to Analytics, or a body in which there is none. */
export interface Parcel {
  /** The artifact's id; the message's where it has none. */
  readonly id: string;
  /** Undefined where there is nothing to post. */
  readonly packed: PackedArtifact | undefined;
  /** The body of a message that holds this alone. */
  readonly body: () => string;
  /** The one that it came in, or several where an id is repeated. */
  readonly messages: ReceivedMessage[];
  /** `refused` is for the dead-letter queue, for the `reason`; `buried` has arrived there. */
  fate: 'open' | 'accepted' | 'repeat' | 'refused' | 'buried';
  reason: string | undefined;
}

/** A parcel that can be posted. */
export type Posted = Parcel & { readonly packed: PackedArtifact };

export const openOf = <P extends Parcel>(parcels: readonly P[]) =>
  parcels.filter(({ fate }) => fate === 'open');

/**
 * Takes messages apart. An id that several have is one parcel. What is no message, or no artifact by `flaw`, is
 * refused at once.
 */
export function unpack(
  messages: readonly ReceivedMessage[],
  flaw: (artifact: unknown) => string | undefined,
): Parcel[] {
  const parcels = new Map<string, Parcel>();
  const add = (parcel: Parcel) => {
    const same = parcel.fate === 'open' ? parcels.get(parcel.id) : undefined;
    if (same === undefined)
      parcels.set(parcel.fate === 'open' ? parcel.id : `refused ${parcels.size}`, parcel);
    else same.messages.push(...parcel.messages);
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
      add({ id, packed, body, messages: [message], fate: 'open', reason: undefined });
    }
  }
  return [...parcels.values()];
}

/** The messages of which something is neither accepted nor buried. */
export function unsettled(parcels: readonly Parcel[]): ReadonlySet<ReceivedMessage> {
  const open = parcels.filter(({ fate }) => fate === 'open' || fate === 'refused');
  return new Set(open.flatMap(({ messages }) => messages));
}

function refused(id: string, body: () => string, message: ReceivedMessage, reason: string): Parcel {
  return { id, packed: undefined, body, messages: [message], fate: 'refused', reason };
}

/** What nests deeper than can be printed takes its whole message along. */
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
