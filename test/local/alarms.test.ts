import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, afterEach, describe, expect, inject, test } from 'vitest';
import { defaultStreams } from '../../functions/streams/list.ts';
import { synthesise } from '../../infra/synth.ts';
import { startAnalytics } from '../../local/analytics/analytics.ts';
import { resources } from '../../local/aws/template.ts';
import { type FaultRule, faultFor, faults } from '../../local/console/faults.ts';
import { simulatedFleet } from '../../local/console/fleet/simulated-fleet.ts';
import { activityText, threatText } from '../fixtures/records.ts';
import { startTimeLine, type TimeLine, type TimeLineOptions } from '../support/time-line.ts';
import { goodToken } from '../support/world.ts';

const hour = 60;
const day = 24 * hour;
const minuteMs = 60_000;
const hostOf = (name: string) => `usea1-${name}.sentinelone.net`;
/** All consoles take the same token, so each secret names its host. */
const secretOf = (name: string) => JSON.stringify({ apiKey: goodToken, host: hostOf(name) });

let line: TimeLine | undefined;
afterEach(async () => {
  await line?.close();
  line = undefined;
});

/** Instances of these names, each with a console of its own. */
async function watching(names: readonly string[], options: Partial<TimeLineOptions> = {}): Promise<TimeLine> {
  const hosts = Object.fromEntries(names.map((name) => [hostOf(name), {}]));
  const started = await startTimeLine({ hosts, ...options });
  line = started;
  for (const instance of names)
    await started.world.collector.addInstance({ instance, host: hostOf(instance) }, secretOf(instance));
  return started;
}

const consoleOf = ({ world }: TimeLine, name: string) => world.consoles.console(hostOf(name));

function setInCursor({ world }: TimeLine, instance: string, stream: string, values: Record<string, unknown>) {
  const { dynamodb, names } = world.collector.aws;
  const TableName = [...names.values()].find((name) => name.includes('Cursors')) ?? '';
  return dynamodb.send(
    new UpdateItemCommand({
      TableName,
      Key: marshall({ instance, stream }),
      UpdateExpression: `SET ${Object.keys(values).map((name) => `#${name} = :${name}`)}`,
      ExpressionAttributeNames: Object.fromEntries(Object.keys(values).map((name) => [`#${name}`, name])),
      ExpressionAttributeValues: marshall(
        Object.fromEntries(Object.entries(values).map(([name, value]) => [`:${name}`, value])),
      ),
    }),
  );
}

/** Raised one after the other if nothing runs. */
const notRunning = defaultStreams.map(({ name }) => `${name}-not-running`);

/** Which alarms the tests below have raised. */
const proven = new Set<string>();
function expectTold({ told }: TimeLine, ...names: string[]): void {
  for (const name of names) proven.add(name);
  expect(told()).toEqual(names);
}

describe('nobody is told anything', () => {
  test('over a quiet night of twelve hours', async () => {
    const quiet = simulatedFleet({ seed: 'night', historyHours: 2, threatsPerDay: 2, loginsPerDay: 20 });
    const night = await startTimeLine({
      hosts: { [hostOf('acme')]: { source: quiet }, [hostOf('globex')]: {}, [hostOf('off')]: {} },
    });
    line = night;
    for (const instance of ['acme', 'globex'])
      await night.world.collector.addInstance({ instance, host: hostOf(instance) }, secretOf(instance));
    await night.world.collector.addInstance(
      { instance: 'off', host: hostOf('off'), enabled: false },
      'wrong',
    );
    await night.pass(12 * hour);
    expectTold(night);
    const runs = night.world.log.filter(({ message }) => String(message).startsWith('sentinelone: fetched'));
    expect(runs).toHaveLength(2 * (144 + 72 + 12));
    expect(
      night.world.log.filter(({ message }) => String(message).includes('nothing is missing')).length,
    ).toBeGreaterThan(4 * 12);
  });

  test('of troubles that pass: a 503, a 429, a killed run, a run that is throttled once', async () => {
    const passing = await watching(['acme', 'globex']);
    await passing.pass(20);
    // One poll of threats and one of activities.
    consoleOf(passing, 'acme').faults = [faultFor({ times: 2 }, faults.unavailable('90'))];
    consoleOf(passing, 'globex').faults = [faultFor({ times: 2 }, faults.tooManyRequests('90'))];
    await passing.pass(30, {
      fate: (stream, minute) =>
        stream !== 'threats' ? 'run' : minute === 30 ? 'killed' : minute === 40 ? 'throttled' : 'run',
    });
    const states = new Set(passing.world.log.map(({ state }) => state));
    expect(states).toContain('unreachable');
    expect(states).toContain('rate-limited');
    await passing.pass(hour);
    expectTold(passing);
  });
});

