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

/** A new token, stored for a test. It becomes the current token only when it is kept. */
export interface StagedToken {
  /** The version stage that the function reads; undefined for a new secret, whose only version is the current one. */
  readonly stage: SecretStage | undefined;
  /** What to print if the secret's JSON could not be kept. */
  readonly warnings: readonly string[];
  /** Promotes the token to the current one. */
  keep(): Promise<void>;
  /** Discards the token; the current one is unchanged. */
  discard(): Promise<void>;
}

const pending = 'AWSPENDING';

/**
 * Stores a token as a pending version of the secret, so that Lambda can test it before it becomes the current one.
 * A missing secret is created, and one that is scheduled for deletion is restored. A JSON secret keeps its other keys.
 * @param host to bind the token to, unless the secret already binds it to a host
 */
export async function stageToken(
  { secrets }: Stack,
  secretId: string,
  token: string,
  host?: string,
): Promise<StagedToken> {
  let restored = false;
  if (!secretId.startsWith('arn:')) {
    try {
      const value = withToken(undefined, token, host);
      const create = new CreateSecretCommand({ Name: secretId, SecretString: value, Description });
      await secrets.send(create).catch(withoutValues(value, token));
      return created(secrets, secretId);
    } catch (error) {
      restored = error instanceof InvalidRequestException;
      if (restored) await secrets.send(new RestoreSecretCommand({ SecretId: secretId }));
      else if (!(error instanceof ResourceExistsException)) throw error;
    }
  }
  const [SecretString, ...warnings] = await inItsForm(secrets, secretId, token, host);
  const store = new PutSecretValueCommand({ SecretId: secretId, SecretString, VersionStages: [pending] });
  const { VersionId = '' } = await secrets.send(store).catch(withoutValues(SecretString, token));
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

/** Rethrows an error without these values: AWS, or a proxy, may repeat what it was sent. */
const withoutValues =
  (...values: readonly string[]) =>
  (error: unknown): never => {
    const clean = (text = '') => values.reduce((rest, value) => rest.replaceAll(value, '[token]'), text);
    if (error instanceof Error)
      Object.assign(error, { message: clean(error.message), stack: clean(error.stack) });
    throw error;
  };

/** The value to store, then warnings. The caller may lack permission to read the secret. */
async function inItsForm(
  secrets: SecretsManagerClient,
  SecretId: string,
  token: string,
  host: string | undefined,
): Promise<[value: string, ...warnings: string[]]> {
  try {
    const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId }));
    return [withToken(SecretString, token, host)];
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return [withToken(undefined, token, host)];
    if (!(error instanceof Error && error.name === 'AccessDeniedException')) throw error;
    return [withToken(undefined, token, host), unread(SecretId)];
  }
}

const unread = (SecretId: string) =>
  `No permission to read the secret ${SecretId}. If it contained JSON, the token alone has replaced it; the old value is the version AWSPREVIOUS.`;

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

/** Schedules a secret for deletion in 30 days; until then it can be restored. Returns false if there is none. */
export async function deleteSecret({ secrets }: Pick<Stack, 'secrets'>, SecretId: string): Promise<boolean> {
  try {
    await secrets.send(new DeleteSecretCommand({ SecretId, RecoveryWindowInDays: 30 }));
    return true;
  } catch (error) {
    if (error instanceof ResourceNotFoundException || error instanceof InvalidRequestException) return false;
    throw error;
  }
}
