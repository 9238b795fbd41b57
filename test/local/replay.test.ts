import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { paginateScan, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SeenRequest } from '../../local/console/faults.ts';
import { activityText, ago } from '../fixtures/records.ts';
import { announceWorld, ended } from '../support/cli.ts';
import { goodToken, startWorld, type World } from '../support/world.ts';

const host = 'usea1-replay.sentinelone.net';
const minutesADay = 24 * 60;

let world: World;
let folder: string;
let cli: Awaited<ReturnType<typeof announceWorld>>;
let replaying: (...more: readonly string[]) => ReturnType<Awaited<ReturnType<typeof announceWorld>>>;
/** The ids of the first collection. */
let first: string[];

/** A day of activities, four a minute, and some on either side; all of them collected. */
beforeAll(async () => {
  world = await startWorld({ hosts: { [host]: {} } });
  const console = world.consoles.console(host);
  for (let minute = 60; minute < minutesADay + 180; minute++)
    for (let i = 0; i < 4; i++) console.put('activities', activityText(ago(minute, i)));
  await world.collector.addInstance({ instance: 'acme', host, lookbackHours: 48 }, goodToken);
  await world.tick('activities');
  first = await taken();
  folder = await mkdtemp(join(tmpdir(), 'replay-'));
  cli = await announceWorld(world, folder);
  const times = ['--stream', 'activities', '--from', ago(minutesADay + 120), '--to', ago(120)];
  replaying = (...more) => cli(['replay', 'acme', ...(more.length > 0 ? more : times)]);
  // Slow enough to be killed in the middle.
  console.faults = [(request) => (isReplay(request) ? { delayMs: 300 } : undefined)];
});
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

const isReplay = ({ path, query }: SeenRequest) =>
  path === '/activities' && query.createdAt__lt !== undefined;
const killOperator = () => process.kill(world.collector.functions.get('operator')?.pid ?? 0, 'SIGKILL');
const asked = () => world.consoles.console(host).requests.filter(isReplay).length;

/** The ids of what is in the queue; a consumer takes it. */
async function taken(): Promise<string[]> {
  const ids = (await world.artifacts()).map(({ metadata }) => String(metadata.id));
  world.messages.length = 0;
  return ids;
}

async function items(): Promise<Record<string, unknown>> {
  const { dynamodb } = world.collector.aws;
  const TableName = world.collector.outputs.CursorsTableName;
  const found: Record<string, unknown> = {};
  for await (const { Items = [] } of paginateScan({ client: dynamodb }, { TableName }))
    for (const item of Items) found[item.stream?.S ?? ''] = item;
  return found;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(10);
}

const ofRange = (ids: readonly string[]) => [...new Set(ids)].sort();

test('a day of activities comes again with the ids of the first collection, and the cursors stay as they were', async () => {
  const before = await items();
  const run = await ended(replaying());
  expect(run).toMatchObject({ code: 0, err: '' });
  const again = await taken();
  expect(again).toHaveLength(4 * minutesADay);
  expect(ofRange(again)).toHaveLength(again.length);
  expect(first).toEqual(expect.arrayContaining(again));
  expect(run.out).toMatch(/: 5760 artifacts delivered again\n$/);
  expect(await items()).toEqual(before);
});

test('polls go on meanwhile', async () => {
  const requests = asked();
  const end = ended(replaying());
  await until(() => asked() > requests);
  const fresh = activityText(ago(0));
  world.consoles.console(host).put('activities', fresh);
  await world.tick('activities', 10);
  expect(await end).toMatchObject({ code: 0 });
  const ids = await taken();
  expect(ids).toContain(`acme/activities/${JSON.parse(fresh).id}`);
  expect(ids).toHaveLength(4 * minutesADay + 1);
});

