import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { faults } from '../../local/console/faults.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { activityText, agentText, ago, threatText } from '../fixtures/records.ts';
import { jwt } from '../fixtures/tokens.ts';
import { announceWorld, type Ended, ended, spawnCli } from '../support/cli.ts';
import { goodToken, startWorld, type World } from '../support/world.ts';

const { version } = packageJson;

const host = 'usea1-hooli.sentinelone.net';
const broken = 'usea1-broken.sentinelone.net';
const untrusted = 'usea1-untrusted.sentinelone.net';
const expired = jwt({ sub: 'service-user', exp: Date.parse('2026-02-03T04:05:06Z') / 1000 });

let world: World;
let folder: string;
let cli: (args: readonly string[], input?: string) => Promise<Ended>;

beforeAll(async () => {
  world = await startWorld({
    hosts: {
      [host]: {
        tokens: [
          { token: goodToken },
          { token: 'no-agents', permissions: ['Threats.view', 'Activity Page.view'] },
        ],
      },
      [broken]: {},
      [untrusted]: { trusted: false },
      'usea1-acme.sentinelone.net': {},
      ...Object.fromEntries(
        Array.from({ length: 12 }, (_, i) => [
          `usea1-bulk-${String(i).padStart(2, '0')}.sentinelone.net`,
          { tokens: [{ token: goodToken }, { token: 'another' }] },
        ]),
      ),
    },
  });
  world.consoles.console(broken).faults = [() => faults.badGateway];
  folder = await mkdtemp(join(tmpdir(), 'cli-'));
  const spawned = await announceWorld(world, folder);
  cli = (...asked) => ended(spawned(...asked));
  await world.collector.addInstance({ instance: 'acme', host: 'usea1-acme.sentinelone.net' }, goodToken);
});
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

const records = async () => (await cli(['list', '--json'])).out;

describe('what an operator gets to read', () => {
  const replayFrom = (from: string) =>
    ['replay', 'acme', '--stream', 'threats', '--from', from, '--to', '2026-03-03'] as const;
  const cases: [file: string, code: number, args: readonly string[], input?: string][] = [
    ['wrong-token', 1, ['add', 'hooli', '--host', host], 'a-token-of-somebody-else'],
    ['expired-token', 1, ['add', 'hooli', '--host', host], expired],
    ['missing-permission', 1, ['add', 'hooli', '--host', host], 'no-agents'],
    ['wrong-host', 1, ['add', 'hooli', '--host', 'hooli.example.com'], goodToken],
    [
      'address-of-a-browser',
      1,
      ['add', 'hooli', '--host', `https://${host}/dashboard?page=1`],
      'a-wrong-token',
    ],
    ['wrong-host-of-a-test', 1, ['test', '--host', 'hooli.example.com'], goodToken],
    ['wrong-token-of-a-test', 3, ['test', '--host', host], 'a-wrong-token'],
    ['wrong-new-token', 1, ['rotate', 'acme'], 'a-wrong-token'],
    ['wrong-sites', 1, ['set', 'acme', '--sites', 'headquarters']],
    ['two-hosts', 2, ['set', 'acme', 'acme', '--host', host]],
    ['unknown-command', 2, ['stats']],
    ['no-name', 2, ['rotate']],
    ['unreachable-console', 1, ['add', 'hooli', '--host', broken], goodToken],
    ['untrusted-certificate', 1, ['add', 'hooli', '--host', untrusted], goodToken],
    ['unknown-console', 1, ['add', 'hooli', '--host', 'usea1-nowhere.sentinelone.net'], goodToken],
    ['taken-name', 1, ['add', 'acme', '--host', host], goodToken],
    ['collected-already', 1, ['add', 'acme-2', '--host', 'usea1-acme.sentinelone.net'], goodToken],
    ['no-token', 2, ['add', 'hooli', '--host', host], '\n'],
    ['wrong-interval', 1, ['add', 'hooli', '--host', host, '--interval', '0'], goodToken],
    ['wrong-name', 1, ['add', 'Hooli', '--host', host], goodToken],
    ['no-such-instance', 1, ['rotate', 'acm'], goodToken],
    ['token-as-an-argument', 2, ['add', 'hooli', '--host', host, '--token=oh-no'], ''],
    ['replay-without-times', 2, ['replay', 'acme', '--stream', 'threats'], ''],
    ['replay-of-a-day-that-is-none', 2, replayFrom('2026-02-30')],
    ['replay-of-a-time-that-is-none', 2, replayFrom('2026-03-02T25:00:00Z')],
    ['remove-unasked', 2, ['remove', 'acme'], ''],
  ];
  test.for(cases)('%s', { timeout: 60_000 }, async ([file, code, args, input]) => {
    const run = await cli(args, input);
    const said = `${run.out}${run.err}`
      .replace(/SentinelOneCollector-\w+/g, 'SentinelOneCollector-STREAM')
      .replace(/answers in \d+ ms/g, 'answers in N ms')
      .replace(/clock skew \d+ s/g, 'clock skew N s');
    expect(said).toBe(
      await readFile(join(import.meta.dirname, '..', 'cli', 'golden', `${file}.txt`), 'utf8'),
    );
    expect(run.code).toBe(code);
  });

  test('and nothing of all that is kept', async () => {
    expect(JSON.parse(await records()).map(({ instance }: { instance: string }) => instance)).toEqual([
      'acme',
    ]);
    expect(world.collector.aws.secrets.current('signal-client/sentinelone/hooli')).toBeUndefined();
  });
});

