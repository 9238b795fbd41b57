import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { faultFor, faults } from '../../local/console/faults.ts';
import { activityText, ago } from '../fixtures/records.ts';
import { startWorld, type World } from '../support/world.ts';

const hostOf = (name: string) => `usea1-${name}.sentinelone.net`;

/** Pages of more than so many records are too much for this console. */
const most =
  (records: number) =>
  ({ query }: { query: Record<string, string> }) =>
    Number(query.limit) > records ? faults.hang : undefined;

let world: World;
const count = 1200;

beforeAll(async () => {
  const names = ['hangs', 'slow-when-large', 'bomb', 'cut-off', 'sound'];
  world = await startWorld({
    hosts: Object.fromEntries(names.map((name) => [hostOf(name), {}])),
    overrides: { pageTimeoutMs: 2000 },
  });
  const { consoles, collector } = world;
  for (const name of names) {
    for (let i = 0; i < (name === 'slow-when-large' ? count : 3); i++) {
      consoles.console(hostOf(name)).put('activities', activityText(ago(300 - i / 10, i % 1000)));
    }
    await collector.addInstance({ instance: name, host: hostOf(name) }, 'a-good-token');
  }
  consoles.console(hostOf('hangs')).faults.push(faultFor({ path: '/activities' }, faults.hang));
  consoles.console(hostOf('slow-when-large')).faults.push(most(500));
  consoles.console(hostOf('bomb')).faults.push(faultFor({ path: '/activities' }, faults.gzipBomb(40)));
  consoles
    .console(hostOf('cut-off'))
    .faults.push(faultFor({ path: '/activities', times: 2 }, faults.truncated(200)));
  await world.tick('activities');
});
afterAll(() => world.close());

const limits = (name: string) =>
  world.consoles.console(hostOf(name)).requests.map(({ query }) => Number(query.limit));

describe('a page that is too much', () => {
  test('is asked for again with half as many records, until it comes', async () => {
    expect(limits('slow-when-large').slice(0, 2)).toEqual([1000, 500]);
    expect(await world.status('slow-when-large', 'activities')).toMatchObject({
      state: 'ok',
      lastCount: count,
    });
    const artifacts = (await world.artifacts()).filter(
      ({ metadata }) => metadata.instance === 'slow-when-large',
    );
    expect(new Set(artifacts.map(({ metadata }) => metadata.id)).size).toBe(count);
    expect(artifacts).toHaveLength(count);
  });

  test.each(['hangs', 'bomb'])('down to a single record, and then it is unreachable: %s', async (name) => {
    expect([...new Set(limits(name))]).toEqual([1000, 500, 250, 125, 62, 31, 15, 7, 3, 1]);
    expect(await world.status(name, 'activities')).toMatchObject({ state: 'unreachable', lastCount: 0 });
  });
});

test('an answer that is cut off is asked for again, and nothing of it is delivered twice', async () => {
  expect(await world.status('cut-off', 'activities')).toMatchObject({ state: 'ok', lastCount: 3 });
  const artifacts = (await world.artifacts()).filter(({ metadata }) => metadata.instance === 'cut-off');
  expect(artifacts).toHaveLength(3);
});

test('the others are polled meanwhile', async () => {
  expect(await world.status('sound', 'activities')).toMatchObject({ state: 'ok', lastCount: 3 });
});

test('a console that answers again brings everything at the next tick', async () => {
  world.consoles.console(hostOf('hangs')).faults = [];
  await world.tick('activities', 60);
  expect(await world.status('hangs', 'activities')).toMatchObject({ state: 'ok', lastCount: 3 });
});
