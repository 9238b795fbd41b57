import { createHash } from 'node:crypto';
import {
  GetSecretValueCommand,
  SecretsManagerClient,
  SecretsManagerServiceException,
} from '@aws-sdk/client-secrets-manager';
import type { Secret, Secrets } from '../instances/ports.ts';
import { entryIn, partsOf } from '../instances/shared-secret.ts';
import { textOf } from '../instances/token.ts';
import { clientConfig } from './aws.ts';

const client = new SecretsManagerClient(clientConfig);

/**
 * How long a secret is cached. A refused token is read again immediately, so this delays only a rotation in which
 * both tokens are valid.
 */
const cachedMs = 60 * 60 * 1000;

/** Errors that the operator can fix. All other errors are thrown. */
const unreadable = new Set([
  'ResourceNotFoundException',
  'AccessDeniedException',
  'InvalidRequestException',
  'InvalidParameterException',
  'ValidationException',
  'DecryptionFailure',
]);

export function secretsManager(now: () => number): Secrets {
  const cache = new Map<string, { readonly reading: Promise<Secret | undefined>; readonly readAt: number }>();
  return {
    async read(secretId, fresh, host) {
      const { name, key } = partsOf(secretId);
      // Each token under a key names its host, so one request serves all of them.
      const place = JSON.stringify(key === undefined ? [name, host] : [name]);
      const cached = cache.get(place);
      const isCached = !fresh && cached !== undefined && now() - cached.readAt < cachedMs;
      const { reading } = isCached ? cached : { reading: readWhole(name) };
      if (!isCached) cache.set(place, { reading, readAt: now() });
      const forget = () => {
        if (cache.get(place)?.reading === reading) cache.delete(place);
      };
      const whole = await reading.catch((error: unknown) => {
        forget();
        throw error;
      });
      if (whole === undefined) forget();
      return entryOf(whole, key);
    },
  };
}

/**
 * Returns the version with this id, or the current one; of `NAME#KEY`, the token under this key. Returns undefined if it
 * does not exist or cannot be read.
 */
export async function readSecret(secretId: string, version?: string): Promise<Secret | undefined> {
  const { name, key } = partsOf(secretId);
  return entryOf(await readWhole(name, version), key);
}

async function readWhole(SecretId: string, version?: string): Promise<Secret | undefined> {
  try {
    const {
      SecretString,
      SecretBinary,
      VersionId = '',
    } = await client.send(new GetSecretValueCommand({ SecretId, ...(version && { VersionId: version }) }));
    return { value: SecretString ?? textOf(SecretBinary ?? new Uint8Array()), version: VersionId };
  } catch (error) {
    if (error instanceof SecretsManagerServiceException && unreadable.has(error.name)) return undefined;
    throw error;
  }
}

/** A change of another token is no change of this one, so the version of an entry is a hash. */
function entryOf(whole: Secret | undefined, key: string | undefined): Secret | undefined {
  if (key === undefined) return whole;
  const value = entryIn(whole?.value, key);
  if (value === undefined) return undefined;
  return { value, version: createHash('sha256').update(value).digest('hex').slice(0, 32) };
}
