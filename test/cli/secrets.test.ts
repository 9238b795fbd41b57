import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deleteSecret, stageToken } from '../../cli/secrets.ts';
import type { Stack } from '../../cli/stack.ts';
import { type LocalSecretsManager, startSecretsManager } from '../../local/aws/secrets-manager.ts';

let store: LocalSecretsManager;
let secrets: SecretsManagerClient;
let stack: Stack;

beforeAll(async () => {
  store = await startSecretsManager();
  secrets = new SecretsManagerClient({
    endpoint: store.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  stack = { secrets } as Stack;
});
afterAll(() => store.close());

const at = (SecretId: string, VersionStage: string) =>
  secrets.send(new GetSecretValueCommand({ SecretId, VersionStage })).then(
    ({ SecretString }) => SecretString,
    () => undefined,
  );

describe('a token is staged', () => {
  test('as a secret of its own where there is none, which goes with it', async () => {
    const kept = await stageToken(stack, 'a/kept', 'one');
    expect(kept.stage).toBeUndefined();
    await kept.keep();
    expect(store.current('a/kept')).toBe('one');
    const discarded = await stageToken(stack, 'a/discarded', 'one');
    await discarded.discard();
    expect(store.current('a/discarded')).toBeUndefined();
    await stageToken(stack, 'a/discarded', 'two');
    expect(store.current('a/discarded')).toBe('two');
  });

  test('beside the current one, which it replaces only when it is kept', async () => {
    store.put('b', 'old');
    const staged = await stageToken(stack, 'b', 'new');
    expect(staged.stage).toBe('AWSPENDING');
    expect([store.current('b'), await at('b', 'AWSPENDING')]).toEqual(['old', 'new']);
    await staged.keep();
    expect([store.current('b'), await at('b', 'AWSPREVIOUS'), await at('b', 'AWSPENDING')]).toEqual([
      'new',
      'old',
      undefined,
    ]);
  });

  test('beside the current one, which stays when it is discarded', async () => {
    store.put('c', 'old');
    await (await stageToken(stack, 'c', 'left by a command that was killed')).stage;
    const staged = await stageToken(stack, 'c', 'bad');
    await staged.discard();
    expect([store.current('c'), await at('c', 'AWSPENDING')]).toEqual(['old', undefined]);
  });

  test('in a secret that waits to be deleted, which is restored, and deleted again when it is discarded', async () => {
    store.put('d', 'old');
    expect(await deleteSecret(stack, 'd')).toBe(true);
    expect(await at('d', 'AWSCURRENT')).toBeUndefined();
    await (await stageToken(stack, 'd', 'bad')).discard();
    expect(await at('d', 'AWSCURRENT')).toBeUndefined();
    await (await stageToken(stack, 'd', 'new')).keep();
    expect(await at('d', 'AWSCURRENT')).toBe('new');
  });
});

test('a secret that is not there can’t be deleted', async () => {
  expect(await deleteSecret(stack, 'nowhere')).toBe(false);
});
