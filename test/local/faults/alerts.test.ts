import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CheckReport } from '../../../functions/console/check/check.ts';
import { synthesise } from '../../../infra/synth.ts';
import { type Fault, faultFor, faults } from '../../../local/console/faults.ts';
import type { GraphqlOptions } from '../../../local/console/graphql/graphql.ts';
import { announceWorld, ended } from '../../support/cli.ts';
import { goodToken, startWorld, type World } from '../../support/world.ts';
import { type Stage, startStage } from './stage.ts';

const path = '/unifiedalerts/graphql';
const names = [
  ...[
    'drain',
    'bytes',
    'refused',
    'error',
    'html',
    'empty',
    'repeated',
    'missing',
    'lacks',
    'ranges',
    'choices',
  ],
  ...[
    'small',
    'optin',
    'role',
    'absent',
    'partial',
    'quiet',
    'norules',
    'siteuser',
    'rules',
    'broken',
    'bad-request',
    'one-error',
    'plain-text',
  ],
] as const;
type Name = (typeof names)[number];

const outdir = mkdtempSync(join(tmpdir(), 'alerts-'));
let stage: Stage;

beforeAll(async () => {
  const deployment = synthesise({ optionalStreams: ['alerts', 'rule-alerts'] }, outdir);
  stage = await startStage(names, { deployment, overrides: { hoursPerPoll: 0 } });
});
afterAll(async () => {
  await stage?.world.close();
  rmSync(outdir, { recursive: true, force: true });
});
beforeEach(() => stage.clear());

const begin = Date.now() - 20 * 3_600_000;
const timeOf = (ms: number) => new Date(begin + ms).toISOString();
const nodeText = (id: string, ms: number, more: object = {}) =>
  JSON.stringify({ id, name: `alert ${id}`, createdAt: timeOf(0), updatedAt: timeOf(ms), ...more });

const add = async (name: Name, stream = 'alerts', graphql: GraphqlOptions = {}) => {
  const console = await stage.add(name, { streams: [stream] });
  console.graphql = graphql;
  console.requests.length = 0;
  return console;
};
const filled = async (name: Name, count: number, graphql: GraphqlOptions = {}) => {
  const console = await add(name, 'alerts', graphql);
  const texts = Array.from({ length: count }, (_, i) => nodeText(`${name}-${String(i).padStart(6, '0')}`, i));
  for (const text of texts) console.put('alerts', text);
  return { console, texts };
};
const raws = async (name: Name) => (await stage.delivered(name)).map(({ raw }) => raw).sort();
const status = (name: Name, stream = 'alerts') => stage.world.status(name, stream);
const requests = (name: Name) =>
  stage.console(name).requests.filter((request) => request.path.startsWith(path));
const answers = (body: string): Fault => ({
  answer: { status: 200, headers: { 'content-type': 'application/json' }, body },
});
const refuses = (message: string, more: object = {}) =>
  answers(JSON.stringify({ errors: [{ message, ...more }], data: null }));

test('20,000 alerts with 1,500 ties at the edge of a page, 40 of them changed while they are read and three runs killed, arrive once each in their current version', async () => {
  const console = await add('drain');
  const current = new Map<string, string>();
  const put = (id: string, ms: number, more = {}) => {
    current.set(id, nodeText(id, ms, more));
    console.put('alerts', current.get(id) ?? '');
  };
  const tied = 1_500;
  for (let i = 0; i < 20_000; i++) {
    const id = `00000000-0000-7000-8000-${String((i * 7919) % 20_000).padStart(12, '0')}`;
    put(id, i < 5_250 ? i : Math.max(5_250, i - tied + 1));
  }
  const changing = [...current.keys()].filter((_, i) => i % 500 === 3);
  let pages = 0;
  const killAt = new Set([7, 12, 30]);
  console.faults.push((request) => {
    if (request.path !== path) return undefined;
    pages += 1;
    const id = changing[pages - 1];
    if (id !== undefined) put(id, 3_600_000 + pages, { status: 'RESOLVED' });
    if (!killAt.delete(pages)) return undefined;
    stage.kill('alerts');
    return faults.hang;
  });
  let kills = 0;
  for (let run = 0; run < 8; run++) {
    const survived = await stage.tick('alerts').then(
      () => true,
      () => false,
    );
    if (!survived) kills += 1;
    await stage.lapseClaim('drain', 'alerts');
  }
  expect(kills).toBe(3);
  expect(pages).toBeGreaterThan(40);
  const times = new Map<string, number>();
  for (const raw of await raws('drain')) times.set(raw, (times.get(raw) ?? 0) + 1);
  expect([...current.values()].filter((text) => !times.has(text))).toEqual([]);
  expect(await status('drain')).toMatchObject({ state: 'ok' });
  // What was in flight when a run was killed comes again, with the same id: a page each.
  const repeats = [...current.values()].reduce((sum, text) => sum + (times.get(text) ?? 0) - 1, 0);
  expect(repeats).toBeLessThanOrEqual(3 * 500);
  const ids = (await stage.delivered('drain')).map(({ metadata }) => metadata.id);
  expect(new Set(ids).size).toBe(times.size);
}, 240_000);

