import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  InvalidRequestException,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  RestoreSecretCommand,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import type { SecretStage } from '../functions/core/ports.ts';
import type { Stack } from './stack.ts';

/** A token that was stored to be tried: it counts once it is kept. */
export interface StagedToken {
  /** Where the function finds it; undefined: it is the current one of a new secret. */
  readonly stage: SecretStage | undefined;
  /** Makes it the current one. */
  keep(): Promise<void>;
  /** Takes it away again; what was current stays so. */
  discard(): Promise<void>;
}

const pending = 'AWSPENDING';

/**
 * Stores a token beside the current one, so that it can be tried from where polls leave before it counts. A secret
 * that does not exist is made; one that waits to be deleted is restored.
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
  const { VersionId = '' } = await secrets.send(
    new PutSecretValueCommand({ SecretId: secretId, SecretString: token, VersionStages: [pending] }),
  );
  const staged = put(secrets, secretId, VersionId);
  if (!restored) return staged;
  return {
    ...staged,
    async discard() {
      await staged.discard();
      await deleteSecret({ secrets }, secretId);
    },
  };
}

const Description = 'SentinelOne API token of sentinelone-collector';

function created(secrets: SecretsManagerClient, SecretId: string): StagedToken {
  return {
    stage: undefined,
    keep: async () => undefined,
    async discard() {
      await secrets.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }));
    },
  };
}

function put(secrets: SecretsManagerClient, SecretId: string, version: string): StagedToken {
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
