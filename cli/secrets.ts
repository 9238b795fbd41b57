import { randomUUID } from 'node:crypto';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { partsOf } from '../functions/instances/shared-secret.ts';
import { boundHost, withToken } from '../functions/instances/token.ts';
import { CommandError } from './errors.ts';
import {
  boundElsewhere,
  changedMeanwhile,
  create,
  deleteSecret,
  eventually,
  ifMoved,
  isAt,
  moveLabel,
  read,
  type StagedToken,
  storeVersion,
  versionAt,
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
  const value = withToken(undefined, token, host) ?? '';
  const first = randomUUID();
  const found = SecretId.startsWith('arn:') ? 'there' : await create(secrets, SecretId, value, first, token);
  if (found === 'created') return created(secrets, SecretId, first);
  const old = await read(secrets, SecretId);
  const next = nextValue(SecretId, old.value, token, host, rebinds);
  const version = await storeVersion(secrets, SecretId, pending, next, [token]);
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
  const move = (label: string, to: string | undefined, from: string | undefined) =>
    moveLabel(secrets, SecretId, label, { from, to }).catch(ifMoved);
  const unlabel = () => move(pending, undefined, version);
  let kept = false;
  return {
    version,
    async keep() {
      if (!(await isAt(secrets, SecretId, pending, version))) throw changedMeanwhile(SecretId);
      // Secrets Manager refuses this if another version has become the current one. A new secret has no other
      // version.
      if (before !== version) await move(current, version, before);
      if (!(await isAt(secrets, SecretId, current, version))) throw changedMeanwhile(SecretId);
      kept = true;
      await unlabel();
    },
    async discard() {
      if (kept && before !== undefined) await move(current, before, version);
      else await unlabel();
      if (wasDeleted) await deleteSecret({ secrets }, SecretId);
    },
  };
}
