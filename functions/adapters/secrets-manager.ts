import {
  GetSecretValueCommand,
  SecretsManagerClient,
  SecretsManagerServiceException,
} from '@aws-sdk/client-secrets-manager';
import type { Secret, SecretStage, Secrets } from '../instances/ports.ts';
import { clientConfig } from './aws.ts';

const client = new SecretsManagerClient(clientConfig);

/** A rotated secret is seen at once when the old token is refused, and after this long where both are good. */
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
    async read(secretId, fresh, stage) {
      if (stage !== undefined) return get(secretId, stage);
      const cached = cache.get(secretId);
      if (!fresh && cached !== undefined && now() - cached.readAt < cachedMs) return cached.secret;
      cache.delete(secretId);
      const secret = await get(secretId);
      if (secret !== undefined) cache.set(secretId, { secret, readAt: now() });
      return secret;
    },
  };
}

async function get(SecretId: string, VersionStage?: SecretStage): Promise<Secret | undefined> {
  try {
    const { SecretString = '', VersionId = '' } = await client.send(
      new GetSecretValueCommand({ SecretId, ...(VersionStage && { VersionStage }) }),
    );
    return { value: SecretString, version: VersionId };
  } catch (error) {
    if (error instanceof SecretsManagerServiceException && unreadable.has(error.name)) return undefined;
    throw error;
  }
}