test('raw is the node’s own bytes: spaces, escapes, 18 digits, U+FFFF', async () => {
  const console = await add('bytes');
  const texts = [
    `{ "id" : "a",\t"updatedAt":"${timeOf(1)}", "externalId":123456789012345678, "ticketId":1.50e+2 }`,
    `{"updatedAt":"${timeOf(2)}","id":"b","description":"\\u00e4\\/ \uffff {[\\"]} 佐藤"}`,
    `{"id":"c","updatedAt":"${timeOf(3)}",\n "externalId":"2169876543210987654","detectionSource":{"product":"EDR"}}`,
  ];
  for (const text of texts) console.put('alerts', text);
  await stage.tick('alerts');
  const artifacts = await stage.delivered('bytes');
  expect(artifacts.map(({ raw }) => raw)).toEqual(texts);
  expect(artifacts.map(({ metadata }) => metadata.recordId)).toEqual(['a', 'b', 'c']);
  expect(artifacts[2]?.metadata).toMatchObject({ threatId: '2169876543210987654', detectionProduct: 'EDR' });
});

test('a quiet poll is one request', async () => {
  await filled('quiet', 1);
  await stage.tick('alerts');
  const before = requests('quiet').length;
  await stage.tick('alerts');
  expect(requests('quiet').length - before).toBe(1);
});

describe('what goes wrong loses nothing', () => {
  const passing: [name: Name, fault: Fault, match: { page?: 'first' | 'later'; times?: number }][] = [
    ['refused', refuses('Invalid cursor'), { page: 'later', times: 1 }],
    ['bad-request', faults.refusedPageToken, { page: 'later', times: 1 }],
    ['error', refuses('Internal server error', { extensions: { classification: 'INTERNAL' } }), { times: 1 }],
    ['html', faults.page(429, 'Too Many Requests'), { times: 1 }],
    [
      'empty',
      answers('{"data":{"alerts":{"pageInfo":{"hasNextPage":true,"endCursor":null},"edges":[]}}}'),
      { page: 'later', times: 1 },
    ],
    ['broken', answers('{"data":{"alerts":{"pageInfo":{"hasNextPage":true'), { times: 1 }],
    [
      'one-error',
      answers(
        '{"errors":{"message":"Internal error"},"data":{"alerts":{"pageInfo":{"hasNextPage":false},"edges":[]}}}',
      ),
      { times: 1 },
    ],
    ['plain-text', { headers: { 'content-type': 'text/plain' } }, {}],
  ];

  test.each(passing)('%s', async (name, fault, match) => {
    const { console, texts } = await filled(name, 1_200);
    console.faults.push(faultFor({ path, ...match }, fault));
    for (let run = 0; run < 3; run++) await stage.tick('alerts');
    expect(await raws(name)).toEqual(texts);
    expect(await status(name)).toMatchObject({ state: 'ok' });
  });

  test.each([
    ['repeated', (cursor: string) => JSON.stringify(cursor)],
    ['missing', () => 'null'],
  ] as const)('a page token that is %s', async (name, cursorOf) => {
    const { console, texts } = await filled(name, 1_200);
    console.faults.push((request) => {
      const { cursor } = request.query;
      if (request.path !== path || cursor === undefined || console.faults.length > 1) return undefined;
      console.faults.push(() => undefined);
      const edges = texts.slice(500, 1_000).map((text) => `{"node":${text}}`);
      const body = `{"data":{"alerts":{"pageInfo":{"hasNextPage":true,"endCursor":${cursorOf(cursor)}},"edges":[${edges}]}}}`;
      return answers(body);
    });
    for (let run = 0; run < 3; run++) await stage.tick('alerts');
    expect(await raws(name)).toEqual(texts);
    expect(await status(name)).toMatchObject({ state: 'ok' });
  });

  test('an error of one node', async () => {
    const { console, texts } = await filled('partial', 20);
    const bad = texts[7] ?? '';
    console.faults.push((request) => {
      const { cursor, limit = '500' } = request.query;
      if (request.path !== path) return undefined;
      const from = cursor === undefined ? 0 : Number(cursor);
      const page = texts.slice(from, from + Number(limit));
      const at = page.indexOf(bad);
      const errors =
        at < 0
          ? []
          : [{ message: 'Exception while fetching data', path: ['alerts', 'edges', at, 'node', 'assets'] }];
      const pageInfo = {
        hasNextPage: from + page.length < texts.length,
        endCursor: String(from + page.length),
      };
      const edges = page.map((text) => `{"node":${text}}`);
      return answers(
        `{"errors":${JSON.stringify(errors)},"data":{"alerts":{"pageInfo":${JSON.stringify(pageInfo)},"edges":[${edges}]}}}`,
      );
    });
    await stage.tick('alerts');
    expect(await raws('partial')).toEqual(texts);
    expect(await status('partial')).toMatchObject({ state: 'ok' });
  });
});

