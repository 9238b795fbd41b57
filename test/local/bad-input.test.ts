import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultStreams as streams } from '../../functions/streams/list.ts';
import { type Fault, faultFor, faults } from '../../local/console/faults.ts';
import { activityText, agentText, ago, threatText } from '../fixtures/records.ts';
import { goodToken, startWorld, type World } from '../support/world.ts';

/** One instance each, all polled by the same runs: what is wrong with one must not touch another. */
let world: World;

const sound = 'usea1-sound.sentinelone.net';
const hostOf = (name: string) => `usea1-${name}.sentinelone.net`;

/** What the console does, and the state and words that an operator then gets. */
const answers: Record<string, { fault: Fault; state: string; says: RegExp; remedy: RegExp }> = {
  'too-many-requests': {
    fault: faults.tooManyRequests('3600'),
    state: 'rate-limited',
    says: /429/,
    remedy: /pollingInterval/,
  },
  'server-error': {
    fault: { ...faults.unavailable('3600') },
    state: 'unreachable',
    says: /503/,
    remedy: /status page/,
  },
  'bad-request': {
    fault: {
      answer: { status: 400, headers: {}, body: '{"errors":[{"code":4000010,"title":"Unknown field"}]}' },
    },
    state: 'refused',
    says: /400.*Unknown field/,
    remedy: /siteIds/,
  },
  html: {
    fault: faults.htmlWithStatus200,
    state: 'unreadable',
    says: /GET \/activities, first page from .*HTML/,
    remedy: /proxy or login page/,
  },
  'broken-json': {
    fault: faults.brokenJson,
    state: 'unreadable',
    says: /GET \/activities, first page from .*cut off/,
    remedy: /same page is requested again/,
  },
  'data-missing': { fault: faults.dataMissing, state: 'unreadable', says: /no data/, remedy: /same page/ },
  'data-null': {
    fault: faults.dataNull,
    state: 'unreadable',
    says: /data is not a list/,
    remedy: /same page/,
  },
  redirect: {
    fault: faults.redirected('https://elsewhere.example.com/web/api'),
    state: 'misconfigured',
    says: /^host: .*elsewhere\.example\.com/,
    remedy: /host/,
  },
  reset: {
    fault: faults.reset,
    state: 'unreachable',
    says: /connection broke.*ECONNRESET/,
    remedy: /firewalls/,
  },
};

/** Wrong instance records and secrets; none of them may lead to a request. */
const records: Record<string, { item?: object; secret?: string; says: RegExp }> = {
  'host-with-path': { item: { host: `https://${sound}/login` }, says: /^host: .*path/ },
  'host-with-user': { item: { host: `me@${sound}` }, says: /^host: .*user name/ },
  'host-address': { item: { host: '10.0.0.1' }, says: /^host: .*IP address/ },
  'host-suffix': {
    item: { host: 'usea1-acme.sentinelone.net.example.com' },
    says: /^host: .*\.sentinelone\.net/,
  },
  'host-http': { item: { host: `http://${sound}` }, says: /^host: .*https/ },
  'host-missing': { item: { host: undefined }, says: /^host: is missing/ },
  'look-back-text': { item: { host: sound, lookbackHours: '24' }, says: /^lookbackHours: / },
  'stream-unknown': {
    item: { host: sound, streams: ['threats', 'incidents'] },
    says: /^streams: .*threats, activities, agents/,
  },
  'secret-missing': {
    item: { host: sound, secretId: 'signal-client/sentinelone/no-such-secret' },
    says: /^secretId: .*no-such-secret does not exist/,
  },
  'secret-empty': { item: { host: sound }, secret: ' ', says: /^secretId: .*is empty/ },
  'secret-without-key': {
    item: { host: sound },
    secret: '{"token":"hidden-value"}',
    says: /^secretId: .*without apiKey/,
  },
};

const unreadableCursor = { schemaVersion: 99, position: 'from a newer version' };

