import { setTimeout as sleep } from 'node:timers/promises';
import {
  GetSecretValueCommand,
  InvalidParameterException,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stageToken } from '../../cli/secrets.ts';
import { deleteEntry, stageEntries } from '../../cli/shared-secret.ts';
import { type LocalSecretsManager, startSecretsManager } from '../../local/aws/secrets-manager.ts';

let store: LocalSecretsManager;
let secrets: SecretsManagerClient;

beforeAll(async () => {
  store = await startSecretsManager('of-this-test');
  store.lagMs = 0;
  secrets = new SecretsManagerClient({
    endpoint: store.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local', sessionToken: 'of-this-test' },
    maxAttempts: 1,
  });
});
afterAll(() => store.close());

const hostOf = (key: string) => `${key}.sentinelone.net`;
const entriesOf = (name: string) => JSON.parse(store.current(name) ?? 'null');
const stage = (name: string, key: string, token: string) =>
  stageToken({ secrets }, `${name}#${key}`, token, hostOf(key), false);
const valueAt = async (SecretId: string, VersionId: string) =>
  JSON.parse((await secrets.send(new GetSecretValueCommand({ SecretId, VersionId }))).SecretString ?? '');

describe('a token under a key of a shared secret', () => {
  test('is staged in a version that has all others too, and becomes current when it is kept', async () => {
    await (await stage('fleet', 'a', 'a1')).keep();
    const staged = await stage('fleet', 'b', 'b1');
    expect(entriesOf('fleet')).toEqual({ a: { apiKey: 'a1', host: hostOf('a') } });
    const both = { a: { apiKey: 'a1', host: hostOf('a') }, b: { apiKey: 'b1', host: hostOf('b') } };
    expect(await valueAt('fleet', staged.version)).toEqual(both);
    await staged.keep();
    expect(entriesOf('fleet')).toEqual(both);
  });

  test('is gone when it is discarded, also after it was kept, and others stay', async () => {
    await (await stage('undone', 'a', 'a1')).keep();
    const [again, fresh] = [await stage('undone', 'a', 'a2'), await stage('undone', 'b', 'b1')];
    await again.keep();
    await fresh.keep();
    await again.discard();
    await fresh.discard();
    expect(entriesOf('undone')).toEqual({ a: { apiKey: 'a1', host: hostOf('a') } });
  });

  test('leaves no secret behind that was only made for it', async () => {
    await (await stage('empty', 'a', 'a1')).discard();
    expect(store.current('empty')).toBeUndefined();
  });

  test('is not stored for another host than before', async () => {
    await (await stage('bound', 'a', 'a1')).keep();
    const moved = stageToken({ secrets }, 'bound#a', 'a2', 'other.sentinelone.net', false);
    await expect(moved).rejects.toThrow('bound#a is bound to "a.sentinelone.net", not to other');
  });

  test.each(['a-bare-token', '{"apiKey":"one","host":"h"}'])('is not stored over %s', async (value) => {
    store.put('single', value);
    await expect(stage('single', 'a', 'a1')).rejects.toThrow('does not hold tokens by key');
    expect(store.current('single')).toBe(value);
  });

  test('is not stored where the secret is full, and the error shows no token', async () => {
    store.put('full', JSON.stringify({ b: { apiKey: 'x'.repeat(65_500) } }));
    await expect(stage('full', 'a', 'a1')).rejects.toThrow(/no room for another token: .* 64 KiB/);
  });

  test('is removed without the others', async () => {
    await (await stage('less', 'a', 'a1')).keep();
    await (await stage('less', 'b', 'b1')).keep();
    expect(await deleteEntry(secrets, 'less', 'a')).toBe(true);
    expect(await deleteEntry(secrets, 'less', 'a')).toBe(false);
    expect(Object.keys(entriesOf('less'))).toEqual(['b']);
  });

  test('that another command has changed in the meantime is not undone', async () => {
    await (await stage('same', 'a', 'a1')).keep();
    const [first, second] = [await stage('same', 'a', 'a2'), await stage('same', 'a', 'a3')];
    await second.keep();
    await expect(first.keep()).rejects.toThrow('same#a was changed by another command');
    await first.discard();
    expect(entriesOf('same')).toEqual({ a: { apiKey: 'a3', host: hostOf('a') } });
  });
});