describe('a schema of another version', () => {
  test('is asked without the fields that it lacks, for a day, and the status says which', async () => {
    const { texts } = await filled('lacks', 3, {
      lacks: ['Alert.ticketId', 'Indicator.title', 'Alert.aiInvestigation'],
    });
    await stage.tick('alerts');
    expect(await raws('lacks')).toEqual(texts);
    const { learned } = await status('lacks');
    expect(learned?.leftOut.toSorted()).toEqual(['aiInvestigation', 'indicators.title', 'ticketId']);
    const before = requests('lacks').length;
    await stage.tick('alerts');
    expect(requests('lacks').length - before).toBe(1);
  });

  test.each([
    ['ranges', { spelling: 'ranges from and to' }],
    ['choices', { spelling: 'choices and lists', words: 'javascript' }],
  ] as const)('that spells %s otherwise is read once', async (name, graphql) => {
    const { texts } = await filled(name, 1_200, graphql);
    for (let run = 0; run < 3; run++) await stage.tick('alerts');
    expect(await raws(name)).toEqual(texts);
    const paths = requests(name).map((request) => request.path);
    expect(paths.filter((one) => one.endsWith('/schema'))).toHaveLength(1);
    expect(await status(name)).toMatchObject({ state: 'ok' });
  });

  test('with smaller pages is asked for half as many until it takes them', async () => {
    const { texts } = await filled('small', 300, { mostNodes: 100 });
    for (let run = 0; run < 2; run++) await stage.tick('alerts');
    expect(await raws('small')).toEqual(texts);
    const limits = requests('small').map(({ query }) => Number(query.limit));
    expect(limits.slice(0, 4)).toEqual([500, 250, 125, 62]);
  });
});

describe('a console that does not have them', () => {
  test('because nobody opted in is grey, says what to switch on, and is asked once a day', async () => {
    await add('optin', 'alerts', { optedIn: false });
    await stage.tick('alerts');
    expect(await status('optin')).toMatchObject({
      state: 'not-licensed',
      remedy: /Singularity Operations Center/,
    });
    const before = requests('optin').length;
    await stage.tick('alerts', 5);
    expect(requests('optin').length).toBe(before);
  });

  test('because its version has no such API is grey as well', async () => {
    const console = await add('absent');
    console.faults.push(
      faultFor(
        { path },
        {
          answer: {
            status: 404,
            headers: { 'content-type': 'application/json' },
            body: '{"errors":[{"code":4040010,"title":"Resource not found"}]}',
          },
        },
      ),
    );
    await stage.tick('alerts');
    expect(await status('absent')).toMatchObject({ state: 'not-licensed' });
  });

  test('because of the token’s role is an error of the role', async () => {
    const console = await add('role');
    console.faults.push(faultFor({ path }, faults.forbidden));
    await stage.tick('alerts');
    expect(await status('role')).toMatchObject({
      state: 'forbidden',
      remedy: expect.stringContaining('Unified Alerts → View'),
    });
  });

  test.each([
    ['norules', 'This scope does not have Custom Rules enabled.'],
    ['siteuser', 'Action is not allowed to site users'],
  ] as const)('rule alerts: %s', async (name, words) => {
    const console = await add(name, 'rule-alerts');
    console.faults.push(faultFor({ path: '/cloud-detection/alerts' }, faults.denied(words)));
    await stage.tick('rule-alerts');
    expect(await status(name, 'rule-alerts')).toMatchObject({ state: 'not-licensed' });
  });
});