describe('an instance', () => {
  test('that has something wrong with it is added --anyway', async () => {
    const run = await cli(
      ['add', 'partly', '--host', host, '--anyway', '--another-scope', '--json'],
      'no-agents',
    );
    expect(run.code).toBe(0);
    expect(JSON.parse(run.out)).toMatchObject({ added: true, good: false });
    expect((await cli(['status', 'partly', '--wait', '60', '--json'])).code).toBe(3);
    const status = JSON.parse((await cli(['status', 'partly', '--json'])).out);
    expect(status[0]).toMatchObject({ light: 'red', worst: { stream: 'agents', word: 'forbidden' } });
    const changes = async () => JSON.parse((await cli(['history', 'partly', '--json'])).out);
    expect(await changes()).not.toEqual([]);
    const removed = await cli([
      'remove',
      'partly',
      ...['--yes', '--delete-secret', '--delete-cursors', '--json'],
    ]);
    expect(JSON.parse(removed.out).ledgerItemsDeleted).toBeGreaterThan(0);
    // One of the same name that is added later has no history of the old one.
    await world.collector.addInstance({ instance: 'partly', host }, goodToken);
    expect(await changes()).toEqual([]);
    await cli(['remove', 'partly', '--yes', '--delete-secret', '--delete-cursors']);
  });

  test('keeps its token where the new one is no good', async () => {
    const before = world.collector.aws.secrets.current('signal-client/sentinelone/acme');
    const run = await cli(['rotate', 'acme', '--json'], 'a-token-of-somebody-else');
    expect(run.code).toBe(1);
    expect(JSON.parse(run.out)).toMatchObject({ rotated: false, good: false });
    expect(world.collector.aws.secrets.current('signal-client/sentinelone/acme')).toBe(before);
  });

  test('keeps the form of its secret when it gets another token, which nobody is told', async () => {
    const id = 'signal-client/sentinelone/json';
    const value = (apiKey: string, more = {}) =>
      JSON.stringify({ owner: 'security', apiKey, account: { id: 7 }, ...more });
    await world.collector.addInstance({ instance: 'json', host }, value('old-token'));
    const run = await cli(['rotate', 'json'], `${goodToken}\n`);
    expect(run).toMatchObject({ code: 0, err: '' });
    expect(world.collector.aws.secrets.current(id)).toBe(value(goodToken, { host }));
    expect(run.out).not.toMatch(/a-good-token|old-token|security/);
    await cli(['remove', 'json', '--yes', '--delete-secret', '--delete-cursors']);
  });

  test('is changed only where the change is any good, and its other attributes stay', async () => {
    await world.collector.addInstance(
      { instance: 'edited', host, note: 'ours', lookbackHours: 48 },
      goodToken,
    );
    expect((await cli(['set', 'edited', '--host', broken], goodToken)).code).toBe(1);
    expect(
      (
        await cli([
          ...['set', 'edited', '--interval', 'threats=15', '--sites', '4,5', '--lookback-hours', '12'],
          ...['--overlap-minutes', '30'],
        ])
      ).code,
    ).toBe(0);
    expect((await cli(['set', 'edited', '--sites', ''])).code).toBe(0);
    expect((await cli(['set', 'edited', '--overlap-minutes', '90'])).code).toBe(1);
    const edited = JSON.parse(await records()).find(
      ({ instance }: { instance: string }) => instance === 'edited',
    );
    expect(edited).toEqual({
      instance: 'edited',
      host,
      note: 'ours',
      lookbackHours: 12,
      overlapMinutes: 30,
      pollingInterval: { threats: 15 },
    });
    await cli(['remove', 'edited', '--yes']);
    expect(world.collector.aws.secrets.current('signal-client/sentinelone/edited')).toBe(goodToken);
  });

  test('that was removed with its secret gets it back when it is added again', async () => {
    await world.collector.addInstance({ instance: 'again', host }, 'old');
    await cli(['remove', 'again', '--yes', '--delete-secret']);
    expect((await cli(['add', 'again', '--host', host], goodToken)).code).toBe(0);
    expect(world.collector.aws.secrets.current('signal-client/sentinelone/again')).toBe(
      JSON.stringify({ apiKey: goodToken, host }),
    );
    await cli(['remove', 'again', '--yes', '--delete-secret', '--delete-cursors']);
  });
});

