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
  const cache = new Map<string, { readonly secret: Secret; readonly readAt: number }>();
  return {
    async read(secretId, fresh, host) {
      const key = JSON.stringify([secretId, host]);
      const cached = cache.get(key);
      if (!fresh && cached !== undefined && now() - cached.readAt < cachedMs) return cached.secret;
      cache.delete(key);
      const secret = await readSecret(secretId);
      if (secret !== undefined) cache.set(key, { secret, readAt: now() });
      return secret;
    },
  };
}

/**
 * Returns the version with this id, or the current one; of `NAME#KEY`, the token under this key. Returns undefined if it
 * does not exist or cannot be read.
 */
export async function readSecret(secretId: string, version?: string): Promise<Secret | undefined> {
  const { name: SecretId, key } = partsOf(secretId);
  try {
    const {
      SecretString,
      SecretBinary,
      VersionId = '',
    } = await client.send(new GetSecretValueCommand({ SecretId, ...(version && { VersionId: version }) }));
    const value = SecretString ?? textOf(SecretBinary ?? new Uint8Array());
    return key === undefined ? { value, version: VersionId } : entryOf(value, key);
  } catch (error) {
    if (error instanceof SecretsManagerServiceException && unreadable.has(error.name)) return undefined;
    throw error;
  }
}

/** A change of another token is no change of this one, so the version is a hash. */
function entryOf(whole: string, key: string): Secret | undefined {
  const value = entryIn(whole, key);
  if (value === undefined) return undefined;
  return { value, version: createHash('sha256').update(value).digest('hex').slice(0, 32) };
}
