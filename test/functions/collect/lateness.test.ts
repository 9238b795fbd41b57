import { expect, test } from 'vitest';
import { run } from '../../../functions/collect/run.ts';
import type { Settings } from '../../../functions/collect/settings.ts';
import { verdictOf } from '../../../functions/health/verdict.ts';
import { subjectOf } from '../../../functions/instances/subject.ts';
import type { RestStream } from '../../../functions/streams/stream.ts';
import { FakeConsole, type ShownRecord } from '../../fakes/console.ts';
import { noon, scene } from '../../fixtures/collect-setup.ts';
import { at, settings, stream as sightings } from '../../fixtures/given.ts';

const minute = 60_000;
const stream: RestStream = { ...sightings, cadenceMinutes: 5, created: ['updatedAt'] };
const name = 'acme';
const host = 'usea1-acme.sentinelone.net';

/** A console with a record for each minute of so many hours, which shows it so many minutes later. */
function collector(
  hours: number,
  lateMinutes: (minute: number) => number,
  skewMs = 0,
  more: Partial<Settings> = {},
) {
  const world = scene();
  const { clock, instances, secrets, cursors, outcomes, ports, delivered } = world;
  const consoleMs = () => clock.now() + skewMs;
  const records = Array.from({ length: hours * 60 }, (_, i): ShownRecord & { readonly from: number } => {
    const time = at(i * 60 + skewMs / 1000, 1);
    const id = `r${i}`;
    const from = noon + skewMs + (i + lateMinutes(i)) * minute;
    return { id, time, text: JSON.stringify({ id, updatedAt: time }), from };
  });
  const shown = () => records.filter(({ from }) => from <= consoleMs());
  const sentinelone = new FakeConsole(shown, ['token'], consoleMs);
  const put = (more: object = {}) => instances.put({ instance: name, host, lookbackHours: 0, ...more });
  put();
  secrets.put(`signal-client/sentinelone/${name}`, 'token');
  let runs = 0;
  const tick = async () => {
    const end = clock.now() + 270_000;
    const of = { id: `run ${runs++}`, scheduledAt: clock.now(), remainingMs: () => end - clock.now() };
    await clock.runThrough(run(stream, of, { ...settings, ...more }, { ...ports, sentinelone }));
  };
  return {
    put,
    delivered,
    missing: () => outcomes.flatMap(({ hoursChecked }) => hoursChecked?.missed ?? []),
    console: sentinelone,
    /** Polls every five minutes until so many hours have passed in all. */
    async until(passed: number) {
      for (let next = clock.now(); next < noon + passed * 60 * minute; next += 5 * minute) {
        await clock.runUntil(next);
        await tick();
      }
    },
    verdict: () => {
      const item = cursors.items.get(`${name} ${stream.name}`);
      const subject = subjectOf(instances.items.get(name) ?? {}, stream, settings.instanceRules);
      return verdictOf(subject, item && { status: item.status }, stream, clock.now());
    },
  };
}

test.each([0, -3 * minute])(
  'a console whose records come 25 minutes late is told with the overlap to set, and then nothing is missed (clock %d ms ahead)',
  async (skewMs) => {
    const { put, until, verdict, missing, delivered } = collector(12, () => 25, skewMs);
    await until(4);
    expect(missing().length).toBeGreaterThan(0);
    expect(verdict()).toMatchObject({
      light: 'yellow',
      word: 'late records',
      error: expect.stringContaining('later than the overlap of 10 minutes'),
      remedy: 'Run: collector set acme --overlap-minutes 30',
    });
    put({ overlapMinutes: 30 });
    const before = delivered().length;
    await until(4.2);
    // What became visible in the last half hour comes at once.
    expect(delivered().length - before).toBeGreaterThan(15);
    const known = missing().length;
    await until(13);
    // The hours from before the change are counted once more a day later.
    expect(
      missing()
        .slice(known)
        .filter(({ hour }) => hour >= at(4 * 3600)),
    ).toEqual([]);
    const late = new Set(delivered());
    for (let i = 4 * 60; i < 12 * 60; i++) expect(late, `r${i}`).toContain(`r${i}`);
    expect(verdict()).toMatchObject({ light: 'green', word: 'ok' });
    // The last listing did not have them 20 to 25 minutes after their time.
    const { mostMs = 0, overlapMs } = verdict().lateness ?? {};
    expect(overlapMs).toBe(30 * minute);
    expect(mostMs).toBeGreaterThan(0.9 * 20 * minute);
    expect(mostMs).toBeLessThan(1.1 * 25 * minute);
  },
);

test('what listings find is known within 10 % and the time between two polls', async () => {
  // 8 minutes, of which 5 pass between polls; one record in a hundred.
  const { until, verdict, missing } = collector(10, (i) => (i % 100 === 0 ? 8 : 0));
  await until(10);
  expect(missing()).toEqual([]);
  const { records, p50Ms, mostMs = 0 } = verdict().lateness ?? {};
  expect(records).toBeGreaterThan(550);
  expect(p50Ms).toBe(0);
  expect(mostMs).toBeGreaterThan(0.9 * 3 * minute);
  expect(mostMs).toBeLessThan(1.1 * 8 * minute);
  expect(verdict().light).toBe('green');
});

test('neither a first look-back nor an outage is lateness', async () => {
  const { put, until, verdict } = collector(10, () => 0);
  put({ enabled: false });
  await until(5);
  put({ lookbackHours: 5 });
  await until(6);
  put({ enabled: false });
  await until(9);
  put({});
  await until(10);
  expect(verdict().lateness).toMatchObject({ mostMs: 0 });
});

test('a longer overlap continues the same listing, and what it repeats is not late', async () => {
  const { put, until, verdict, delivered } = collector(6, () => 0);
  await until(2);
  put({ overlapMinutes: 60 });
  await until(2.5);
  // The memory did not reach back so far: those of the 50 minutes before it come once more.
  const again = delivered().length - new Set(delivered()).size;
  expect(again).toBeGreaterThan(40);
  expect(again).toBeLessThanOrEqual(51);
  await until(6);
  expect(delivered().length - new Set(delivered()).size).toBe(again);
  expect(verdict()).toMatchObject({ light: 'green', lateness: { mostMs: 0, overlapMs: 60 * minute } });
});

test('what comes again because the memory is full is not late', async () => {
  const { until, verdict, delivered } = collector(3, () => 0, 0, { memoryEntries: 5 });
  await until(3);
  expect(delivered().length).toBeGreaterThan(2 * new Set(delivered()).size);
  expect(verdict().lateness?.mostMs ?? 0).toBe(0);
});

test('a listing that goes on in the next run and is not in order makes nothing late', async () => {
  const { until, verdict, delivered, console } = collector(3, () => 0, 0, { pagesPerRun: 1 });
  await until(1);
  const { get } = console;
  // The newest first, in two parts.
  console.get = async (request) => {
    const { cursor, ...query } = request.query;
    const { body, ...more } = await get.call(console, { ...request, query });
    const { data } = JSON.parse(body.toString());
    const isRest = cursor === 'rest';
    const page = isRest ? data.slice(0, -3) : data.slice(-3);
    const pagination = { nextCursor: isRest ? null : 'rest' };
    return { ...more, body: Buffer.from(JSON.stringify({ data: page, pagination })) };
  };
  await until(3);
  expect(new Set(delivered()).size).toBeGreaterThan(165);
  expect(verdict().lateness).toMatchObject({ mostMs: 0 });
});
