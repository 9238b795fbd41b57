import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { resources } from '../../local/aws/template.ts';
import { type LocalFunction, startFunction } from '../../local/lambda/function.ts';
import { startTiles, type Tiles } from '../../local/tiles.ts';
import { ago, threatText } from '../fixtures/records.ts';
import { goodToken, startWorld, type World } from '../support/world.ts';

const hosts = ['usea1-acme.sentinelone.net', 'usea1-initech.sentinelone.net'];
let world: World;

beforeAll(async () => {
  world = await startWorld({ hosts: Object.fromEntries(hosts.map((host) => [host, {}])) });
  world.consoles.console(String(hosts[0])).put('threats', threatText(ago(10)));
  await world.collector.addInstance({ instance: 'acme', host: hosts[0] }, goodToken);
  await world.collector.addInstance({ instance: 'initech', host: hosts[1] }, 'a-wrong-token');
  await world.collector.addInstance({ instance: 'off', host: hosts[1], enabled: false });
  await Promise.all(['threats', 'activities', 'agents'].map((stream) => world.tick(stream)));
});
afterAll(() => world.close());

describe("the widget's function", () => {
  let widget: LocalFunction;
  const lines: string[] = [];

  beforeAll(async () => {
    const { aws } = world.collector;
    const [tables] = [...aws.names.keys()].filter((name) => name.includes('Instances'));
    const [cursors] = [...aws.names.keys()].filter((name) => name.includes('Cursors'));
    widget = await startFunction({
      name: 'tiles',
      code: inject('deployment').code,
      handler: 'widget.handler',
      memoryMb: 512,
      timeoutSeconds: 15,
      environment: {
        COLLECTOR: JSON.stringify({
          instancesTable: tables,
          cursorsTable: cursors,
          ...JSON.parse(String(world.collector.outputs.HealthRules)),
        }),
        ...aws.environment,
      },
      onLine: (line) => lines.push(line),
    });
  });
  afterAll(() => widget.stop());

  const rendered = async (event: object) => String(await widget.invoke(event));

  test('shows every instance as it is, the worst first', async () => {
    const { CursorsTableName: TableName } = world.collector.outputs;
    const forwarder = {
      instance: '#analytics',
      stream: 'forwarder',
      state: 'rate-limited',
      lastError: 'slow down',
    };
    await world.collector.aws.dynamodb.send(new PutItemCommand({ TableName, Item: marshall(forwarder) }));
    const tiles = await rendered({ widgetContext: { theme: 'dark', forms: { all: {} } } });
    expect(tiles).toContain('s1-dark');
    expect(tiles).toMatch(/3 instances/);
    const names = [...tiles.matchAll(/class="s1-name">([^<]+)/g)].map(([, name]) => name);
    expect(names).toEqual(['Forwarder to Analytics', 'initech', 'acme', 'off']);
    expect(tiles).toContain('<code class="s1-command"><bdi>collector rotate initech</bdi></code>');
    expect(tiles).toContain('href="https://usea1-acme.sentinelone.net/"');
    expect(tiles).toContain('usea1-initech.sentinelone.net refuses the token');
    expect(tiles).not.toContain('a-wrong-token');
  });

  test('calls itself again with what stands in the form', async () => {
    const tiles = await rendered({ widgetContext: { forms: { all: { find: 'acme', show: 'green' } } } });
    expect([...tiles.matchAll(/class="s1-name">([^<]+)/g)].map(([, name]) => name)).toEqual(['acme']);
    expect(tiles).toMatch(/<input name="find" value="acme"/);
    expect(tiles).toMatch(
      /<a class="btn">Show<\/a><cwdb-action action="call" display="widget" endpoint="arn:aws:lambda:us-east-1:000000000000:function:tiles">\{\}<\/cwdb-action>/,
    );
  });

  test('lets a chosen count go before the form, and the form before the parameters of the dashboard', async () => {
    const forms = { all: { show: 'green' } };
    const picked = await rendered({ pick: 'red', show: 'grey', widgetContext: { forms } });
    expect(picked).toMatch(/<option value="red" selected>/);
    const formed = await rendered({ show: 'grey', widgetContext: { forms } });
    expect(formed).toMatch(/<option value="green" selected>/);
    expect(await rendered({ show: 'grey' })).toMatch(/<option value="grey" selected>/);
    expect(picked).toContain('{&quot;pick&quot;:&quot;green&quot;}');
    const one = await rendered({
      only: 'initech',
      widgetContext: { forms: { all: { find: 'x', show: 'green' } } },
    });
    expect([...one.matchAll(/class="s1-name">([^<]+)/g)].map(([, name]) => name)).toEqual(['initech', 'off']);
  });

  test('describes itself, and then reads nothing', async () => {
    expect(await rendered({ describe: true })).toMatch(/^## SentinelOne instances\n[\s\S]*### Parameters/);
  });

  test('is told all of its environment by the stack', () => {
    const functions = resources<{ FunctionName: string; Environment: { Variables: object } }>(
      inject('deployment').template,
      'AWS::Lambda::Function',
    );
    const own = functions.find(({ FunctionName }) => FunctionName.endsWith('-tiles'));
    expect(Object.keys(own?.Environment.Variables ?? {})).toEqual(['COLLECTOR', 'POWERTOOLS_SERVICE_NAME']);
    expect(lines).toEqual([]);
  });
});

describe('the tiles of npm start', () => {
  let tiles: Tiles;
  beforeAll(async () => {
    tiles = await startTiles(world.collector);
  });
  afterAll(() => tiles.close());

  /** Of a request that says what it likes of its host. */
  function asked(path: string, host = new URL(tiles.url).host, method = 'GET') {
    const { port } = new URL(tiles.url);
    return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>(
      (resolve, reject) => {
        request({ host: '127.0.0.1', port, path, method, headers: { host } }, async (response) => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: await text(response),
          });
        })
          .once('error', reject)
          .end();
      },
    );
  }

  test('are the same as the widget shows, refreshed by themselves', async () => {
    const { status, body } = await asked('/tiles?show=red');
    expect(status).toBe(200);
    expect(body).toContain('<noscript><meta http-equiv="refresh" content="15"></noscript>');
    expect([...body.matchAll(/class="s1-name">([^<]+)/g)].map(([, name]) => name)).toEqual(['initech']);
    expect(await asked('/')).toMatchObject({ status: 302, headers: { location: '/tiles' } });
  });

  test('are for this machine alone: a name that someone points here gets nothing', async () => {
    for (const host of [
      'evil.example',
      `evil.example:${new URL(tiles.url).port}`,
      '127.0.0.1',
      '127.0.0.1:1',
    ]) {
      const { status, body } = await asked('/tiles', host);
      expect(status, host).toBe(421);
      expect(body).not.toContain('acme');
    }
    expect((await asked('/tiles', `localhost:${new URL(tiles.url).port}`)).status).toBe(200);
  });

  test('change nothing and know no other page', async () => {
    expect((await asked('/tiles', undefined, 'POST')).status).toBe(405);
    expect((await asked('/tiles/../etc/passwd')).status).toBe(404);
    expect((await asked('/tiles.html')).status).toBe(404);
  });

  test('let a browser load and run nothing but their own files', async () => {
    const { headers } = await asked('/tiles');
    const policy = String(headers['content-security-policy']);
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; /);
    expect(policy).toMatch(/style-src 'self' 'sha256-[\w+/=]+'; /);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|data:/);
    expect(headers['x-content-type-options']).toBe('nosniff');
  });
});
