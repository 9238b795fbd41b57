import { Ajv2020 } from 'ajv/dist/2020.js';
import schema from '../../docs/artifact.schema.json' with { type: 'json' };

const ajv = new Ajv2020();
ajv.addSchema(schema, 'message');
const validate = ajv.compile({ $ref: 'message#/$defs/artifact' });

/** Returns the first violation of the published artifact schema, or undefined if the artifact is valid. */
export function flawOf(artifact: unknown): string | undefined {
  if (validate(artifact)) return undefined;
  const [first] = validate.errors ?? [];
  return `${first?.instancePath.slice(0, 200) || 'the artifact'} ${first?.message ?? 'is wrong'}`;
}