describe('the queue', () => {
  test('is looked into without taking anything from its consumer', async () => {
    world.consoles.console('usea1-acme.sentinelone.net').put('threats', threatText(ago(1)));
    await world.tick('threats', 1000);
    const peeked = JSON.parse((await cli(['peek', '--json'])).out);
    expect(peeked[0]).toMatchObject({
      source: 'sentinelone',
      metadata: { instance: 'acme', stream: 'threats' },
    });
    expect(JSON.parse((await cli(['peek', '--json', '--instance', 'nobody'])).out)).toEqual([]);
    expect((await cli(['peek', '--instance', 'nobody'])).out).toBe(
      'No artifacts of nobody in the queue.\nThis is normal: the forwarder, or your own consumer, has taken them, or has them in flight.\nWhat was collected and forwarded: collector status --local\n',
    );
    expect(await world.artifacts()).toHaveLength(1);
  });

  test('gets its dead letters back, with their attributes', async () => {
    const { ArtifactDeadLetterQueueUrl: QueueUrl } = world.collector.outputs;
    const text = (StringValue: string) => ({ DataType: 'String', StringValue });
    const MessageAttributes = { instance: text('acme'), reason: text('HTTP 400: too large') };
    await world.collector.aws.sqs.send(
      new SendMessageCommand({ QueueUrl, MessageBody: '{"artifacts":[]}', MessageAttributes }),
    );
    const listed = await cli(['dlq', 'list']);
    expect(listed.out).toMatch(/acme .*HTTP 400: too large\nabout 1 dead letter\n$/);
    expect(await cli(['dlq', 'redrive'])).toMatchObject({
      code: 0,
      out: '1 message moved back to the artifact queue\n',
    });
    const [message] = await world.collector.receive();
    expect(message).toMatchObject({ Body: '{"artifacts":[]}', MessageAttributes });
    expect((await cli(['dlq', 'list'])).out).toContain('about 0 dead letters');
  });
});

test('the log lines of one instance come, and of no other', async () => {
  world.consoles.console('usea1-acme.sentinelone.net').put('activities', activityText(ago(1)));
  await world.tick('activities', 1000);
  const { out } = await cli(['tail', 'acme', '--no-follow']);
  expect(out).toMatch(/^\d\d:\d\d:\d\d \[INFO\] sentinelone: fetched 1 activities {2}acme$/m);
  const all = await cli(['tail', '--no-follow', '--json']);
  expect(all.out.split('\n').map((line) => line && JSON.parse(line).level)).toContain('INFO');
  await world.collector.addInstance({ instance: 'other', host }, goodToken);
  await world.tick('activities', 2000);
  expect((await cli(['tail', 'acme', '--no-follow', '--json'])).out).not.toContain('"instance":"other"');
  expect((await cli(['tail', 'other', '--no-follow', '--json'])).out).toContain('"instance":"other"');
});