test('no command waits for a poll that is under way, nor for a replay', async () => {
  const { faults } = world.consoles.console(host);
  let held = 0;
  faults.push(({ path, query }) => {
    if (path !== '/activities' || held > 0 || query.createdAt__lt !== undefined) return undefined;
    held += 1;
    return { hang: true };
  });
  const tick = world.tick('activities', 20).catch((error: Error) => error.message);
  await until(() => held > 0);
  const requests = asked();
  const end = ended(replaying());
  await until(() => asked() > requests);
  expect(await ended(cli(['test', 'acme']))).toMatchObject({ code: 0 });
  expect(await end).toMatchObject({ code: 0 });
  const poller = world.collector.functions.get('activities');
  expect(poller?.busy).toBe(true);
  process.kill(poller?.pid ?? 0, 'SIGKILL');
  expect(await tick).toContain('SIGKILL');
  await taken();
});

test('one invocation replays it all, and what was asked is logged with who asked', async () => {
  world.log.length = 0;
  expect(await ended(replaying())).toMatchObject({ code: 0 });
  await taken();
  const logged = world.log.filter(({ action }) => action === 'replay');
  const request = {
    action: 'replay',
    instance: 'acme',
    host,
    stream: 'activities',
    askedBy: userInfo().username,
  };
  expect(logged).toEqual([
    expect.objectContaining({
      ...request,
      message: expect.stringMatching(/^sentinelone: replay of acme requested by /),
    }),
    expect.objectContaining({ ...request, state: 'done', artifacts: 4 * minutesADay }),
  ]);
});

test('a second command at the same range is told that it is already running', async () => {
  const requests = asked();
  const first = replaying();
  const end = ended(first);
  await until(() => asked() > requests);
  const second = replaying();
  second.stderr?.setEncoding('utf8');
  let said = '';
  second.stderr?.on('data', (text: string) => {
    said += text;
  });
  await until(() => said.includes('locked by another command'));
  second.kill();
  expect(await end).toMatchObject({ code: 0 });
  expect(ofRange(await taken())).toHaveLength(4 * minutesADay);
});

test('where the function is killed, the command goes on behind the last commit', async () => {
  const requests = asked();
  const end = ended(replaying());
  await until(() => asked() >= requests + 3);
  killOperator();
  expect(await end).toMatchObject({ code: 0 });
  const ids = await taken();
  expect(ofRange(ids)).toHaveLength(4 * minutesADay);
  expect(first).toEqual(expect.arrayContaining(ids));
  // The page under way may come twice, the whole does not.
  expect(ids.length).toBeLessThanOrEqual(4 * minutesADay + 2_000);
  expect(Object.keys(await items()).filter((key) => key.includes('replay'))).toEqual([]);
});

test('where command and function are killed, --resume goes on', async () => {
  const requests = asked();
  const child = replaying();
  const end = ended(child);
  await until(() => asked() >= requests + 3);
  child.kill('SIGKILL');
  killOperator();
  await end;
  const [left] = Object.entries(await items()).filter(([key]) => key.includes('replay'));
  expect(left?.[1]).toMatchObject({ claim: expect.anything(), state: { S: 'backlogged' } });
  await lapse(left?.[0] ?? '');
  const run = await ended(replaying('--resume'));
  expect(run).toMatchObject({ code: 0 });
  const ids = await taken();
  expect(ofRange(ids)).toHaveLength(4 * minutesADay);
  expect(ids.length).toBeLessThanOrEqual(4 * minutesADay + 2_000);
  expect((await ended(replaying('--resume'))).out).toBe('acme has no interrupted replay.\n');
});

/** What two and a half minutes do to the claim of the dead. */
async function lapse(stream: string): Promise<void> {
  await world.collector.aws.dynamodb.send(
    new UpdateItemCommand({
      TableName: world.collector.outputs.CursorsTableName,
      Key: { instance: { S: 'acme' }, stream: { S: stream } },
      UpdateExpression: 'SET claimUntil = :past',
      ExpressionAttributeValues: { ':past': { N: '1' } },
    }),
  );
}
