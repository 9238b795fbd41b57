import { afterAll, beforeAll, expect, test } from 'vitest';
import { activityText } from '../fixtures/records.ts';
import { type Replica, replicaOf } from '../support/replica.ts';
import { exactlyOnce, putAll, type Stage, series, startStage } from './faults/stage.ts';

let stage: Stage;
let replica: Replica;

/** From here on, DynamoDB answers what was there now, unless a read asks for consistency. */
beforeAll(async () => {
  const names = ['disabled', 'enabled', 'added', 'tick-twice', 'shard-twice'];
  stage = await startStage(names, { concurrent: true });
  await stage.add('disabled');
  await stage.add('enabled', { enabled: false });
  replica = await replicaOf(stage.world.collector.aws.dynamodb);
  stage.aws.staleReadsFrom = replica.endpoint;
});
afterAll(async () => {
  replica.close();
  await stage.world.close();
});

test('the poll after a command sees what the command wrote', async () => {
  await stage.add('disabled', { enabled: false });
  await stage.add('enabled');
  await stage.add('added');
  await stage.tick('activities');
  const polled = ['disabled', 'enabled', 'added'].filter(
    (name) => stage.pages(name, 'activities').length > 0,
  );
  expect(polled).toEqual(['enabled', 'added']);
});

/** Lambda delivers asynchronous events at least once: rules and further runs send such events. */
test.each([
  ['tick', {}],
  ['shard', { instances: ['shard-twice'] }],
])('a %s that Lambda delivers twice, with one request id, is polled once', async (what, event) => {
  stage.aws.staleReadsFrom = undefined;
  await stage.clear();
  const name = `${what}-twice`;
  const texts = series(1500, (at) => activityText(at));
  putAll(await stage.add(name), 'activities', texts);
  stage.console(name).faults.push(() => ({ hang: true }));
  const poller = stage.world.collector.functions.get('activities');
  const invoke = () => poller?.invoke({ ...event, time: new Date().toISOString() }, `request-of-${what}`);
  const first = invoke();
  await expect.poll(() => stage.pages(name, 'activities').length, { timeout: 60_000 }).toBe(1);
  expect(await invoke()).toMatchObject({ due: 1, notReached: 1 });
  expect(stage.pages(name, 'activities')).toHaveLength(1);
  stage.console(name).faults = [];
  stage.world.consoles.cutConnections();
  expect(await first).toMatchObject({ due: 1, notReached: 0 });
  expect(await stage.judge(name, 'activities', texts)).toEqual(exactlyOnce);
});
