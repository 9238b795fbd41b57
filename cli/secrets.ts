import { randomUUID } from 'node:crypto';
import {
  InvalidParameterException,
  PutSecretValueCommand,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { partsOf } from '../functions/instances/shared-secret.ts';
import { boundHost, withToken } from '../functions/instances/token.ts';
import { CommandError } from './errors.ts';
import {
  boundElsewhere,
  changedMeanwhile,
  create,
  deleteSecret,
  eventually,
  isAt,
  read,
  type StagedToken,
  versionAt,
  withoutValues,
} from './secret-calls.ts';
import { stageEntries } from './shared-secret.ts';
import type { Stack } from './stack.ts';

const [current, pending] = ['AWSCURRENT', 'AWSPENDING'];

/**
 * Stores a token as a pending version of the secret, so that Lambda can test it before it becomes the current one.
 * A missing secret is created, and one that is scheduled for deletion is restored. A JSON secret keeps its other keys.
 * @param host the only host that the token may be sent to
 * @param rebinds whether the secret may have been bound to another host
 */
export async function stageToken(
  { secrets }: Pick<Stack, 'secrets'>,
  SecretId: string,
  token: string,
  host: string,
  rebinds = false,
): Promise<StagedToken> {
  const { name, key } = partsOf(SecretId);
  if (key !== undefined) return stageEntries(secrets, name, [{ key, token, host, rebinds }]);
  const version = randomUUID();
  const value = withToken(undefined, token, host) ?? '';
  const found = SecretId.startsWith('arn:')
    ? 'there'
    : await create(secrets, SecretId, value, version, token);
  if (found === 'created') return created(secrets, SecretId, version);
  const old = await read(secrets, SecretId);
  const SecretString = nextValue(SecretId, old.value, token, host, rebinds);
  const store = new PutSecretValueCommand({
    SecretId,
    SecretString,
    VersionStages: [pending],
    ClientRequestToken: version,
  });
  await eventually(() => secrets.send(store).catch(withoutValues(SecretString, token)));
  const before = old.version ?? (await eventually(() => versionAt(secrets, SecretId, current)));
  return {
    ...put(secrets, SecretId, version, before, found === 'restored'),
    warnings: old.isUnread ? [unread(SecretId)] : [],
  };
}

/** Throws CommandError if the secret's value must not be replaced. */
function nextValue(
  secretId: string,
  old: string | undefined,
  token: string,
  host: string,
  rebinds: boolean,
): string {
  const bound = boundHost(old);
  if (!rebinds && bound !== undefined && bound !== host) throw boundElsewhere(secretId, bound, host);
  const value = withToken(old, token, host);
  if (value !== undefined) return value;
  throw new CommandError(
    `the secret ${secretId} contains JSON that cannot be read, so it was not replaced`,
    'Correct it or delete it in Secrets Manager, then run the command again.',
  );
}

const unread = (SecretId: string) =>
  `No permission to read the secret ${SecretId}. If it contained JSON with other keys, they are lost; the old value is the version AWSPREVIOUS.`;

function created(secrets: SecretsManagerClient, SecretId: string, version: string): StagedToken {
  return {
    version,
    warnings: [],
    async keep() {
      if (!(await isAt(secrets, SecretId, current, version))) throw changedMeanwhile(SecretId);
    },
    // With a recovery window, the name can be used again immediately.
    async discard() {
      if ((await eventually(() => versionAt(secrets, SecretId, current))) === version)
        await deleteSecret({ secrets }, SecretId);
    },
  };
}

function put(
  secrets: SecretsManagerClient,
  SecretId: string,
  version: string,
  before: string | undefined,
  wasDeleted: boolean,
): Omit<StagedToken, 'warnings'> {
  const move = (VersionStage: string, to: string | undefined, from: string | undefined) =>
    eventually(() =>
      secrets.send(
        new UpdateSecretVersionStageCommand({
          SecretId,
          VersionStage,
          ...(to && { MoveToVersionId: to }),
          ...(from && { RemoveFromVersionId: from }),
        }),
      ),
    );
  const unlabel = () => move(pending, undefined, version).catch(ifMoved);
  let kept = false;
  return {
    version,
    async keep() {
      if (!(await isAt(secrets, SecretId, pending, version))) throw changedMeanwhile(SecretId);
      // Secrets Manager refuses this if another version has become the current one. A new secret has no other
      // version.
      if (before !== version) await move(current, version, before).catch(ifMoved);
      if (!(await isAt(secrets, SecretId, current, version))) throw changedMeanwhile(SecretId);
      kept = true;
      await unlabel();
    },
    async discard() {
      if (kept && before !== undefined) await move(current, before, version).catch(ifMoved);
      else await unlabel();
      if (wasDeleted) await deleteSecret({ secrets }, SecretId);
    },
  };
}

/** The label is at another version, because of a rotation, another command, or an earlier try of this one. */
function ifMoved(error: unknown): void {
  if (!(error instanceof InvalidParameterException)) throw error;
}