test('how the forwarder is stands among the instances, where there is one and no instance was named', async () => {
  const remedy = 'Put the right email and password into the secret.';
  const status = {
    state: 'unauthorized',
    lastError: 'it refuses the password',
    remedy,
    failures: 1,
    lastCount: 0,
  };
  const without = await cli(['status']);
  expect(without.out).not.toContain('forwarder');
  await put(world.collector.outputs.CursorsTableName, {
    instance: '#analytics',
    stream: 'forwarder',
    lastPollAt: new Date().toISOString(),
    ...status,
  });
  const { out, code } = await cli(['status', '--filter', 'password']);
  const golden = await readFile(join(import.meta.dirname, '..', 'cli', 'golden', 'forwarder.txt'), 'utf8');
  expect(out.replace(/ \d+s +/, ' Ns ')).toBe(golden);
  expect(code).toBe(3);
  expect((await cli(['status'])).out).toMatch(/^[1-9]\d* instances?: .*; the forwarder red\n$/m);
  const [first] = JSON.parse((await cli(['status', '--json'])).out);
  expect(first).toMatchObject({ instance: '#analytics', light: 'red', worst: { stream: 'forwarder' } });
  expect((await cli(['status', 'acme'])).out).not.toContain('forwarder');
});

const put = (TableName: string | undefined, item: object) =>
  world.collector.aws.dynamodb.send(new PutItemCommand({ TableName, Item: marshall(item) }));

