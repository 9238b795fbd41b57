import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  InvalidParameterException,
  InvalidRequestException,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  RestoreSecretCommand,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { textOf } from '../functions/instances/token.ts';
import { CommandError } from './errors.ts';
import type { Stack } from './stack.ts';

/** Temporary errors after a write, because reads are eventually consistent and deletions asynchronous. */
const mayPass = (error: unknown) =>
  error instanceof ResourceNotFoundException || error instanceof InvalidRequestException;

const [mostTries, pauseMs] = [30, 500];

/** Longer than the delay of reads. */
const fewTries = 8;

export async function eventually<T>(call: () => Promise<T>, most = mostTries): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call();
    } catch (error) {
      if (!mayPass(error) || tries === most) throw error;
      await sleep(pauseMs);
    }
  }
}

export async function create(
  secrets: SecretsManagerClient,
  Name: string,
  SecretString: string,
  ClientRequestToken: string,
  token: string,
): Promise<'created' | 'there' | 'restored'> {
  const creation = new CreateSecretCommand({ Name, SecretString, ClientRequestToken, Description });
  for (let tries = 1; ; tries++) {
    try {
      await secrets.send(creation).catch(withoutValues(SecretString, token));
      return 'created';
    } catch (error) {
      if (error instanceof ResourceExistsException) return 'there';
      if (!(error instanceof InvalidRequestException)) throw error;
    }
    // A scheduled deletion can be restored. After a forced deletion, the secret can soon be created.
    try {
      await secrets.send(new RestoreSecretCommand({ SecretId: Name }));
      return 'restored';
    } catch (error) {
      if (!mayPass(error)) throw error;
      if (tries === mostTries) throw beingDeleted(Name);
      await sleep(pauseMs);
    }
  }
}

/** Rethrows an error without these values, because AWS or a proxy may repeat the request. */
const withoutValues =
  (...values: readonly string[]) =>
  (error: unknown): never => {
    const clean = (text = '') => values.reduce((rest, value) => rest.replaceAll(value, '[token]'), text);
    if (error instanceof Error)
      Object.assign(error, { message: clean(error.message), stack: clean(error.stack) });
    throw error;
  };

interface Old {
  /** Undefined if the secret has none. */
  readonly value: string | undefined;
  readonly version: string | undefined;
  readonly isUnread: boolean;
}

/** The current value. The caller may lack permission to read the secret. */
export async function read(secrets: SecretsManagerClient, SecretId: string): Promise<Old> {
  try {
    // The value of a secret that was just created is visible only after some time.
    const { SecretString, SecretBinary, VersionId } = await eventually(
      () => secrets.send(new GetSecretValueCommand({ SecretId })),
      fewTries,
    );
    const value = SecretString ?? (SecretBinary && textOf(SecretBinary));
    return { value, version: VersionId, isUnread: false };
  } catch (error) {
    const isUnread = error instanceof Error && error.name === 'AccessDeniedException';
    if (!isUnread && !(error instanceof ResourceNotFoundException)) throw error;
    return { value: undefined, version: undefined, isUnread };
  }
}

const Description = 'SentinelOne API token of sentinelone-collector';

export async function versionAt(secrets: SecretsManagerClient, SecretId: string, stage: string) {
  const { VersionIdsToStages = {} } = await secrets.send(new DescribeSecretCommand({ SecretId }));
  return Object.entries(VersionIdsToStages).find(([, stages]) => stages.includes(stage))?.[0];
}

/** Returns whether the version is at this stage, or reaches it soon. */
export async function isAt(secrets: SecretsManagerClient, SecretId: string, stage: string, version: string) {
  for (let tries = 1; tries <= fewTries; tries++) {
    if (tries > 1) await sleep(pauseMs);
    if ((await eventually(() => versionAt(secrets, SecretId, stage))) === version) return true;
  }
  return false;
}

/**
 * Stores a version of a secret under a label and returns its id. An error does not repeat the value.
 * @param tokens in the value
 */
export async function storeVersion(
  secrets: SecretsManagerClient,
  SecretId: string,
  label: string,
  SecretString: string,
  tokens: readonly string[],
): Promise<string> {
  const ClientRequestToken = randomUUID();
  const version = { SecretId, SecretString, VersionStages: [label], ClientRequestToken };
  const put = new PutSecretValueCommand(version);
  await eventually(() => secrets.send(put).catch(withoutValues(SecretString, ...tokens)));
  return ClientRequestToken;
}

/**
 * Moves a label from one version of a secret to another, or removes it. Throws InvalidParameterException if `from` does not
 * have it.
 */
export async function moveLabel(
  secrets: SecretsManagerClient,
  SecretId: string,
  VersionStage: string,
  { from, to }: { readonly from: string | undefined; readonly to?: string | undefined },
): Promise<void> {
  const versions = { ...(to && { MoveToVersionId: to }), ...(from && { RemoveFromVersionId: from }) };
  const move = new UpdateSecretVersionStageCommand({ SecretId, VersionStage, ...versions });
  await eventually(() => secrets.send(move));
}

/** The label is at another version, because of a rotation, another command, or an earlier try of this one. */
export function ifMoved(error: unknown): void {
  if (!(error instanceof InvalidParameterException)) throw error;
}

const beingDeleted = (secretId: string) =>
  new CommandError(
    `the secret ${secretId} is being deleted`,
    'Secrets Manager deletes asynchronously. Wait a few minutes, then run the command again.',
  );

/** Schedules a secret for deletion in 30 days; until then it can be restored. Returns false if there is none. */
export async function deleteSecret({ secrets }: Pick<Stack, 'secrets'>, SecretId: string): Promise<boolean> {
  try {
    await secrets.send(new DeleteSecretCommand({ SecretId, RecoveryWindowInDays: 30 }));
    return true;
  } catch (error) {
    if (mayPass(error)) return false;
    throw error;
  }
}

/** A new token, stored for a test. It becomes the current token only when it is kept. */
export interface StagedToken {
  /** The id of the version that holds it. */
  readonly version: string;
  /** What to print if the secret's JSON could not be kept. */
  readonly warnings: readonly string[];
  /** Promotes the token to the current one. Throws CommandError if the secret was changed since it was staged. */
  keep(): Promise<void>;
  /** Discards the token; the current one is unchanged. After `keep`, makes the one before it current again. */
  discard(): Promise<void>;
}

export const boundElsewhere = (secretId: string, bound: string, host: string) =>
  new CommandError(
    `the secret ${secretId} is bound to ${JSON.stringify(bound.slice(0, 100))}, not to ${host}`,
    'To collect from another host, run: set NAME --host HOST. It asks for the token of that host.',
  );

export const changedMeanwhile = (secretId: string) =>
  new CommandError(
    `the secret ${secretId} was changed by another command or by its rotation, so it was not replaced`,
    'Check which token is current (test NAME), then run the command again.',
  );