describe('exactly one alarm is raised', () => {
  test('by one broken token at one of fifty instances, and it ends with the token', async () => {
    const names = Array.from({ length: 50 }, (_, i) => `i-${i}`);
    const fleet = await watching(names, { overrides: { instancesAtOnce: 50 } });
    await fleet.pass(11);
    expectTold(fleet);
    consoleOf(fleet, 'i-17').tokens = [];
    await fleet.pass(hour);
    expectTold(fleet, 'token');
    expect(fleet.raised()).toEqual(['token']);
    consoleOf(fleet, 'i-17').tokens = [{ token: goodToken }];
    await fleet.pass(hour + 30);
    expect(fleet.raised()).toEqual([]);
    expectTold(fleet, 'token');
  });

  test('by one cause for all instances, a console that none can reach, and again when the hourly stream has failed for as long', async () => {
    const fleet = await watching(['acme', 'globex', 'initech']);
    await fleet.pass(11);
    for (const name of ['acme', 'globex', 'initech'])
      consoleOf(fleet, name).faults = [faultFor({}, faults.forbidden)];
    await fleet.pass(2 * hour);
    expectTold(fleet, 'polls-failing');
    // Agents are polled hourly, so their polls have failed for two cycles only now.
    await fleet.pass(2 * hour);
    expectTold(fleet, 'polls-failing', 'polls-failing');
  });

  test('by a stream that no rule fires', async () => {
    const stopped = await watching(['acme']);
    await stopped.pass(11);
    await stopped.pass(2 * hour, { fate: (stream) => (stream === 'threats' ? 'not-fired' : 'run') });
    expectTold(stopped, 'threats-not-running');
    await stopped.pass(20);
    expect(stopped.raised()).toEqual([]);
  });

  test('by functions that nothing fires at all', async () => {
    const stopped = await watching(['acme']);
    await stopped.pass(11);
    await stopped.advance(8 * hour);
    expectTold(stopped, ...notRunning);
  });

  test('by a function that Lambda throttles', async () => {
    const throttled = await watching(['acme']);
    await throttled.pass(11);
    await throttled.pass(2 * hour, { fate: (stream) => (stream === 'threats' ? 'throttled' : 'run') });
    expectTold(throttled, 'threats-not-running');
  });

  test('by a function that is killed again and again', async () => {
    const killed = await watching(['acme']);
    await killed.pass(11);
    await killed.pass(hour, { fate: (stream) => (stream === 'activities' ? 'killed' : 'run') });
    expectTold(killed, 'activities-not-running');
  });

  test('by a stream whose turn never comes', async () => {
    const silent = await watching(['acme', 'globex']);
    await silent.pass(11);
    await setInCursor(silent, 'acme', 'threats', {
      claim: 'a run that hangs',
      claimUntil: Date.now() + day * minuteMs,
    });
    await silent.pass(hour);
    expectTold(silent, 'polls-failing');
  });

  test('by a stream that is polled well and brings nothing for an unusual time', async () => {
    const quiet = await watching(['acme', 'globex'], { overrides: { quietMs: hour * minuteMs } });
    for (const name of ['acme', 'globex'])
      for (const stream of ['threats', 'agents']) {
        for (let i = 0; i < 3 * hour; i += 20) {
          const at = new Date(Date.now() + i * minuteMs).toISOString();
          if (stream === 'threats') consoleOf(quiet, name).put('threats', threatText(at));
          else consoleOf(quiet, name).put('agents', JSON.stringify({ id: `${name}-${i}`, updatedAt: at }));
        }
      }
    const keep = (minute: number) => {
      const at = new Date(Date.now()).toISOString();
      if (minute % 10 === 0) consoleOf(quiet, 'globex').put('activities', activityText(at));
    };
    await quiet.pass(hour, { before: keep });
    expectTold(quiet);
    await quiet.pass(hour, { before: keep });
    expectTold(quiet, 'nothing-new');
  });

  /** Seven pages to catch up, one in each poll: told of half an hour later. */
  async function fallingBehind(): Promise<TimeLine> {
    const folder = mkdtempSync(join(tmpdir(), 'alarms-'));
    const { template } = synthesise({ alarmLagMinutes: 15 }, folder);
    rmSync(folder, { recursive: true });
    const behind = await watching(['acme'], {
      template,
      overrides: { pagesPerRun: 1, alarmLagSeconds: 900 },
    });
    const start = Date.now() - 12 * hour * minuteMs;
    for (let i = 0; i < 7000; i++)
      consoleOf(behind, 'acme').put('threats', threatText(new Date(start + i * 1000).toISOString()));
    await behind.pass(15);
    expectTold(behind);
    await behind.pass(15);
    expectTold(behind, 'lag');
    return behind;
  }

  test('by a stream that falls behind, and it gives way to that of a console that nobody reaches', async () => {
    const behind = await fallingBehind();
    consoleOf(behind, 'acme').faults = [faultFor({}, faults.forbidden)];
    await behind.pass(2 * hour);
    expectTold(behind, 'lag', 'polls-failing');
    expect(behind.raised()).not.toContain('lag');
  });

  test('by a stream that falls behind, and it ends once the stream has caught up', async () => {
    const behind = await fallingBehind();
    await behind.pass(2 * hour);
    expect(await behind.world.status('acme', 'threats')).toMatchObject({ state: 'ok' });
    expectTold(behind, 'lag');
    expect(behind.raised()).toEqual([]);
  });

  test('by each of two instances that fail hours apart, and again on the next day', async () => {
    const fleet = await watching(['acme', 'globex']);
    await fleet.pass(11);
    consoleOf(fleet, 'acme').tokens = [];
    await fleet.pass(4 * hour);
    expectTold(fleet, 'token');
    expect(fleet.raised()).toEqual([]);
    consoleOf(fleet, 'globex').tokens = [];
    await fleet.pass(4 * hour);
    expectTold(fleet, 'token', 'token');
    await fleet.pass(18 * hour);
    expectTold(fleet, 'token', 'token', 'token');
  });

  test.each([
    [15, []],
    [14, ['token']],
    [7, ['token']],
    [1, ['token']],
  ])('by a token that is about to expire in less than %d days: %j', async (days, alarms) => {
    const expiring = await watching(['acme', 'globex']);
    await expiring.pass(11);
    const tokenExpiresAt = new Date(Date.now() + (days * day + 10) * minuteMs).toISOString();
    for (const stream of ['threats', 'activities', 'agents'])
      await setInCursor(expiring, 'acme', stream, { tokenExpiresAt });
    await expiring.pass(hour);
    expectTold(expiring, ...alarms);
  });

  test('by a past hour of which the console has more', async () => {
    const checked = await watching(['acme'], { overrides: { hoursPerPoll: 1 } });
    await checked.pass(11);
    const late = new Date(Date.now() - 150 * minuteMs).toISOString();
    consoleOf(checked, 'acme').put('activities', activityText(late));
    while (checked.told().length === 0) await checked.pass(hour);
    expectTold(checked, 'records-missing');
  });

  test('by such an hour of an instance that a further run polls, in a process of its own', async () => {
    const outdir = mkdtempSync(join(tmpdir(), 'alarms-'));
    const settings = { analyticsUrl: 'https://analytics.example', reservedConcurrency: false };
    const deployment = synthesise(settings, outdir);
    const overrides = { hoursPerPoll: 1, instancesPerRun: 1 };
    const checked = await watching(['acme', 'globex'], { deployment, overrides, concurrent: true });
    rmSync(outdir, { recursive: true });
    const sumOf = (metric: string) =>
      checked.world.log
        .flatMap((line) => line[metric] ?? [])
        .reduce<number>((sum, value) => sum + Number(value), 0);
    const uncounted: FaultRule = ({ path, query }) =>
      path === '/activities' && query.countOnly === 'true' ? faults.htmlWithStatus200 : undefined;
    for (const name of ['acme', 'globex']) consoleOf(checked, name).faults = [uncounted];
    await checked.pass(11);
    for (const name of ['acme', 'globex']) consoleOf(checked, name).faults = [];
    const failedChecks = checked.world.log.filter(({ message }) =>
      /past hours of activities .* not checked/.test(String(message)),
    );
    expect(new Set(failedChecks.map(({ instance }) => instance))).toEqual(new Set(['acme', 'globex']));
    expect(sumOf('HoursNotChecked')).toBe(failedChecks.length);
    expect(checked.world.log.map(({ message }) => message)).toContain(
      'sentinelone: 1 instances are polled by further runs of activities',
    );
    const late = new Date(Date.now() - 150 * minuteMs).toISOString();
    for (const name of ['acme', 'globex']) consoleOf(checked, name).put('activities', activityText(late));
    while (checked.told().length === 0) await checked.pass(hour);
    expectTold(checked, 'records-missing');
    expect(sumOf('RecordsMissing')).toBe(2);
  });

  test('by checks of past hours that fail for hours', async () => {
    const checked = await watching(['acme'], { overrides: { hoursPerPoll: 1 } });
    consoleOf(checked, 'acme').faults = [
      ({ query }) => (query.countOnly === 'true' ? faults.htmlWithStatus200 : undefined),
    ];
    await checked.pass(hour);
    expectTold(checked);
    await checked.pass(3 * hour);
    expectTold(checked, 'hours-not-checked');
  });

  test('by a forwarder that Analytics does not let in, and it ends with the right password', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'alarms-'));
    const analytics = await startAnalytics();
    const caFile = join(folder, 'ca.pem');
    writeFileSync(caFile, analytics.caPem);
    const shut = await watching(['acme'], { analytics: { url: analytics.url, caFile } });
    const { secrets } = shut.world.collector.aws;
    const [user] = analytics.users;
    secrets.put('signal-client/analytics', JSON.stringify({ ...user, password: 'an-old-one' }));
    const traffic: Parameters<TimeLine['pass']>[1] = {
      consumer: false,
      before: async (minute) => {
        if (minute % 5 !== 0) return;
        consoleOf(shut, 'acme').put('threats', threatText(new Date(Date.now() - minuteMs).toISOString()));
        await shut.world.collector.forward();
      },
    };
    await shut.pass(30, traffic);
    expectTold(shut);
    await shut.pass(hour, traffic);
    expectTold(shut, 'forwarder-failing');
    secrets.put('signal-client/analytics', JSON.stringify(user));
    await shut.pass(hour, traffic);
    expect(shut.raised()).toEqual([]);
    await analytics.close();
    rmSync(folder, { recursive: true });
  });

  test('by a forwarder that does not run, because Lambda throttles it', async () => {
    const throttled = await watching(['acme']);
    const unread: Parameters<TimeLine['pass']>[1] = {
      consumer: false,
      before: (minute) => {
        if (minute % 5 === 0)
          consoleOf(throttled, 'acme').put(
            'threats',
            threatText(new Date(Date.now() - minuteMs).toISOString()),
          );
      },
    };
    await throttled.pass(30, unread);
    expectTold(throttled);
    await throttled.pass(hour, unread);
    expectTold(throttled, 'forwarder-failing');
    await throttled.pass(hour);
    expect(throttled.raised()).toEqual([]);
  });

  test('by a dead letter', async () => {
    const dead = await watching(['acme']);
    await dead.pass(11);
    const { aws } = dead.world.collector;
    const queues = resources<{ RedrivePolicy?: unknown }>(inject('deployment').template, 'AWS::SQS::Queue');
    const { logicalId = '' } = queues.find(({ RedrivePolicy }) => RedrivePolicy === undefined) ?? {};
    await aws.sqs.send(
      new SendMessageCommand({ QueueUrl: aws.names.get(logicalId) ?? '', MessageBody: '{}' }),
    );
    await dead.pass(20);
    expectTold(dead, 'dead-letters');
  });
});

