import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidParameterException, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { entryIn, hostAt, withEntry, withTokenAt } from '../functions/instances/shared-secret.ts';
import { CommandError } from './errors.ts';
import {
  boundElsewhere,
  changedMeanwhile,
  create,
  deleteSecret,
  eventually,
  ifMoved,
  moveLabel,
  read,
  type StagedToken,
  storeVersion,
  versionAt,
} from './secret-calls.ts';

/** One token of a shared secret. */
export interface Entry {
  readonly key: string;
  readonly token: string;
  readonly host: string;
  /** Whether the key may have been bound to another host. */
  readonly rebinds: boolean;
}

interface StagedEntries extends StagedToken {
  /** Promotes the tokens under these keys, or all of them. Other keys keep what is current by then. */
  keep(keys?: readonly string[]): Promise<void>;
}

/** The limit of Secrets Manager: some 150 tokens. */
const mostBytes = 65_536;

/**
 * Not AWSPENDING, which belongs to rotations. A version that loses this label to another command can still be read by
 * its id.
 */
const label = 'COLLECTOR_STAGED';

/**
 * Stores tokens in a version of a shared secret, so that Lambda can test them before they become current. Secrets Manager
 * keeps about 100 versions a day, so many tokens are one version.
 */
export async function stageEntries(
  secrets: SecretsManagerClient,
  name: string,
  entries: readonly Entry[],
): Promise<StagedEntries> {
  const found = name.startsWith('arn:') ? 'there' : await create(secrets, name, '{}', randomUUID(), '{}');
  const old = await readShared(secrets, name);
  const version = await store(secrets, name, merged(name, old.value, entries));
  let kept: readonly Entry[] = [];
  return {
    version,
    warnings: [],
    async keep(keys) {
      const wanted = entries.filter(({ key }) => keys?.includes(key) ?? true);
      await swap(secrets, name, (value) => {
        for (const { key, token } of wanted)
          if (entryIn(value, key) !== entryIn(old.value, key) && !isTokenAt(value, key, token))
            throw changedMeanwhile(`${name}#${key}`);
        return merged(name, value, wanted);
      });
      kept = wanted;
    },
    async discard() {
      await unlabel(secrets, name, version);
      // What somebody else has stored under a key since then stays.
      const back = (value: string | undefined) =>
        kept.reduce(
          (rest, { key, token }) =>
            isTokenAt(rest, key, token) ? (withEntry(rest, key, entryIn(old.value, key)) ?? rest) : rest,
          value,
        );
      if (kept.length > 0) await swap(secrets, name, back);
      const isUnchanged = (await eventually(() => versionAt(secrets, name, 'AWSCURRENT'))) === old.version;
      if (found !== 'there' && isUnchanged) await deleteSecret({ secrets }, name);
    },
  };
}

/** Removes a token from a shared secret. Returns false if there was none. */
export async function deleteEntry(
  secrets: SecretsManagerClient,
  name: string,
  key: string,
): Promise<boolean> {
  const { value } = await readShared(secrets, name);
  if (entryIn(value, key) === undefined) return false;
  await swap(secrets, name, (now) => withEntry(now, key, undefined) ?? now);
  return true;
}

const isTokenAt = (value: string | undefined, key: string, token: string) =>
  JSON.parse(entryIn(value, key) ?? '{}').apiKey === token;

async function readShared(secrets: SecretsManagerClient, name: string) {
  const old = await read(secrets, name);
  if (!old.isUnread) return old;
  throw new CommandError(
    `no permission to read the secret ${name}, which holds the tokens of several instances`,
    'Changing one of them takes secretsmanager:GetSecretValue.',
  );
}

/** Throws CommandError if the secret must not be replaced. */
function merged(name: string, old: string | undefined, entries: readonly Entry[]): string {
  let value = old;
  for (const { key, token, host, rebinds } of entries) {
    const bound = hostAt(value, key);
    if (!rebinds && bound !== undefined && bound !== host)
      throw boundElsewhere(`${name}#${key}`, bound, host);
    value = withTokenAt(value, key, token, host);
    if (value === undefined) {
      throw new CommandError(
        `the secret ${name} does not hold tokens by key, so it was not replaced`,
        'Use another secret: --secret-id OTHER#KEY.',
      );
    }
  }
  if (value !== undefined && Buffer.byteLength(value) <= mostBytes) return value;
  throw new CommandError(
    `the secret ${name} has no room for another token: Secrets Manager stores 64 KiB in a secret`,
    'Use another secret: --secret-id OTHER#KEY.',
  );
}

/** Changes the current value. If another command or a rotation changes it in the meantime, starts again from theirs. */
async function swap(
  secrets: SecretsManagerClient,
  name: string,
  change: (value: string | undefined) => string | undefined,
): Promise<void> {
  for (let tries = 1; tries <= mostTries; tries++) {
    const old = await readShared(secrets, name);
    const value = change(old.value);
    if (value === undefined || value === old.value) return;
    const version = await store(secrets, name, value);
    try {
      // Secrets Manager refuses this unless the version that was read is still the current one.
      await moveLabel(secrets, name, 'AWSCURRENT', { from: old.version, to: version });
      await unlabel(secrets, name, version);
      return;
    } catch (error) {
      if (!(error instanceof InvalidParameterException)) throw error;
      await sleep(Math.random() * pauseMs * tries);
    }
  }
  throw new CommandError(
    `the secret ${name} is changed by other commands all the time`,
    'Run the command again.',
  );
}

const [mostTries, pauseMs] = [30, 100];

const store = (secrets: SecretsManagerClient, name: string, value: string) =>
  storeVersion(secrets, name, label, value, tokensIn(value));

/** All tokens in a shared secret's value, for errors that repeat it. */
function tokensIn(value: string): string[] {
  const entries: { apiKey?: unknown }[] = Object.values(JSON.parse(value));
  return entries.flatMap((entry) =>
    typeof entry?.apiKey === 'string' && entry.apiKey ? [entry.apiKey] : [],
  );
}

/** Does nothing if the label is at another command's version. */
const unlabel = (secrets: SecretsManagerClient, name: string, version: string) =>
  moveLabel(secrets, name, label, { from: version }).catch(ifMoved);