test('rule alerts are sorted by another name than they are filtered by, and arrive once', async () => {
  const console = await add('rules', 'rule-alerts');
  const texts = Array.from({ length: 1_500 }, (_, i) => {
    const alertInfo = {
      alertId: String(2_200_000_000_000_000_000n + BigInt(i)),
      createdAt: timeOf(i).replace('Z', '123Z'),
    };
    return JSON.stringify({ alertInfo, ruleInfo: { name: 'r' } });
  });
  for (const text of texts) console.put('rule-alerts', text);
  for (let run = 0; run < 2; run++) await stage.tick('rule-alerts');
  expect(await raws('rules')).toEqual(texts.toSorted());
  const [first] = console.requests.filter((request) => request.path === '/cloud-detection/alerts');
  expect(first?.query).toMatchObject({ sortBy: 'alertInfoCreatedAt', createdAt__gte: expect.any(String) });
});

describe('what a console has that is not collected', () => {
  let world: World;
  const [host, without, spelled] = ['coverage', 'without', 'spelled'].map(
    (name) => `usea1-${name}.sentinelone.net`,
  ) as [string, string, string];
  const check = (name: string) =>
    world.collector.functions
      .get('operator')
      ?.invoke({ action: 'check', askedBy: 'test', of: name }) as Promise<CheckReport>;

  beforeAll(async () => {
    const deployment = synthesise({ optionalStreams: ['alerts', 'rule-alerts'] }, join(outdir, 'coverage'));
    const otherwise: GraphqlOptions = {
      spelling: 'ranges from and to',
      lacks: ['Query.alertsViewDataAvailability'],
    };
    const hosts = {
      [host]: {},
      [without]: { graphql: { optedIn: false } },
      [spelled]: { graphql: otherwise },
    };
    world = await startWorld({ hosts, deployment, overrides: { coverageMs: 60_000, hoursPerPoll: 0 } });
    const console = world.consoles.console(host);
    const product = (product: string) => ({ detectionSource: { product } });
    for (const i of [0, 1, 2])
      for (const one of [console, world.consoles.console(spelled)])
        one.put('alerts', nodeText(`a${i}`, i, product(i === 0 ? 'Identity' : 'STAR')));
    for (let i = 0; i < 5; i++)
      console.put(
        'rule-alerts',
        JSON.stringify({ alertInfo: { alertId: String(i + 1), createdAt: timeOf(i) } }),
      );
    for (let i = 0; i < 4; i++)
      console.put(
        'activities',
        JSON.stringify({ id: String(i + 1), createdAt: timeOf(i), activityType: 27 }),
        {
          hidden: i < 2,
        },
      );
    await world.collector.addInstance({ instance: 'coverage', host }, goodToken);
    await world.collector.addInstance({ instance: 'spelled', host: spelled }, goodToken);
    await world.collector.addInstance(
      { instance: 'without', host: without, streams: ['threats', 'alerts'] },
      goodToken,
    );
  });
  afterAll(() => world?.close());

  test('is counted once a day by four requests, and the numbers are the console’s', async () => {
    const { requests } = world.consoles.console(host);
    const counting = () =>
      requests.filter(({ path: one }) => one !== '/threats' && one !== '/users/api-token-details');
    await world.tick('threats');
    expect(counting()).toEqual([]);
    await world.tick('threats', 5);
    expect((await world.status('coverage', 'threats')).coverage).toMatchObject({
      alerts: 3,
      ruleAlerts: 5,
      hiddenActivities: 2,
      views: ['IDENTITY', 'STAR'],
    });
    expect(counting().map(({ method, path: one }) => `${method} ${one}`)).toEqual([
      `POST ${path}`,
      'GET /cloud-detection/alerts',
      'GET /activities',
      'GET /activities',
    ]);
    await world.tick('threats', 10);
    expect(counting()).toHaveLength(4);
  });

  test('is in a table of the command line, whose numbers are the console’s', async () => {
    const home = mkdtempSync(join(tmpdir(), 'coverage-'));
    const cli = await announceWorld(world, home);
    const { code, out } = await ended(cli(['status', '--coverage', 'coverage']));
    const [head, row, ...below] = out.split('\n').map((line) => line.trim().split(/ {2,}/));
    expect(head).toEqual([
      'INSTANCE',
      ...['ALERTS', 'RULE ALERTS', 'HIDDEN ACTIVITIES', 'VIEWS WITH DATA', 'COUNTED'],
    ]);
    const console = world.consoles.console(host);
    const counts = ['alerts', 'rule-alerts'].map((stream) => String(console.texts(stream).length));
    expect(row).toEqual(['coverage', ...counts, '2', 'IDENTITY STAR', expect.stringMatching(/ago|now/)]);
    expect(below.flat().slice(0, 2)).toEqual([
      '→ 3 alerts of the last 30 days (IDENTITY, STAR) are not collected: collector set coverage --streams +alerts',
      '→ 5 rule alerts of the last 30 days are not collected: collector set coverage --streams +alerts',
    ]);
    expect(code).toBe(0);
    const others = await ended(cli(['status', '--coverage', 'without']));
    expect(others.out).toMatch(/^ *without +- +0 +0 +- /m);
    rmSync(home, { recursive: true });
  });

  test('is counted as well where the schema spells ranges otherwise, and lacks the views', async () => {
    const { requests } = world.consoles.console(spelled);
    const { alerts, views } = (await world.status('spelled', 'threats')).coverage ?? {};
    expect({ alerts, views }).toEqual({ alerts: 3, views: [] });
    expect(requests.filter((request) => request.path.startsWith(path)).length).toBeLessThan(5);
  });

  test('is in a check, which says as well what is missing where nobody opted in', async () => {
    const { good, findings } = await check('coverage');
    expect(good).toBe(true);
    expect(findings.filter(({ what }) => what === 'coverage').map(({ detail }) => detail)).toEqual([
      '3 alerts of the last 30 days (IDENTITY, STAR) are not collected',
      '5 rule alerts of the last 30 days are not collected',
    ]);
    const missing = (await check('without')).findings.find(({ what }) => what === 'alerts');
    expect(missing).toMatchObject({
      outcome: 'warning',
      detail: expect.stringContaining('has no licence for alerts'),
      remedy: expect.stringContaining('Opt in to the Singularity Operations Center'),
    });
  });

  test('has names for types of activities, which are requested once a day and go to no other console’s', async () => {
    const asked = (of: string) =>
      world.consoles.console(of).requests.filter((request) => request.path === '/activities/types');
    const put = (of: string, id: string) =>
      world.consoles
        .console(of)
        .put('activities', JSON.stringify({ id, createdAt: new Date().toISOString(), activityType: 6001 }));
    const named = async (id: string) =>
      (await world.artifacts())
        .filter(({ metadata }) => metadata.recordId === id)
        .map(({ metadata }) => metadata.activityTypeName);
    world.consoles.console(host).activityTypes = [{ id: 6001, action: 'Something\u202e new' }];
    world.consoles.console(spelled).activityTypes = [{ id: 6001, action: 'Something else' }];
    await world.tick('activities');
    expect(asked(host)).toEqual([]);
    for (const of of [host, spelled]) put(of, of === host ? '51' : '52');
    await world.tick('activities', 10);
    expect([await named('51'), await named('52')]).toEqual([['Something new'], ['Something else']]);
    put(host, '53');
    await world.tick('activities', 20);
    expect(await named('53')).toEqual(['Something new']);
    expect([host, spelled].map((of) => asked(of).length)).toEqual([1, 1]);
  });
});