describe('many instances', () => {
  const many = Array.from({ length: 500 }, (_, i) => `many-${String(i).padStart(3, '0')}`);
  const sick = 'many-321';

  beforeAll(async () => {
    const { InstancesTableName, CursorsTableName } = world.collector.outputs;
    const now = new Date().toISOString();
    const soon = new Date(Date.now() + 600_000).toISOString();
    for (const instance of many) {
      await put(InstancesTableName, { instance, host: `${instance}.sentinelone.net` });
      for (const stream of ['threats', 'activities', 'agents']) {
        const good = { state: 'ok', lastPollAt: now, nextPollAt: soon, lastCount: 3, failures: 0 };
        const lastError = 'refuses the \u001b[2Jtoken';
        const bad = { ...good, state: 'unauthorized', lastError, remedy: 'Rotate it.' };
        await put(CursorsTableName, { instance, stream, ...(instance === sick ? bad : good) });
      }
    }
  });

  test('are a sum, and problems by cause with what to do and to whom it happens', async () => {
    const { code, out } = await cli(['status', '--filter', 'many-']);
    expect(out).toBe(
      [
        '500 instances: 1 red, 499 green',
        '',
        '1 × red unauthorized: refuses the \uFFFD[2Jtoken',
        '    → Create a new token in the console, then run: collector rotate many-321 --local',
        '    many-321',
        '',
        'For a line each: collector status --local --each',
        `Version ${version}`,
        '',
      ].join('\n'),
    );
    expect(code).toBe(3);
  });

  test('are a line each where that is asked for, the worst first', async () => {
    const lines = (await cli(['status', '--filter', 'many-', '--each'])).out.split('\n');
    expect(lines[0]).toBe('500 instances: 1 red, 499 green');
    expect(lines[3]).toMatch(/^many-321 +red +unauthorized +- +threats +\d+[sm] /);
    expect(lines[4]).toBe('    refuses the \uFFFD[2Jtoken');
    expect(lines[6]).toMatch(/^many-000 +green +ok +- +threats/);
    expect(lines).toHaveLength(500 + 7);
  });

  test('are picked out, and sorted otherwise', async () => {
    const problems = await cli(['status', '--problems', '--filter', 'many-']);
    expect(problems.out).toMatch(/^1 instance: 1 red\n\nINSTANCE /);
    expect(await cli(['status', '--problems', 'many-001'])).toEqual({
      code: 0,
      out: `1 instance: 1 green\nNo problems.\nVersion ${version}\n`,
      err: '',
    });
    const sorted = await cli(['status', '--filter', 'many-32', '--sort', 'name', '--json']);
    expect(JSON.parse(sorted.out).map(({ instance }: { instance: string }) => instance)).toEqual(
      many.slice(320, 330),
    );
    expect((await cli(['status', 'many-001'])).code).toBe(0);
    expect(await cli(['status', '--sort', 'colour', '--json'])).toMatchObject({
      code: 2,
      out: expect.stringContaining('"remedy": "See: collector status --help"'),
    });
  });

  test('of 300 in mixed states fit 40 lines, the same problem once', async () => {
    const { CursorsTableName } = world.collector.outputs;
    const now = new Date().toISOString();
    const states = [
      [
        'misconfigured',
        'secretId: the secret signal-client/sentinelone/NAME does not exist or may not be read',
      ],
      ['unauthorized', 'NAME.sentinelone.net refuses the token: 4010010'],
      ['forbidden', 'NAME.sentinelone.net does not let the token read threats'],
      ...Array.from({ length: 9 }, (_, i) => ['unreachable', `NAME.sentinelone.net answers 50${i}`]),
    ];
    for (const [i, instance] of many.slice(0, 150).entries()) {
      const [state = '', text = ''] = states[i < 70 ? 0 : i % states.length] ?? [];
      const lastError = text.replace('NAME', instance);
      const item = {
        instance,
        stream: 'threats',
        state,
        lastError,
        remedy: `Do something for ${instance}`,
        failures: 1,
      };
      await put(CursorsTableName, { ...item, lastPollAt: now, failingSince: now });
    }
    const { out } = await cli(['status', ...many.slice(0, 300)]);
    const lines = out.trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(40);
    expect(lines.every((line) => line.length < 130)).toBe(true);
    expect(lines[0]).toMatch(/^300 instances: \d+ red, \d+ yellow, \d+ green$/);
    expect(out.match(/does not exist or may not be read/g)).toHaveLength(1);
    expect(lines[2]).toMatch(
      /^7\d × red misconfigured: secretId: the secret signal-client\/sentinelone\/NAME does not exist/,
    );
    expect(lines[3]).toBe('    → Do something for NAME');
    expect(lines[4]).toMatch(/^ {4}many-000, many-001, .* and \d+ more$/);
    expect(out).toMatch(/\n\d more problems of \d+ instances\n/);
  });

  test('go out as CSV and come in again, after a dry run', async () => {
    const file = join(folder, 'instances.csv');
    const odd = { instance: 'many-009', host: 'many-009.sentinelone.net', secretId: '=1+1' };
    await put(world.collector.outputs.InstancesTableName, odd);
    expect((await cli(['export', file])).out).toMatch(/^Wrote 50\d instances to/);
    const text = await readFile(file, 'utf8');
    expect(text).toContain("many-009,many-009.sentinelone.net,'=1+1,");
    await writeFile(
      file,
      `${text.replace('many-007,many-007.sentinelone.net,,,', 'many-007,many-007.sentinelone.net,,false,')}new,new.sentinelone.net,,,threats=15 agents=120,,1 2,,48,threats agents,30\r\n`,
    );
    expect((await cli(['import', file])).out).toMatch(/many-007 +change +enabled \(none\) → false\n/);
    const dry = JSON.parse((await cli(['import', file, '--json'])).out);
    expect(dry.applied).toBe(false);
    const wanted = dry.plan.filter(({ what }: { what: string }) => what !== 'same');
    expect(wanted).toMatchObject([
      { what: 'change', record: { instance: 'many-007' }, changes: { enabled: false } },
      { what: 'add', record: { instance: 'new', lookbackHours: 48, siteIds: ['1', '2'] } },
    ]);
    expect(await records()).not.toContain('"new"');
    expect((await cli(['import', file, '--apply'])).code).toBe(0);
    expect(
      JSON.parse(await records()).find(({ instance }: { instance: string }) => instance === 'new'),
    ).toEqual({
      instance: 'new',
      host: 'new.sentinelone.net',
      pollingInterval: { threats: 15, agents: 120 },
      siteIds: ['1', '2'],
      lookbackHours: 48,
      streams: ['threats', 'agents'],
      overlapMinutes: 30,
    });
    await writeFile(file, 'instance,host\r\nnew,http://x\r\n');
    expect(await cli(['import', file, '--apply'])).toMatchObject({
      code: 1,
      out: expect.stringContaining('must be https'),
    });
    const codes = '\u001b]0;owned\u0007\u009b2J\u202e';
    for (const text of [
      `instance,${codes}`,
      `instance,host\n"a${codes}",h${codes}`,
      JSON.stringify([{ [codes]: 1 }]),
    ]) {
      await writeFile(file, text);
      for (const json of [[], ['--json']]) {
        const { out, err } = await cli(['import', file, ...json]);
        expect(`${out}${err}`).toContain('owned');
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are looked for.
        expect(`${out}${err}`).not.toMatch(/[\u001b\u0007\u009b\u202e]/);
      }
    }
  });
});