beforeAll(async () => {
  const hosts = Object.fromEntries(
    [...Object.keys(answers), 'unauthorized', 'forbidden', 'hidden-forbidden', 'cursor'].map((name) => [
      hostOf(name),
      {},
    ]),
  );
  world = await startWorld({ hosts: { ...hosts, [hostOf('tls')]: { trusted: false }, [sound]: {} } });
  const { collector, consoles } = world;
  const add = (instance: string, item: object = {}, secret = goodToken) =>
    collector.addInstance(JSON.parse(JSON.stringify({ instance, host: hostOf(instance), ...item })), secret);

  for (const [name, { fault }] of Object.entries(answers)) {
    consoles.console(hostOf(name)).put('activities', activityText(ago(20)));
    consoles.console(hostOf(name)).put('threats', threatText(ago(20)));
    consoles.console(hostOf(name)).faults.push(faultFor({ path: '/activities' }, fault));
    await add(name);
  }
  for (const [name, { item, secret }] of Object.entries(records)) await add(name, item, secret);
  consoles.console(hostOf('forbidden')).tokens = [
    { token: goodToken, permissions: ['Threats.view', 'Endpoints.view'] },
  ];
  consoles.console(hostOf('hidden-forbidden')).tokens = [
    { token: goodToken, permissions: ['Threats.view', 'Endpoints.view'], missingPermissionStatus: 401 },
  ];
  for (const name of ['forbidden', 'hidden-forbidden', 'tls', 'cursor']) await add(name);
  await add('unauthorized', {}, 'a-wrong-token');
  await add('nowhere', { host: 'usea1-nowhere.sentinelone.net' });
  await add('sound', { host: sound });
  consoles.console(sound).put('activities', activityText(ago(20)));
  consoles.console(sound).put('threats', threatText(ago(20)));
  consoles.console(sound).put('agents', agentText(ago(20)));
  await collector.aws.dynamodb.send(
    new PutItemCommand({
      TableName: cursorsTable(),
      Item: marshall({
        instance: 'cursor',
        stream: 'activities',
        firstSeenAt: '2026-01-01T00:00:00.000000Z',
        cursor: unreadableCursor,
      }),
    }),
  );
  for (const { name } of streams) await world.tick(name);
});
afterAll(() => world.close());

function cursorsTable(): string {
  return [...world.collector.aws.names.values()].find((name) => /Cursors/.test(name)) ?? '';
}

async function storedCursor(instance: string, stream: string): Promise<unknown> {
  const { Item } = await world.collector.aws.dynamodb.send(
    new GetItemCommand({ TableName: cursorsTable(), Key: marshall({ instance, stream }) }),
  );
  return Item?.cursor;
}

describe('what a console answers', () => {
  test.each(Object.entries(answers))(
    '%s has its own state, words and remedy',
    async (name, { state, says, remedy }) => {
      const status = await world.status(name, 'activities');
      expect(status).toMatchObject({ state, failures: 1, lastCount: 0 });
      expect(status.lastError).toMatch(says);
      expect(status.remedy).toMatch(remedy);
      expect(status.lastSuccessAt).toBeUndefined();
    },
  );

  test.each(Object.keys(answers))(
    '%s moves no cursor, and the other streams of its instance go on',
    async (name) => {
      expect(await storedCursor(name, 'activities')).toBeUndefined();
      expect(await world.status(name, 'threats')).toMatchObject({ state: 'ok', lastCount: 1 });
    },
  );

  test('a wrong token is unauthorized for every stream, after one question to /system/info', async () => {
    for (const { name } of streams) {
      expect(await world.status('unauthorized', name)).toMatchObject({
        state: 'unauthorized',
        remedy: expect.stringMatching(/new token/),
      });
    }
    const paths = world.consoles
      .console(hostOf('unauthorized'))
      .requests.map(({ path }) => path)
      .sort();
    expect(paths).toEqual([
      '/activities',
      '/agents',
      '/system/info',
      '/system/info',
      '/system/info',
      '/threats',
    ]);
  });

  test.each(['forbidden', 'hidden-forbidden'])(
    'a missing permission is named, and only its stream stops: %s',
    async (name) => {
      expect(await world.status(name, 'activities')).toMatchObject({
        state: 'forbidden',
        remedy: expect.stringContaining('Activity Page.view'),
      });
      expect(await world.status(name, 'threats')).toMatchObject({ state: 'ok' });
      expect(await world.status(name, 'agents')).toMatchObject({ state: 'ok' });
    },
  );

  test('a certificate that nobody trusts is a TLS failure', async () => {
    const status = await world.status('tls', 'threats');
    expect(status).toMatchObject({
      state: 'unreachable',
      remedy: expect.stringMatching(/NODE_EXTRA_CA_CERTS/),
    });
  });

  test('a host that leads nowhere is unreachable', async () => {
    expect(await world.status('nowhere', 'threats')).toMatchObject({
      state: 'unreachable',
      remedy: expect.stringMatching(/proxy/),
    });
  });
});

