import { appendFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTiles } from '../../local/tiles.ts';
import { usageOf } from '../bench/usage.ts';
import { type Bomb, bombs } from '../fixtures/bombs.ts';
import { ago, threatText } from '../fixtures/records.ts';
import { goodToken, startWorld, type World } from '../support/world.ts';

/** Of the 512 MB that the function has. */
const memoryMib = 512;

const mostMib = 0.8 * memoryMib;

const nameOf = (bomb: Bomb) => `bomb-${bombs.indexOf(bomb)}`;
const hostOf = (name: string) => `usea1-${name}.sentinelone.net`;

let world: World;
let edits = 0;

beforeAll(async () => {
  const hosts = ['honest', ...bombs.map(nameOf)].map(hostOf);
  world = await startWorld({ hosts: Object.fromEntries(hosts.map((host) => [host, {}])) });
  world.consoles.console(hostOf('honest')).put('threats', threatText(ago(60)));
  for (const bomb of bombs) {
    const { faults } = world.consoles.console(hostOf(nameOf(bomb)));
    faults.push(({ path, query }) => (path === '/threats' ? bomb.answer(Number(query.limit)) : undefined));
  }
});
afterAll(() => world.close());

/** What was edited is due. */
async function edit(name: string, enabled = true): Promise<void> {
  edits += 1;
  const record = { instance: name, host: hostOf(name), lookbackHours: 24 + edits, enabled };
  const isNew = !(await world.collector.instances()).some(({ instance }) => instance === name);
  const secret = JSON.stringify({ apiKey: goodToken, host: hostOf(name) });
  await world.collector.addInstance(record, isNew ? secret : undefined);
}

async function tickPolls(hostile: readonly Bomb[]): Promise<number> {
  for (const bomb of hostile) await edit(nameOf(bomb));
  await edit('honest');
  const began = Date.now();
  await world.tick('threats');
  const honest = await world.status('honest', 'threats');
  expect(honest, honest.lastError).toMatchObject({ state: 'ok' });
  expect(Date.parse(honest.lastPollAt ?? '')).toBeGreaterThanOrEqual(began);
  await world.artifacts();
  const { peakMib } = usageOf(world.collector.functions.get('threats')?.pid ?? 0);
  return peakMib;
}

/** For docs/benchmarks.md. */
function note(what: string, peakMib: number): void {
  const { BOMB_PEAKS: file } = process.env;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify([what, peakMib])}\n`);
}

describe('a console that answers with', () => {
  test.each(bombs.map((bomb) => [bomb.what, bomb] as const))(
    '%s costs its neighbours nothing',
    async (what, bomb) => {
      const pid = world.collector.functions.get('threats')?.pid;
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
      while (world.collector.functions.get('threats')?.pid !== undefined)
        await new Promise((r) => setTimeout(r, 5));
      const peakMib = await tickPolls([bomb]);
      note(what, peakMib);
      expect(peakMib).toBeLessThan(mostMib);
      const status = await world.status(nameOf(bomb), 'threats');
      expect(status, status.lastError).toMatchObject({ state: bomb.state });
      if (bomb.state === 'ok') {
        expect(status.lastCount).toBeGreaterThan(0);
        // The second poll that catches up checks past hours: what the console counts is a bomb as well.
        await tickPolls([bomb]);
        const message = expect.stringMatching(
          `^sentinelone: past hours of threats of ${nameOf(bomb)} not checked: `,
        );
        expect(world.log).toContainEqual(expect.objectContaining({ level: 'WARN', message }));
      } else {
        expect(world.log).toContainEqual(
          expect.objectContaining({ level: 'ERROR', instance: nameOf(bomb), state: bomb.state }),
        );
      }
      await edit(nameOf(bomb), false);
    },
  );
});

describe('the operator function', () => {
  const range = { from: '2026-03-01T00:00:00.000000Z', to: '2026-03-02T00:00:00.000000Z' };
  const asked = { askedBy: 'test', stream: 'threats', by: 'test', ...range };
  const check = (of: string) => ({ action: 'check', askedBy: 'test', of });
  const replay = (instance: string) => ({ action: 'replay', instance, ...asked });
  const operator = () => world.collector.functions.get('operator');
  const peakMib = () => usageOf(operator()?.pid ?? 0).peakMib;
  const some = bombs.filter(({ what }) =>
    /^(3 MiB|1,000 records|80 records|400 records|15 records of 900)/.test(what),
  );

  test.each(some.map((bomb) => [bomb.what, bomb] as const))(
    'outlives a check and a replay of a console that answers with %s',
    async (_, bomb) => {
      const name = nameOf(bomb);
      expect(await operator()?.invoke(check(name))).toMatchObject({ host: hostOf(name) });
      const state = bomb.state === 'ok' ? 'done' : 'failed';
      expect(await operator()?.invoke(replay(name))).toMatchObject({ state });
      await world.artifacts();
      expect(peakMib()).toBeLessThan(mostMib);
    },
  );

  test('then checks and replays their neighbour', async () => {
    expect(await operator()?.invoke(check('honest'))).toMatchObject({ good: true });
    expect(await operator()?.invoke(replay('honest'))).toMatchObject({ state: 'done' });
    note('checks and replays, one after the other', peakMib());
  });
});

test('all of them at once cost their neighbour nothing', async () => {
  const peakMib = await tickPolls(bombs);
  note('all of them at once', peakMib);
  expect(peakMib).toBeLessThan(mostMib);

  const { url, close } = await startTiles(world.collector);
  for (const bomb of bombs.filter(({ state }) => state !== 'ok')) {
    // Where many have one cause, each has its tile when it is asked for.
    const tiles = (await (await fetch(`${url}?find=${nameOf(bomb)}`)).text()).split('<div class="s1-tile ');
    const tile = tiles.find((one) => one.includes(`<bdi class="s1-name">${nameOf(bomb)}</bdi>`));
    expect(tile, bomb.what).toMatch(
      new RegExp(`^s1-(red|yellow)"[^]*<td class="s1-word"[^>]*>${bomb.state}<`),
    );
  }
  await close();
});