describe('tokens of many instances', () => {
  const names = Array.from({ length: 12 }, (_, i) => `bulk-${String(i).padStart(2, '0')}`);
  const hostOf = (name: string) => `usea1-${name}.sentinelone.net`;
  const wrong = new Set(['bulk-03', 'bulk-07']);
  const tokensOf = (token: (name: string) => string) =>
    names.map((name) => `${name},${token(name)}`).join('\r\n');
  let instances: string;
  let tokens: string;

  beforeAll(async () => {
    instances = join(folder, 'bulk.csv');
    tokens = join(folder, 'tokens.csv');
    await writeFile(
      instances,
      ['instance,host', ...names.map((name) => `${name},${hostOf(name)}`)].join('\n'),
    );
    await writeFile(
      tokens,
      `instance,token\n${tokensOf((name) => (wrong.has(name) ? 'a-wrong-token' : goodToken))}`,
    );
  });

  test('are shown to be missing, or to be stored, before anything is written', async () => {
    const dry = await cli(['import', instances]);
    expect(dry.out).toContain('12 new instances without a token: bulk-00, bulk-01,');
    const both = await cli(['import', instances, '--tokens', tokens]);
    expect(both).toMatchObject({ code: 0, err: '' });
    expect(both.out).toMatch(
      /12 instances to add or change, 12 tokens to test and store\. Run again with --apply\.\n$/,
    );
    expect(await records()).not.toContain('bulk-');
  });

  test('are tested and stored, and an instance is added only with a token that passes', async () => {
    const run = await cli(
      ['import', instances, '--tokens', '-', '--apply'],
      tokensOf((name) => (wrong.has(name) ? 'a-wrong-token' : goodToken)),
    );
    expect(run.out).toMatch(
      /^10 instances stored, 2 failed\.\n\n2 × usea1-bulk-0[37]\.sentinelone\.net refuses the token: 401.*\n {4}→ Check that you copied all of each token, then run this again with these lines\.\n {4}bulk-03, bulk-07\n$/,
    );
    expect(run.code).toBe(1);
    const added = JSON.parse(await records()).filter(({ instance }: { instance: string }) =>
      instance.startsWith('bulk-'),
    );
    expect(added).toHaveLength(10);
    const secret = (name: string) => world.collector.aws.secrets.current(`signal-client/sentinelone/${name}`);
    expect(secret('bulk-00')).toBe(JSON.stringify({ apiKey: goodToken, host: hostOf('bulk-00') }));
    expect(secret('bulk-03')).toBeUndefined();
  });

  test('are replaced from a file, each only by one that passes', async () => {
    const lines = ['bulk-00 another', 'bulk-01\ta-wrong-token'].join('\n');
    const run = await cli(['rotate', '--from', '-', '--json'], lines);
    expect(run.code).toBe(1);
    expect(JSON.parse(run.out)).toMatchObject({ rotated: 1, failed: [{ instance: 'bulk-01' }] });
    const secret = (name: string) => world.collector.aws.secrets.current(`signal-client/sentinelone/${name}`);
    expect(secret('bulk-00')).toContain('"another"');
    expect(secret('bulk-01')).toContain(`"${goodToken}"`);
  });

  test.each([
    ['a line that is none', 'bulk-00', '-, line 1: must be NAME,TOKEN'],
    ['a token with a space', 'x,y\nbulk-00,secret words', '-, line 2: the token contains a space'],
    ['a name twice', 'bulk-00,a\nbulk-00,b', '-, line 2: bulk-00 has a token in an earlier line'],
    ['nothing', '\n', '- has no lines of NAME,TOKEN'],
  ])('are refused by line, and no token is quoted: %s', async (_, input, problem) => {
    const run = await cli(['rotate', '--from', '-'], input);
    expect(run).toEqual({ code: 2, out: '', err: `${problem}\n→ See: collector rotate --help\n` });
  });

  test('of an instance that there is not are refused before the first is stored', async () => {
    expect(await cli(['rotate', '--from', '-'], 'bulk-00,a\nnobody,b')).toMatchObject({
      code: 1,
      err: expect.stringContaining('there is no instance nobody'),
    });
    expect(await cli(['import', instances, '--tokens', '-'], 'nobody,b')).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /^the tokens name 1 instance that neither the file nor the stack has: nobody\n/,
      ),
    });
  });

  test('are tested for all of some instances at once, and a record of several is changed at once', async () => {
    const run = await cli(['test', 'bulk-00', 'bulk-01', 'bulk-02']);
    expect(run).toMatchObject({ code: 0, out: '3 instances tested: 3 OK, 0 failed.\n' });
    const set = await cli(['set', 'bulk-00', 'bulk-01', '--lookback-hours', '48']);
    expect(set.out).toBe(
      'Updated bulk-00, bulk-01: --lookback-hours. Takes effect with the next poll (triggered).\n',
    );
    const changed = JSON.parse(await records()).filter(
      ({ lookbackHours }: { lookbackHours?: number }) => lookbackHours === 48,
    );
    expect(changed.map(({ instance }: { instance: string }) => instance)).toEqual(
      expect.arrayContaining(['bulk-00', 'bulk-01']),
    );
  });

  test('of an account lead to its sites, and to an instance for each', async () => {
    world.consoles
      .console(host)
      .put(
        'agents',
        agentText(ago(1), { siteId: '11', siteName: 'São Paulo', accountId: '7', accountName: 'Hooli' }),
      );
    const file = join(folder, 'sites.csv');
    const run = await cli(['discover', '--host', host, '--write', file], goodToken);
    expect(run.code).toBe(0);
    expect(run.out).toMatch(/Hooli +São Paulo +11 +1\n1 site in 1 account\n/);
    expect(run.out).toContain(`collector add hooli --local --host ${host}`);
    expect(await readFile(file, 'utf8')).toContain(
      `sao-paulo,${host},signal-client/sentinelone/usea1-hooli,,,,11,,,`,
    );
    expect(await cli(['discover', '--host', host], 'a-wrong-token')).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /refuses the token: 401.*\n→ Check that you copied all of it, then run this again\.\n$/,
      ),
    });
  });
});