test('of many tokens in one version, those are kept that passed', async () => {
  const entries = ['a', 'b', 'c'].map((key) => ({
    key,
    token: `${key}1`,
    host: hostOf(key),
    rebinds: false,
  }));
  const staged = await stageEntries(secrets, 'many', entries);
  await staged.keep(['a', 'c']);
  expect(Object.keys(entriesOf('many'))).toEqual(['a', 'c']);
});

/** As a function that Secrets Manager invokes to rotate one console's token. It takes some time. */
async function rotation(SecretId: string, key: string, token: string, delayMs: number): Promise<boolean> {
  const { SecretString = '{}', VersionId } = await secrets.send(new GetSecretValueCommand({ SecretId }));
  const entries = JSON.parse(SecretString);
  const put = await secrets.send(
    new PutSecretValueCommand({
      SecretId,
      SecretString: JSON.stringify({ ...entries, [key]: { apiKey: token, host: hostOf(key) } }),
      VersionStages: ['AWSPENDING'],
    }),
  );
  await sleep(delayMs);
  const finish = new UpdateSecretVersionStageCommand({
    SecretId,
    VersionStage: 'AWSCURRENT',
    MoveToVersionId: put.VersionId,
    RemoveFromVersionId: VersionId,
  });
  return secrets.send(finish).then(
    () => true,
    (error) => {
      if (error instanceof InvalidParameterException) return false;
      throw error;
    },
  );
}

const keys = Array.from({ length: 100 }, (_, i) => `c${i}`);
const step = fc.record({
  key: fc.nat(99),
  end: fc.constantFrom('keep' as const, 'keep' as const, 'discard' as const, 'undo' as const),
  delayMs: fc.nat(3),
});
const story = fc.array(step, { minLength: 1, maxLength: 6 });

test('a hundred consoles, two commands at once and a rotation besides: no token is lost or crossed', async () => {
  let worlds = 0;
  let raced = 0;
  await fc.assert(
    fc.asyncProperty(story, story, story, async (first, second, rotations) => {
      const name = `world-${worlds++}`;
      store.put(
        name,
        JSON.stringify(
          Object.fromEntries(keys.map((key) => [key, { apiKey: `${key}-0`, host: hostOf(key) }])),
        ),
      );
      /** By key, the tokens that may be current: the last one, of each who has stored one. */
      const wanted = new Map(keys.map((key) => [key, `${key}-0`]));
      let tokens = 0;
      // Each has keys of its own, so that the last token of each is known.
      const keyFor = (who: number, i: number) => keys[i - (i % 3) + who] ?? keys[who] ?? '';
      const command = async (who: number, steps: typeof first) => {
        for (const { key: i, end, delayMs } of steps) {
          const key = keyFor(who, i);
          const token = `${key}-${++tokens}`;
          const staged = await stage(name, key, token);
          await sleep(delayMs);
          if (end !== 'discard') await staged.keep();
          if (end === 'keep') wanted.set(key, token);
          else await staged.discard();
        }
      };
      const rotating = async () => {
        for (const { key: i, delayMs } of rotations) {
          const key = keyFor(2, i);
          const token = `${key}-${++tokens}`;
          if (await rotation(name, key, token, delayMs)) wanted.set(key, token);
          else raced += 1;
        }
      };
      await Promise.all([command(0, first), command(1, second), rotating()]);
      expect(entriesOf(name)).toEqual(
        Object.fromEntries([...wanted].map(([key, apiKey]) => [key, { apiKey, host: hostOf(key) }])),
      );
    }),
    { numRuns: 40 },
  );
  // They do get in each other's way.
  expect(raced).toBeGreaterThan(10);
});
