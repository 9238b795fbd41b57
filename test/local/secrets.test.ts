import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { activityText, ago } from '../fixtures/records.ts';
import { announceWorld, type Ended, ended } from '../support/cli.ts';
import { startWorld, type World } from '../support/world.ts';

const [acme, hooli] = ['usea1-acme.sentinelone.net', 'usea1-hooli.sentinelone.net'];
const threatsOnly = { token: 'threats-only', permissions: ['Threats.view', 'Activity Page.view'] };
const acmeTokens = [{ token: 'acme-1' }, { token: 'acme-2' }, { token: 'acme-3' }, threatsOnly];

let world: World;
let folder: string;
let cli: (args: readonly string[], input?: string) => Promise<Ended>;
let ticks = 0;

beforeAll(async () => {
  world = await startWorld({
    hosts: { [acme]: { tokens: acmeTokens }, [hooli]: { tokens: [{ token: 'hooli-1' }] } },
  });
  folder = await mkdtemp(join(tmpdir(), 'secrets-'));
  const spawned = await announceWorld(world, folder);
  cli = (...asked) => ended(spawned(...asked));
});
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

/** No console saw a token of the other, whatever a test did. */
afterEach(() => {
  for (const [host, other] of [
    [acme, 'hooli'],
    [hooli, 'acme'],
  ] as const) {
    const seen = world.consoles.console(host).requests.map(({ token = '' }) => token);
    expect(seen.filter((token) => token.startsWith(`${other}-`))).toEqual([]);
  }
});

const secrets = () => world.collector.aws.secrets;
const idOf = (name: string) => `signal-client/sentinelone/${name}`;
const bound = (apiKey: string, host: string, more = {}) => JSON.stringify({ apiKey, ...more, host });
const status = (name: string) => world.status(name, 'activities');
const tick = () => world.tick('activities', 15 * ++ticks);
const remove = (name: string) => cli(['remove', name, '--yes', '--delete-secret', '--delete-cursors']);

async function requestsOf(host: string, during: () => Promise<unknown>) {
  const { requests } = world.consoles.console(host);
  const before = requests.length;
  await during();
  return requests.slice(before);
}

describe('Secrets Manager is 1.5 s behind', () => {
  beforeAll(() => {
    secrets().lagMs = 1_500;
  });
  afterAll(() => {
    secrets().lagMs = 0;
  });

  test('add and rotate take a good token', async () => {
    expect(await cli(['add', 'late', '--host', acme], 'acme-1')).toMatchObject({ code: 0 });
    expect(await cli(['rotate', 'late'], 'acme-2')).toMatchObject({ code: 0 });
    expect(secrets().current(idOf('late'))).toBe(bound('acme-2', acme));
    await remove('late');
  });

  test('add works right after an add with a wrong token', async () => {
    expect(await cli(['add', 'wrong', '--host', acme], 'a-wrong-token')).toMatchObject({ code: 1 });
    expect(await cli(['add', 'wrong', '--host', acme], 'acme-1')).toMatchObject({ code: 0 });
    expect(secrets().current(idOf('wrong'))).toBe(bound('acme-1', acme));
    await remove('wrong');
  });

  test('add works right after the secret was deleted without recovery', async () => {
    secrets().put(idOf('forced'), 'old');
    const client = new SecretsManagerClient({
      endpoint: secrets().endpoint,
      region: 'us-east-1',
      credentials: world.collector.aws.credentials,
    });
    const SecretId = idOf('forced');
    await client.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }));
    expect(await cli(['add', 'forced', '--host', acme], 'acme-1')).toMatchObject({ code: 0 });
    await remove('forced');
  });
});