describe('--local', () => {
  test('says so where npm start does not run, or somebody else’s file lies there', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'cli-empty-'));
    expect(await ended(spawnCli(['--local', 'list'], { TMPDIR: empty }))).toEqual({
      code: 1,
      out: '',
      err: 'npm start is not running\n→ Start it in another terminal: npm start\n',
    });
    expect(JSON.parse((await ended(spawnCli(['--local', 'list', '--json'], { TMPDIR: empty }))).out)).toEqual(
      {
        error: 'npm start is not running',
        remedy: 'Start it in another terminal: npm start',
      },
    );
    await rm(empty, { recursive: true });
  });

  test('finds no AWS where there are no credentials, and says what to do', async () => {
    const environment = { HOME: folder, AWS_EC2_METADATA_DISABLED: 'true' };
    expect(await ended(spawnCli(['list'], environment))).toMatchObject({
      code: 1,
      err: 'no AWS region configured\n→ Set AWS_REGION or --region, or set a region in ~/.aws/config.\n',
    });
    expect(await ended(spawnCli(['list', '--region', 'eu-west-1'], environment))).toMatchObject({
      code: 1,
      err: 'no AWS credentials found\n→ Set AWS_PROFILE or --profile, or sign in with the AWS CLI (aws sso login, aws configure).\n',
    });
  });
});
