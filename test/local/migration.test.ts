import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultStreams as streams } from '../../functions/streams/list.ts';
import { activityText, agentText, ago, threatText } from '../fixtures/records.ts';
import { goodToken, startWorld, type World } from '../support/world.ts';

/** The steps of docs/from-conductor.md, beside a collector that has everything until it is switched off. */
const host = 'usea1-switch.sentinelone.net';
const minute = 60_000;

let world: World;
/** By record id: when it was put there, or changed. */
const before = new Map<string, number>();
const sideBySide = new Set<string>();
const after = new Set<string>();
let delivered: { id: string; stream: string }[];

function put(stream: string, text: string): string {
  world.consoles.console(host).put(stream, text);
  return JSON.parse(text).id;
}

const putEach = (): string[] => [
  put('threats', threatText(ago(0))),
  put('activities', activityText(ago(0))),
  put('agents', agentText(ago(0))),
];

beforeAll(async () => {
  world = await startWorld({ hosts: { [host]: {} } });
  for (let minutes = 4; minutes < 180; minutes += 4) {
    const at = Date.now() - minutes * minute;
    before.set(put('threats', threatText(ago(minutes))), at);
    before.set(put('activities', activityText(ago(minutes))), at);
    before.set(put('agents', agentText(ago(minutes))), at);
  }
  await world.collector.addInstance({ instance: 'switch', host, lookbackHours: 1 }, goodToken);
  for (const { name } of streams) await world.tick(name);
  for (const { name } of streams) expect(await world.status('switch', name)).toMatchObject({ state: 'ok' });
  for (const id of putEach()) sideBySide.add(id);
  // From here on Conductor is off.
  for (const id of putEach()) after.add(id);
  for (const { name } of streams) await world.tick(name, 60);
  delivered = (await world.artifacts()).map(({ metadata }) => ({
    id: String(metadata.recordId),
    stream: String(metadata.stream),
  }));
});
afterAll(() => world.close());

test('nothing that happens once all three states are ok is missed', () => {
  const ids = delivered.map(({ id }) => id);
  for (const id of [...sideBySide, ...after]) expect(ids).toContain(id);
});

test('of what Conductor had, only the look-back, the overlap and the time side by side come again', () => {
  const again = delivered.filter(({ id, stream }) => before.has(id) && stream !== 'agents');
  const oldest = Math.min(...again.map(({ id }) => before.get(id) ?? 0));
  expect(again.length).toBeGreaterThan(0);
  expect(Date.now() - oldest).toBeLessThan((60 + 10 + 4) * minute);
});

test('agents come once as a whole inventory', () => {
  const agents = delivered.filter(({ stream }) => stream === 'agents').map(({ id }) => id);
  expect(new Set(agents).size).toBe(agents.length);
  expect(agents).toHaveLength(before.size / 3 + 2);
});
