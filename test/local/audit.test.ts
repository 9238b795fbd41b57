import { afterAll, beforeAll, expect, test } from 'vitest';
import { activityText, ago, freshId, threatText } from '../fixtures/records.ts';
import { goodToken, startWorld, type World } from '../support/world.ts';

const host = 'usea1-audit.sentinelone.net';
const lateId = freshId();

let world: World;
let ticks = 0;

/** Every poll after the first is followed by an audit of one of the two or three whole hours since the look-back. */
beforeAll(async () => {
  world = await startWorld({ hosts: { [host]: {} }, overrides: { auditMs: 1 } });
  for (let minutes = 1; minutes < 170; minutes += 2) {
    world.consoles.console(host).put('activities', activityText(ago(minutes)));
    world.consoles.console(host).put('threats', threatText(ago(minutes)));
  }
  await world.collector.addInstance({ instance: 'audit', host, lookbackHours: 3 }, goodToken);
  await tick('activities');
  await tick('threats');
});
afterAll(() => world.close());

async function tick(stream: string): Promise<void> {
  await world.tick(stream, 10 * ticks);
  ticks += 1;
}

const audits = (stream: string) =>
  world.log.filter(
    (line) => line.stream === stream && String(line.message).startsWith('sentinelone: audited'),
  );
const polls = () => world.consoles.console(host).requests.filter(({ query }) => query.countOnly !== 'true');

test('an audit that finds nothing says so, and asks for nothing but a count', async () => {
  // The second poll asks when the token ends.
  await tick('activities');
  const before = { polls: polls().length, audits: audits('activities').length };
  for (let i = 0; i < 10; i++) await tick('activities');
  expect(polls().length - before.polls).toBe(10);
  expect(audits('activities').length - before.audits).toBe(10);
  for (const line of audits('activities')) {
    expect(line.message).toBe('sentinelone: audited activities: nothing is missing');
    expect(line.delivered).toBe(line.atConsole);
  }
});

test('a record that became visible later than any overlap is found, and its hour is delivered again', async () => {
  const text = JSON.stringify({ id: lateId, activityType: 27, createdAt: ago(100) });
  world.consoles.console(host).put('activities', text);
  while (!(await world.artifacts()).some(({ raw }) => raw === text)) await tick('activities');

  const found = audits('activities').find(({ level }) => level === 'ERROR');
  expect(found?.message).toMatch(
    /of audit from .*: \d+ at the console, \d+ delivered: the hour was read again/,
  );
  expect(Number(found?.atConsole) - Number(found?.delivered)).toBe(1);
  expect(found?.readAgain).toBe(found?.atConsole);
  const again = (await world.artifacts()).filter(({ metadata }) => metadata.stream === 'activities');
  const repeated = again.length - new Set(again.map(({ metadata }) => metadata.id)).size;
  expect(repeated).toBe(found?.delivered);
});

test('the hour that was read again is not missing anything any more', async () => {
  const errors = () => audits('activities').filter(({ level }) => level === 'ERROR').length;
  for (let i = 0; i < 30; i++) await tick('activities');
  expect(errors()).toBe(1);
});

test('threats that changed have left their hour, and nobody misses them', async () => {
  const texts = world.consoles.console(host).texts('threats');
  for (const text of texts.slice(0, 40)) {
    const { id } = JSON.parse(text);
    world.consoles.console(host).put('threats', threatText(ago(0), { id }));
  }
  for (let i = 0; i < 15; i++) await tick('threats');
  expect(audits('threats').length).toBeGreaterThanOrEqual(15);
  expect(audits('threats').filter(({ level }) => level === 'ERROR')).toEqual([]);
});
