import { expect, test } from 'vitest';
import { run } from '../../../functions/collect/run.ts';
import { driftFinder, driftNews } from '../../../functions/streams/drift.ts';
import { pageText, scene } from '../../fixtures/collect-setup.ts';
import { settings, stream as sightings } from '../../fixtures/given.ts';

const day = 24 * 60 * 60 * 1000;
const host = 'usea1-acme.sentinelone.net';
const stream = { ...sightings, drift: driftFinder({ state: ['open'] }) };

test('a new value is delivered, counted in the status, and reported once a day, until it is no longer there', async () => {
  const { clock, instances, secrets, consoles, answer, cursors, outcomes, ports, delivered } = scene();
  instances.put({ instance: 'acme', host });
  secrets.put('signal-client/sentinelone/acme', 'token');
  let state = 'frozen';
  let polls = 0;
  consoles.set(host, () => {
    const { data } = JSON.parse(pageText({ [`a${polls}`]: polls, [`b${polls}`]: polls }));
    const body = JSON.stringify({ data: data.map((one: object) => ({ ...one, state })), pagination: {} });
    return answer(body);
  });
  const poll = async () => {
    polls += 1;
    const end = clock.now() + 540_000;
    const of = { id: `run ${polls}`, scheduledAt: clock.now(), remainingMs: () => end - clock.now() };
    await clock.runThrough(run(stream, of, settings, ports));
  };
  const status = () => cursors.items.get('acme sightings')?.status;
  await poll();
  await clock.runUntil(clock.now() + 600_000);
  await poll();
  expect(delivered()).toEqual(['a1', 'b1', 'a2', 'b2']);
  expect(driftNews(status()?.drift)).toEqual(['state has a new value: frozen (4 records)']);
  expect(outcomes.flatMap(({ drifted }) => drifted ?? [])).toEqual([]);

  state = 'open';
  for (let i = 0; i < 3; i++) {
    await clock.runUntil(clock.now() + day);
    await poll();
    await clock.runUntil(clock.now() + 600_000);
    await poll();
  }
  expect(outcomes.flatMap(({ drifted }) => drifted ?? [])).toEqual([
    { day: '2026-03-01', news: ['state has a new value: frozen (4 records)'] },
  ]);
  expect(status()).not.toHaveProperty('drift');
  expect(delivered()).toHaveLength(16);
});
