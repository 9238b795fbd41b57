import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  InvalidRequestException,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  RestoreSecretCommand,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import type { SecretStage } from '../functions/instances/ports.ts';
import { withToken } from '../functions/instances/token.ts';
import type { Stack } from './stack.ts';

/** A token that was stored to be tried: it counts once it is kept. */
export interface StagedToken {
  /** Where the function finds it; undefined: it is the current one of a new secret. */
  readonly stage: SecretStage | undefined;
  /** What to say of the form that the secret had, where it could not be kept. */
  readonly warnings: readonly string[];
  /** Makes it the current one. */
  keep(): Promise<void>;
  /** Takes it away again; what was current stays so. */
  discard(): Promise<void>;
}

const pending = 'AWSPENDING';

/**
 * Stores a token beside the current one, so that it can be tried from where polls leave before it counts. A secret
 * that does not exist is made; one that waits to be deleted is restored. One that is JSON keeps its other keys.
 */
export async function stageToken({ secrets }: Stack, secretId: string, token: string): Promise<StagedToken> {
  let restored = false;
  if (!secretId.startsWith('arn:')) {
    try {
      await secrets.send(new CreateSecretCommand({ Name: secretId, SecretString: token, Description }));
      return created(secrets, secretId);
    } catch (error) {
      restored = error instanceof InvalidRequestException;
      if (restored) await secrets.send(new RestoreSecretCommand({ SecretId: secretId }));
      else if (!(error instanceof ResourceExistsException)) throw error;
    }
  }
  const [SecretString, ...warnings] = await inItsForm(secrets, secretId, token);
  const { VersionId = '' } = await secrets.send(
    new PutSecretValueCommand({ SecretId: secretId, SecretString, VersionStages: [pending] }),
  );
  const staged = put(secrets, secretId, VersionId, warnings);
  if (!restored) return staged;
  return {
    ...staged,
    async discard() {
      await staged.discard();
      await deleteSecret({ secrets }, secretId);
    },
  };
}

/** The value to store; then what to say about it. Nobody who operates the collector has to be allowed to read a token. */
async function inItsForm(
  secrets: SecretsManagerClient,
  SecretId: string,
  token: string,
): Promise<[value: string, ...warnings: string[]]> {
  try {
    const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId }));
    return [withToken(SecretString, token)];
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return [token];
    if (!(error instanceof Error && error.name === 'AccessDeniedException')) throw error;
    return [token, unread(SecretId)];
  }
}

const unread = (SecretId: string) =>
  `The secret ${SecretId} may not be read from here, so it is the token alone now. What else it held, if it was JSON, is in its version AWSPREVIOUS.`;

const Description = 'SentinelOne API token of sentinelone-collector';

function created(secrets: SecretsManagerClient, SecretId: string): StagedToken {
  return {
    stage: undefined,
    warnings: [],
    keep: async () => undefined,
    async discard() {
      await secrets.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }));
    },
  };
}

function put(
  secrets: SecretsManagerClient,
  SecretId: string,
  version: string,
  warnings: readonly string[],
): StagedToken {
  const move = (VersionStage: string, to: string | undefined, from: string | undefined) =>
    secrets.send(
      new UpdateSecretVersionStageCommand({
        SecretId,
        VersionStage,
        ...(to && { MoveToVersionId: to }),
        ...(from && { RemoveFromVersionId: from }),
      }),
    );
  return {
    stage: pending,
    warnings,
    async keep() {
      const { VersionIdsToStages = {} } = await secrets.send(new DescribeSecretCommand({ SecretId }));
      const current = Object.entries(VersionIdsToStages).find(([, stages]) => stages.includes('AWSCURRENT'));
      if (current?.[0] !== version) await move('AWSCURRENT', version, current?.[0]);
      await move(pending, undefined, version);
    },
    async discard() {
      await move(pending, undefined, version);
    },
  };
}

/** Deletes a secret for good in 30 days; until then it can be restored. Answers false where there is none. */
export async function deleteSecret({ secrets }: Pick<Stack, 'secrets'>, SecretId: string): Promise<boolean> {
  try {
    await secrets.send(new DeleteSecretCommand({ SecretId, RecoveryWindowInDays: 30 }));
    return true;
  } catch (error) {
    if (error instanceof ResourceNotFoundException || error instanceof InvalidRequestException) return false;
    throw error;
  }
}