describe('two at once', () => {
  test('of two rotations one wins, and what is current was tested', async () => {
    await world.collector.addInstance({ instance: 'twice', host: acme }, bound('acme-1', acme));
    const both = await Promise.all(
      ['acme-2', 'a-wrong-token'].map((token) => cli(['rotate', 'twice'], token)),
    );
    expect(both[1]?.code).toBe(1);
    expect(['acme-1', 'acme-2'].map((token) => bound(token, acme))).toContain(
      secrets().current(idOf('twice')),
    );
    const again = await Promise.all(['acme-2', 'acme-3'].map((token) => cli(['rotate', 'twice'], token)));
    const codes = again.map(({ code }) => code);
    const wanted = ['acme-2', 'acme-3'][codes.indexOf(0)];
    expect(codes).toContain(0);
    if (codes.includes(1)) expect(secrets().current(idOf('twice'))).toBe(bound(String(wanted), acme));
    await remove('twice');
  });

  test('a rotation of the operator’s own that ends during ours is kept', async () => {
    await world.collector.addInstance({ instance: 'theirs', host: acme }, bound('acme-1', acme));
    world.consoles.console(acme).faults = [
      () => {
        secrets().put(idOf('theirs'), bound('acme-3', acme));
        return undefined;
      },
    ];
    const run = await cli(['rotate', 'theirs'], 'acme-2');
    world.consoles.console(acme).faults = [];
    expect(run).toMatchObject({ code: 1, err: expect.stringContaining('was changed by another command') });
    expect(secrets().current(idOf('theirs'))).toBe(bound('acme-3', acme));
    await remove('theirs');
  });
});

describe('a secret that two instances share', () => {
  const shared = { secretId: idOf('shared') };
  beforeAll(async () => {
    await world.collector.addInstance(
      { instance: 'shared', host: acme, siteIds: ['1'] },
      bound('acme-1', acme),
    );
    await world.collector.addInstance({ instance: 'also', host: acme, siteIds: ['2'], ...shared });
  });
  afterAll(async () => {
    await cli(['remove', 'also', '--yes', '--delete-cursors']);
    await remove('shared');
  });

  test('is not deleted with one of them', async () => {
    for (const [one, other] of [
      ['shared', 'also'],
      ['also', 'shared'],
    ] as const) {
      const run = await cli(['remove', one, '--yes', '--delete-secret']);
      expect(run).toMatchObject({ code: 1, err: expect.stringContaining(`also used by ${other}\n`) });
    }
    expect((await world.collector.instances()).map(({ instance }) => instance)).toEqual(
      expect.arrayContaining(['shared', 'also']),
    );
    expect(secrets().current(idOf('shared'))).toBe(bound('acme-1', acme));
  });

  test('is rotated with a token that is good for both', async () => {
    await cli(['set', 'shared', '--streams', 'threats']);
    const run = await cli(['rotate', 'shared'], 'threats-only');
    expect(run).toMatchObject({ code: 1, out: expect.stringMatching(/^also: .*agents/s) });
    expect(secrets().current(idOf('shared'))).toBe(bound('acme-1', acme));
    expect(await cli(['rotate', 'also'], 'acme-2')).toMatchObject({
      code: 0,
      out: expect.stringContaining('shared with shared'),
    });
  });

  test('is not given to an instance of another host, by add, set or import', async () => {
    const added = await cli(['add', 'thief', '--host', hooli, '--secret-id', idOf('shared')], 'hooli-1');
    expect(added).toMatchObject({ code: 1, err: expect.stringContaining('which has another host') });
    await world.collector.addInstance({ instance: 'thief', host: hooli }, 'hooli-1');
    const set = await cli(['set', 'thief', '--secret-id', idOf('shared')]);
    expect(set).toMatchObject({ code: 1, out: expect.stringContaining('is bound to another host') });
    const file = join(folder, 'thief.csv');
    await writeFile(file, `\uFEFFinstance,host,secretId\r\nthief,${hooli},${idOf('shared')}\r\n`);
    const imported = await cli(['import', file, '--apply']);
    expect(imported).toMatchObject({
      code: 1,
      out: expect.stringMatching(/thief +wrong +the secret \S+ is that of \w+ \(usea1-acme/),
    });
    const json = join(folder, 'third.json');
    await writeFile(json, `\uFEFF[{"instance":"third","host":"${acme}","secretId":"${idOf('shared')}"}]`);
    expect(await cli(['import', json])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/third +add .*the secret \S+ is that of \w+ \(usea1-acme/),
    });
    await remove('thief');
  });
});