describe('what an operator writes', () => {
  test.each(Object.entries(records))(
    '%s is misconfigured, names the attribute, and makes no request',
    async (name, { says }) => {
      for (const { name: stream } of streams) {
        const status = await world.status(name, stream);
        expect(status.state).toBe('misconfigured');
        expect(status.lastError).toMatch(says);
        expect(status.remedy).toMatch(/\./);
      }
      expect(world.lines.filter((line) => line.includes('hidden-value'))).toEqual([]);
    },
  );

  test('none of them was connected to, and nobody but the known consoles', () => {
    const strangers = world.consoles.connects.filter(({ admitted }) => !admitted).map(({ target }) => target);
    expect(new Set(strangers)).toEqual(new Set(['usea1-nowhere.sentinelone.net:443']));
    const { requests } = world.consoles.console(sound);
    const pages = requests.filter(({ method, query }) => method === 'GET' && query.countOnly === undefined);
    expect(pages).toHaveLength(streams.length);
  });

  test('each gets a log line at level ERROR with the attribute and what to do', () => {
    for (const name of Object.keys(records)) {
      const line = world.log.find(({ level, instance }) => level === 'ERROR' && instance === name);
      expect(line?.message).toMatch(/^sentinelone: \w+ of .* misconfigured: \w+: .+\. .+/);
    }
  });
});

describe('a cursor item that can not be read', () => {
  test('says so in its status, and is not overwritten', async () => {
    const status = await world.status('cursor', 'activities');
    expect(status).toMatchObject({
      state: 'unreadable',
      lastError: expect.stringContaining('schemaVersion'),
    });
    expect(await storedCursor('cursor', 'activities')).toEqual(
      marshall({ unreadableCursor }).unreadableCursor,
    );
  });

  test('leaves the other streams of the instance alone', async () => {
    expect(await world.status('cursor', 'threats')).toMatchObject({ state: 'ok' });
  });
});

describe('the others', () => {
  test('an instance that is sound is polled as if it were alone', async () => {
    for (const { name } of streams)
      expect(await world.status('sound', name)).toMatchObject({ state: 'ok', lastCount: 1 });
    const artifacts = await world.artifacts();
    expect(artifacts.filter(({ metadata }) => metadata.instance === 'sound')).toHaveLength(3);
  });

  test('no token is in anything that the functions print', () => {
    expect(world.lines.filter((line) => line.includes(goodToken) || line.includes('a-wrong-token'))).toEqual(
      [],
    );
  });
});

describe('when it is mended', () => {
  test('the next tick collects what was waiting, from the same start', async () => {
    for (const name of Object.keys(answers)) world.consoles.console(hostOf(name)).faults = [];
    await world.tick('activities', 60 * 24);
    for (const name of Object.keys(answers)) {
      expect(await world.status(name, 'activities')).toMatchObject({
        state: 'ok',
        lastCount: 1,
        failures: 0,
      });
    }
  });
});
