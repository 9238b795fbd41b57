import { Ajv2020 } from 'ajv/dist/2020.js';
import schema from '../../docs/artifact.schema.json' with { type: 'json' };

const ajv = new Ajv2020();
ajv.addSchema(schema, 'message');
const validate = ajv.compile({ $ref: 'message#/$defs/artifact' });

/** What is wrong with an artifact by its published schema, in one line; undefined where nothing is. */
export function flawOf(artifact: unknown): string | undefined {
  if (validate(artifact)) return undefined;
  const [first] = validate.errors ?? [];
  return `${first?.instancePath.slice(0, 200) || 'the artifact'} ${first?.message ?? 'is wrong'}`;
}
