import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CheckReport } from '../../functions/console/check/check.ts';
import { goodToken, startWorld, type World } from '../support/world.ts';

const host = 'usea1-acme.sentinelone.net';
const other = 'usea1-other.sentinelone.net';
const askedBy = 'arn:aws:sts::123456789012:assumed-role/Soc/jo';

let world: World;

beforeAll(async () => {
  world = await startWorld({ hosts: { [host]: {}, [other]: {} } });
  await world.collector.addInstance({ instance: 'acme', host }, goodToken);
  const { secrets } = world.collector.aws;
  secrets.put('signal-client/sentinelone/unused', goodToken);
  secrets.put('signal-client/sentinelone/bound', JSON.stringify({ apiKey: goodToken, host: other }));
});
afterAll(() => world.close());

const invoke = (name: string, event: unknown) => {
  world.log.length = 0;
  return world.collector.functions.get(name)?.invoke(event);
};
const check = async (of: unknown) =>
  (await invoke('operator', { action: 'check', askedBy, of })) as CheckReport;
const requests = () => [host, other].flatMap((name) => world.consoles.console(name).requests);
const errors = () => world.log.filter(({ level }) => level === 'ERROR').map(({ message }) => String(message));

describe.each<[name: string, events: readonly unknown[]]>([
  ['threats', [{ pages: 0 }, { instances: 'acme' }, 'tick', [], null, { check: { instance: 'acme' } }]],
  [
    'operator',
    [{}, { time: new Date().toISOString() }, { action: 'check', askedBy }, [], null, { check: {} }],
  ],
])('the function %s', (name, events) => {
  test.each(events.map((event) => [event]))('refuses %j, logs why, and asks no console', async (event) => {
    const before = requests().length;
    await expect(invoke(name, event)).rejects.toThrow('InvalidEventError');
    expect(errors()).toEqual([expect.stringMatching(/^sentinelone: event refused: InvalidEventError: /)]);
    expect(requests()).toHaveLength(before);
  });
});

test('a tick at the end of time puts no poll off for longer than an hour and a cadence', async () => {
  await invoke('threats', { time: '9999-01-01T00:00:00Z' });
  const { state, nextPollAt = '' } = await world.status('acme', 'threats');
  expect(state).toBe('ok');
  expect(Date.parse(nextPollAt)).toBeLessThanOrEqual(Date.now() + 65 * 60_000);
});

test('a shard polls the instances that it names', async () => {
  const time = new Date().toISOString();
  expect(await invoke('activities', { time, instances: ['nobody'] })).toMatchObject({ due: 0 });
  expect(await invoke('activities', { time, instances: ['acme'] })).toMatchObject({ due: 1 });
});

describe('a check', () => {
  test.each([
    ['of an instance in the table', 'acme', host],
    ['of a record with the secret that the table names', { instance: 'acme', host, note: 'x' }, host],
    [
      'of a record whose secret names its host',
      { instance: 'new', host: other, secretId: 'signal-client/sentinelone/bound' },
      other,
    ],
  ])('is made %s, and logged with host, caller and outcome', async (_, of, where) => {
    expect(await check(of)).toMatchObject({ good: true, host: where });
    const logged = {
      action: 'check',
      instance: typeof of === 'string' ? of : of.instance,
      host: where,
      askedBy,
    };
    expect(world.log).toEqual([
      expect.objectContaining(logged),
      expect.objectContaining({ ...logged, outcome: 'ok' }),
    ]);
  });

  test.each([
    ['of another instance', 'signal-client/sentinelone/acme'],
    ['of no instance', 'signal-client/sentinelone/unused'],
    ['that is bound to another host', 'signal-client/sentinelone/bound'],
  ])('sends no token to a host from a secret %s', async (_, secretId) => {
    const before = requests().length;
    const report = await check({ instance: 'thief', host, secretId });
    expect(report.findings).toEqual([
      {
        what: 'secret',
        outcome: 'failed',
        detail: expect.stringContaining(`its token is not sent to ${host}`),
        remedy: expect.stringContaining('"host"'),
      },
    ]);
    expect(requests()).toHaveLength(before);
    expect(world.log.at(-1)).toMatchObject({ instance: 'thief', host, askedBy, outcome: 'failed: secret' });
  });

  test('of an instance that is not there, or whose record breaks a rule, says so', async () => {
    expect(await check('nobody')).toMatchObject({ good: false, findings: [{ what: 'record' }] });
    expect(await check({ instance: 'acme', host: 'evil.example.com' })).toMatchObject({
      good: false,
      findings: [{ what: 'record', detail: expect.stringContaining('must end in') }],
    });
  });
});

test('a replay of an instance that is not there fails in words', async () => {
  const replay = {
    action: 'replay',
    askedBy,
    instance: 'nobody',
    stream: 'threats',
    from: '2026-03-01T00:00:00.000000Z',
    to: '2026-03-02T00:00:00.000000Z',
    by: 'me',
  };
  expect(await invoke('operator', replay)).toMatchObject({
    state: 'failed',
    error: { state: 'misconfigured', message: expect.stringContaining('instance') },
  });
  expect(errors()).toEqual([
    expect.stringMatching(/^sentinelone: replay of threats of nobody failed, 0 artifacts so far/),
  ]);
});

test('no token is in anything that the functions printed', () => {
  expect(world.lines.length).toBeGreaterThan(10);
  expect(world.lines.filter((line) => line.includes(goodToken))).toEqual([]);
});