describe('a secret with the tokens of many consoles', () => {
  const id = idOf('fleet');
  const entries = () => JSON.parse(secrets().current(id) ?? '{}');

  test('is added to, polled from and rotated by key, each token at its own console', async () => {
    const add = (name: string, host: string, token: string) =>
      cli(['add', name, '--host', host, '--secret-id', `${id}#${name}`], token);
    expect(await add('one', acme, 'acme-1')).toMatchObject({ code: 0 });
    expect(await add('two', hooli, 'hooli-1')).toMatchObject({ code: 0 });
    expect(await add('bad', hooli, 'wrong')).toMatchObject({ code: 1 });
    await tick();
    for (const name of ['one', 'two']) expect(await status(name)).toMatchObject({ state: 'ok' });
    expect(await cli(['rotate', 'one'], 'acme-2')).toMatchObject({ code: 0 });
    expect(await cli(['rotate', 'two'], 'wrong')).toMatchObject({ code: 1 });
    expect(entries()).toEqual({
      one: { apiKey: 'acme-2', host: acme },
      two: { apiKey: 'hooli-1', host: hooli },
    });
  });

  test('gives no token to another host, and none without a host', async () => {
    const foreign = await cli(['set', 'one', '--secret-id', `${id}#two`]);
    expect(foreign).toMatchObject({ code: 1 });
    secrets().put(id, JSON.stringify({ ...entries(), bare: { apiKey: 'acme-1' } }));
    for (const key of ['two', 'bare']) {
      await world.collector.addInstance({ instance: 'one', host: acme, secretId: `${id}#${key}` });
      expect(await requestsOf(acme, tick)).toEqual([]);
      expect(await status('one')).toMatchObject({ state: 'misconfigured' });
    }
    await world.collector.addInstance({ instance: 'one', host: acme, secretId: `${id}#one` });
  });

  test('takes many tokens at once, and loses only the one that is removed', async () => {
    const names = ['x', 'y', 'z'];
    const file = join(folder, 'many.json');
    await writeFile(
      file,
      JSON.stringify(names.map((instance) => ({ instance, host: acme, secretId: `${id}#${instance}` }))),
    );
    const tokens = 'x,acme-1\ny,wrong\nz,acme-3\n';
    const run = await cli(['import', file, '--tokens', '-', '--apply'], tokens);
    expect(run).toMatchObject({ code: 1, out: expect.stringContaining('2 instances stored, 1 failed') });
    expect(Object.keys(entries()).sort()).toEqual(['bare', 'one', 'two', 'x', 'z']);
    await remove('x');
    expect(Object.keys(entries()).sort()).toEqual(['bare', 'one', 'two', 'z']);
    for (const name of ['one', 'two', 'z']) await remove(name);
  });
});

