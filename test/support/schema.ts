import { Ajv2020 } from 'ajv/dist/2020.js';
import schema from '../../docs/artifact.schema.json' with { type: 'json' };

/** An artifact as a consumer reads it from the queue. */
export interface ReceivedArtifact {
  readonly source: string;
  readonly raw: string;
  readonly timestamp?: string;
  readonly metadata: {
    readonly [field: string]: string | string[] | undefined;
    readonly id: string;
    readonly instance: string;
    readonly stream: string;
    readonly recordId: string;
    readonly rawLocation?: string;
  };
}

const validate = new Ajv2020({ strict: true, allErrors: true }).compile<{ artifacts: ReceivedArtifact[] }>(
  schema,
);

/** Every message type that Analytics knows. */
export const messageTypes: readonly string[] = schema.$defs.messageType.enum;

/** The artifacts of a message's body; throws where it is not what docs/artifact.schema.json promises. */
export function readMessage(body: string): ReceivedArtifact[] {
  const message: unknown = JSON.parse(body);
  if (validate(message)) return message.artifacts;
  const problems = (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  throw new Error(`not a message of docs/artifact.schema.json: ${problems.join('; ')}`);
}