/** The alarms of a stack whose queue has a consumer of the operator's own. */
const withoutForwarder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'alarms-'));
  const { template } = synthesise({}, folder);
  rmSync(folder, { recursive: true });
  return template;
};

test('a consumer that receives and never deletes is told of after a day', async () => {
  const stuck = await watching(['acme'], { template: withoutForwarder() });
  consoleOf(stuck, 'acme').put('threats', threatText(new Date(Date.now() - minuteMs).toISOString()));
  await stuck.pass(11, { consumer: false });
  const { aws } = stuck.world.collector;
  const queues = resources<{ RedrivePolicy?: unknown }>(inject('deployment').template, 'AWS::SQS::Queue');
  const { logicalId = '' } = queues.find(({ RedrivePolicy }) => RedrivePolicy !== undefined) ?? {};
  const receive = () =>
    aws.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: aws.names.get(logicalId) ?? '',
        MaxNumberOfMessages: 10,
        VisibilityTimeout: hour * 60,
      }),
    );
  for (let i = 0; i < 23; i++) {
    while (((await receive()).Messages ?? []).length > 0);
    await stuck.advance(hour);
  }
  expectTold(stuck, ...notRunning);
  for (let i = 0; i < 3; i++) {
    while (((await receive()).Messages ?? []).length > 0);
    await stuck.advance(hour);
  }
  expectTold(stuck, ...notRunning, 'queue-unread');
});

test('a queue that nobody reads is told of after a day, and again four days before its first message is lost', async () => {
  const unread = await watching(['acme'], { template: withoutForwarder() });
  consoleOf(unread, 'acme').put('threats', threatText(new Date(Date.now() - minuteMs).toISOString()));
  await unread.pass(11, { consumer: false });
  // Nothing fires the functions in these days: that is the other alarm.
  await unread.advance(23 * hour);
  expectTold(unread, ...notRunning);
  await unread.advance(2 * hour);
  expectTold(unread, ...notRunning, 'queue-unread');
  await unread.advance(8 * day);
  expectTold(unread, ...notRunning, 'queue-unread');
  await unread.advance(day);
  expectTold(unread, ...notRunning, 'queue-unread', 'queue-loses-messages');
});

describe('the alarms of the template', () => {
  afterAll(() => proven.clear());

  test('that someone hears of are all raised by a test here', () => {
    const alarms = [inject('deployment').template, withoutForwarder()].flatMap((template) =>
      resources<{ AlarmName: string }>(template, 'AWS::CloudWatch::Alarm'),
    );
    const names = alarms.map(({ AlarmName }) => AlarmName.replace(/^SentinelOneCollector-/, ''));
    expect(new Set(names)).toEqual(proven);
  });
});