describe('another host', () => {
  test('comes with another token, in one step', async () => {
    await world.collector.addInstance({ instance: 'moves', host: acme }, bound('acme-1', acme));
    await tick();
    expect(await status('moves')).toMatchObject({ state: 'ok' });
    expect(await cli(['set', 'moves', '--host', hooli], '')).toMatchObject({ code: 2 });
    expect(await cli(['set', 'moves', '--host', hooli], bound('acme-2', acme))).toMatchObject({ code: 2 });
    expect(await cli(['set', 'moves', '--host', hooli], 'hooli-1')).toMatchObject({ code: 0 });
    expect(secrets().current(idOf('moves'))).toBe(bound('hooli-1', hooli));
    await tick();
    expect(await status('moves')).toMatchObject({ state: 'ok' });
  });

  test('than that of its secret is refused, also by rotate', async () => {
    await world.collector.addInstance({ instance: 'other', host: acme }, bound('hooli-1', hooli));
    expect(await requestsOf(acme, () => tick())).not.toContainEqual(
      expect.objectContaining({ token: 'hooli-1' }),
    );
    expect(await status('other')).toMatchObject({ state: 'misconfigured' });
    const run = await cli(['rotate', 'other'], 'hooli-1');
    expect(run).toMatchObject({ code: 1, err: expect.stringContaining(`is bound to "${hooli}"`) });
    await remove('other');
    await cli(['remove', 'moves', '--yes', '--delete-secret']);
  });

  test('under an old name starts again, and add says so', async () => {
    const run = await cli(['add', 'moves', '--host', acme], 'acme-1');
    expect(run).toMatchObject({ code: 0, out: expect.stringContaining('so it starts again: 24 h before') });
    await cli(['remove', 'moves', '--yes', '--delete-secret']);
    await tick();
    const again = await cli(['add', 'moves', '--host', acme, '--sites', '7'], 'acme-1');
    expect(again.out).toContain('with other filters, so it starts again');
    await remove('moves');
  });

  test.each<[what: string, name: string, before: string, after: string]>([
    ['a token by itself', 'hand', 'acme-1', 'hooli-1'],
    ['JSON without a host', 'json', '{"apiKey":"acme-1"}', '{"apiKey":"hooli-1"}'],
  ])('by hand: neither console sees the other’s token: %s', async (_, name, before, after) => {
    await world.collector.addInstance({ instance: name, host: acme }, before);
    await tick();
    expect(await status(name)).toMatchObject({ state: 'ok' });
    await world.collector.addInstance({ instance: name, host: hooli });
    const requests = await requestsOf(hooli, tick);
    expect(requests).toEqual([]);
    expect(await status(name)).toMatchObject({ state: 'misconfigured' });
    secrets().put(idOf(name), after);
    await tick();
    expect(await status(name)).toMatchObject({ state: 'ok' });
    await remove(name);
  });

  test('during a run: the old host is not sent the new token', async () => {
    await world.collector.addInstance({ instance: 'running', host: acme }, 'acme-1');
    await tick();
    const console = world.consoles.console(acme);
    console.faults = [
      () => {
        console.tokens = [];
        return undefined;
      },
    ];
    const edited = world.collector.addInstance({ instance: 'running', host: hooli }, 'hooli-1');
    await Promise.all([tick(), edited]);
    console.faults = [];
    console.tokens = acmeTokens;
    await tick();
    expect(await status('running')).toMatchObject({ state: 'ok' });
    await remove('running');
  });
});

describe('a secret is read', () => {
  const written: [form: string, value: string | Uint8Array][] = [
    ['behind a BOM', '\uFEFF{"apiKey":"acme-1"}'],
    ['from bytes', Buffer.from('acme-1\n')],
    ['from bytes of UTF-16', Buffer.from('\uFEFFacme-1\r\n', 'utf16le')],
    ['from bytes of UTF-16 of the other byte order', Buffer.from('\uFEFFacme-1', 'utf16le').swap16()],
    ['in quotes', '"acme-1"'],
    ['from a line of a .env file', 'export S1_API_TOKEN="acme-1"\n'],
    ['with its scheme', 'ApiToken acme-1'],
  ];
  test.each(written)('%s', async (_, value) => {
    world.consoles.console(acme).put('activities', activityText(ago(1)));
    secrets().put(idOf('odd'), value);
    await world.collector.addInstance({ instance: 'odd', host: acme, note: String(ticks) });
    await tick();
    expect(await status('odd')).toMatchObject({ state: 'ok' });
  });

  test('and keeps its other keys when it is rotated', async () => {
    secrets().put(idOf('odd'), Buffer.from('\uFEFF{"apiKey":"acme-1","owner":"security"}'));
    expect(await cli(['rotate', 'odd'], '\uFEFF"acme-2"\r\n')).toMatchObject({ code: 0 });
    expect(secrets().current(idOf('odd'))).toBe(bound('acme-2', acme, { owner: 'security' }));
  });

  test('and what is no JSON is not overwritten', async () => {
    const broken = '{"apiKey":"acme-1","owner":"security"';
    secrets().put(idOf('odd'), broken);
    const run = await cli(['rotate', 'odd', '--anyway'], 'acme-2');
    expect(run).toMatchObject({ code: 1, err: expect.stringContaining('JSON that cannot be read') });
    expect(secrets().current(idOf('odd'))).toBe(broken);
    await remove('odd');
  });
});
