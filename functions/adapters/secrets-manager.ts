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
 * How long a secret is cached, about as long as Lambda keeps a process. A refused token is read again immediately, so this
 * delays only a rotation in which both tokens are valid.
 */
const cachedMs = 4 * 60 * 60 * 1000;

/** Of all cached values: the tokens of 20,000 instances. The oldest are dropped beyond it. */
const cachedCharacters = 16 * 1024 * 1024;

interface Cached {
  readonly reading: Promise<Secret | undefined>;
  readonly readAt: number;
  characters: number;
}

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
  const cache = new Map<string, Cached>();
  let characters = 0;
  const forget = (place: string) => {
    characters -= cache.get(place)?.characters ?? 0;
    cache.delete(place);
  };
  const keep = (place: string, cached: Cached, length: number) => {
    cached.characters = length;
    characters += length;
    for (const oldest of cache.keys()) {
      if (characters <= cachedCharacters || oldest === place) break;
      forget(oldest);
    }
  };
  return {
    async read(secretId, fresh, host) {
      const { name, key } = partsOf(secretId);
      // Each token under a key names its host, so one request serves all of them.
      const place = JSON.stringify(key === undefined ? [name, host] : [name]);
      const known = cache.get(place);
      if (!fresh && known !== undefined && now() - known.readAt < cachedMs)
        return entryOf(await known.reading, key);
      forget(place);
      const cached = { reading: readWhole(name), readAt: now(), characters: 0 };
      cache.set(place, cached);
      const whole = await cached.reading.catch(() => undefined);
      if (cache.get(place) === cached) {
        if (whole === undefined) forget(place);
        else keep(place, cached, whole.value.length);
      }
      return entryOf(await cached.reading, key);
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
