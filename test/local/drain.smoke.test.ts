import { afterAll, beforeAll, expect, test } from 'vitest';
import { startWorld, type World } from '../support/world.ts';

const host = 'usea1-drain.sentinelone.net';
const records = 30_000;
const tied = 1_500;

let world: World;

/** Half an hour of activities; the 1,500 in the middle share one microsecond. */
beforeAll(async () => {
  world = await startWorld({ hosts: { [host]: {} }, overrides: { pagesPerRun: 12 } });
  const start = Date.now() - 60 * 60_000;
  const tie = { from: 14_000, to: 14_000 + tied };
  for (let i = 0; i < records; i++) {
    const step = i >= tie.from && i < tie.to ? tie.from : i;
    const createdAt = `${new Date(start + step * 60).toISOString().slice(0, -1)}${String(step % 1000).padStart(3, '0')}Z`;
    world.consoles
      .console(host)
      .put('activities', JSON.stringify({ id: String(10n ** 17n + BigInt(i)), activityType: 71, createdAt }));
  }
  await world.collector.addInstance({ instance: 'drain', host }, 'a-good-token');
});
afterAll(() => world.close());

test('30,000 activities, of which 1,500 share a timestamp, arrive exactly once over at least three runs', async () => {
  let runs = 0;
  do {
    await world.tick('activities', 10 * runs);
    runs += 1;
  } while ((await world.status('drain', 'activities')).state === 'backlogged');
  expect(runs).toBeGreaterThanOrEqual(3);

  // Counted in the bodies' text, not by what the collector says of them.
  await world.artifacts();
  const seen = new Map<string, number>();
  for (const { Body = '' } of world.messages) {
    for (const [, id = ''] of Body.matchAll(/\\"id\\":\\"(\d{18})\\"/g))
      seen.set(id, (seen.get(id) ?? 0) + 1);
  }
  expect(seen.size).toBe(records);
  expect([...seen.values()].filter((times) => times !== 1)).toEqual([]);
});

test('the console is asked for no more pages than there are, and one listing goes through all runs', () => {
  const requests = world.consoles
    .console(host)
    .requests.filter(({ path, query }) => path === '/activities' && query.countOnly === undefined);
  expect(requests.length).toBeLessThanOrEqual(records / 1000 + 1);
  expect(new Set(requests.map(({ query }) => query.createdAt__gte)).size).toBe(1);
  expect(requests.every(({ query }) => query.limit === '1000' && query.sortBy === 'createdAt')).toBe(true);
});

test('a caught-up stream is read again from the overlap, and nothing comes twice', async () => {
  const before = world.messages.length;
  await world.tick('activities', 600);
  await world.artifacts();
  expect(world.messages.length).toBe(before);
  expect(await world.status('drain', 'activities')).toMatchObject({ state: 'ok', lastCount: 0, failures: 0 });
});
