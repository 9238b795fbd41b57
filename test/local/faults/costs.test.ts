import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fault, faults } from '../../../local/console/faults.ts';
import { startTiles } from '../../../local/tiles.ts';
import { activityText, ago } from '../../fixtures/records.ts';
import { goodToken } from '../../support/world.ts';
import { hostOf, type Stage, startStage } from './stage.ts';

// What hostile consoles cost their neighbours and their operator, over the functions as deployed.

const hour = 3_600_000;
const hostile = ['endless', 'circle', 'tiny', 'unasked', 'some-unasked', 'ahead', 'flood', 'killer'];
const sharing = Array.from({ length: 12 }, (_, i) => `shared-${i + 1}`);
/** Fewer than share a console, so that the others start after it has answered. */
const few = { instancesAtOnce: 8 };
const stream = 'activities';

let stage: Stage;
let serial = 0;
let sharedInOneRun: number;
/** By instance, after two ticks. */
const tiles = new Map<string, string | undefined>();
const text = (minutesAgo: number) => activityText(ago(minutesAgo, ++serial % 1000));
const requestsOf = (name: string) => stage.pages(name, stream);
const status = (name: string) => stage.world.status(name, stream);
const warnings = (name: string) =>
  stage.world.log
    .filter(({ level, instance }) => level === 'WARN' && instance === name)
    .map(({ message }) => String(message));

/** What a console answers to each request of the stream, given the page token and how many were asked before. */
function answers(name: string, answer: (token: string | undefined, i: number) => Fault) {
  let asked = 0;
  stage.console(name).faults.push(({ path, query }) => {
    if (path !== `/${stream}`) return undefined;
    return answer(query.cursor, asked++);
  });
}

beforeAll(async () => {
  stage = await startStage([...hostile, 'shared', 'honest', 'greedy', 'large', 'paced'], {
    // A page may take longer than any test.
    overrides: { ...few, requestsPerSecond: 20, dayArtifacts: 300, hoursPerPoll: 0, pageTimeoutMs: 600_000 },
  });
  for (const name of [...hostile, 'honest']) await stage.add(name);
  const host = hostOf('shared');
  const secret = JSON.stringify({ apiKey: goodToken, host });
  for (const instance of sharing) await stage.world.collector.addInstance({ instance, host }, secret);
  stage.console('honest').put(stream, text(60));
  answers('endless', (_, i) => faults.pageOf([], `token ${i}`));
  const circle = { A: [text(9), text(8)], B: [text(7), text(6)] };
  const later = text(1);
  stage.console('circle').faults.push(({ path, query }) => {
    if (path !== `/${stream}`) return undefined;
    if (query.cursor === undefined && (query.createdAt__gte ?? '') > ago(6.5))
      return faults.pageOf([later], null);
    return query.cursor === 'B' ? faults.pageOf(circle.B, 'A') : faults.pageOf(circle.A, 'B');
  });
  answers('tiny', (_, i) => faults.pageOf([text(500 - (i % 400))], `token ${i}`));
  const stock = Array.from({ length: 50 }, () => text(20 * 60));
  answers('unasked', () => faults.pageOf(stock, null));
  const someOld = [text(20 * 60), text(20 * 60), text(20)];
  answers('some-unasked', (token) =>
    token ? faults.pageOf(someOld, null) : faults.pageOf([text(30)], 'more'),
  );
  stage.console('ahead').put(stream, text(60));
  stage.console('ahead').faults.push(() => faults.dateAhead(23 * hour));
  answers('flood', (_, i) =>
    faults.pageOf(
      Array.from({ length: 100 }, () => text(500)),
      `token ${i}`,
    ),
  );
  answers('shared', () => faults.tooManyRequests('900'));
  stage.console('killer').put(stream, text(60));
  await stage.tick(stream);
  sharedInOneRun = requestsOf('shared').length;
  await stage.tick(stream);
  for (const name of [...hostile, 'shared-1']) tiles.set(name, await tileOf(name));
});
afterAll(() => stage.world.close());

/** The tile of an instance, where it alone is asked for. */
async function tileOf(name: string): Promise<string | undefined> {
  const { url, close } = await startTiles(stage.world.collector);
  const page = await (await fetch(`${url}?find=${name}`)).text();
  await close();
  const tiles = page.split('<div class="s1-tile ');
  return tiles.find((tile) => tile.includes(`<bdi class="s1-name">${name}</bdi>`));
}

test.each([
  ['endless', 'unreadable', /page tokens lead to nothing new/],
  ['tiny', 'backlogged', /had almost no records/],
  ['unasked', 'ok', /older than requested/],
  ['some-unasked', 'ok', /older than requested/],
  ['ahead', 'ok', /clock is \d+ minutes ahead/],
  ['flood', 'over-budget', /were delivered today/],
  ['shared-1', 'rate-limited', /429|takes no request/],
])('log, status and tile name the culprit within two ticks: %s', (name, state, says) => {
  const tile = tiles.get(name);
  expect(tile).toMatch(/^s1-(red|yellow)"/);
  expect(tile).toMatch(says);
  const lines = stage.world.log.filter(({ instance, level }) => instance === name && level !== 'INFO');
  expect(lines.map(({ message }) => message)).toContainEqual(expect.stringMatching(says));
  expect(lines.map((line) => line.state)).toContain(state);
});

test('the honest neighbour is polled in each tick', async () => {
  expect(await status('honest')).toMatchObject({ state: 'ok', failures: 0 });
  expect(await stage.delivered('honest')).toHaveLength(1);
});

describe('page tokens that never end', () => {
  test('with empty pages end the listing with an error that says so', async () => {
    expect(await status('endless')).toMatchObject({
      state: 'unreadable',
      lastError: expect.stringMatching(/page tokens lead to nothing new/),
    });
    // Two polls, each of which starts once.
    expect(requestsOf('endless').length).toBeLessThan(60);
  });

  test('in a circle do not hide what comes after it', async () => {
    const found = await stage.delivered('circle');
    expect(new Set(found.map(({ metadata }) => metadata.id)).size).toBe(5);
    expect(requestsOf('circle').length).toBeLessThan(150);
  });
});

test('pages of one record are a hundred in a run, yellow, and a warning says what to do', async () => {
  expect(requestsOf('tiny').length).toBeLessThanOrEqual(204);
  expect(await status('tiny')).toMatchObject({ state: 'backlogged', notice: 'small-pages' });
  expect(warnings('tiny')[0]).toMatch(/pages in a run had almost no records\. No data is lost/);
});

test('records that were not requested are noticed, and remembered from then on', async () => {
  await stage.tick(stream);
  await stage.tick(stream);
  expect(await status('unasked')).toMatchObject({ state: 'ok', notice: 'filter', lastCount: 0 });
  expect(warnings('unasked')[0]).toMatch(/older than requested\. Report to SentinelOne/);
  expect((await stage.delivered('unasked')).length).toBeLessThanOrEqual(100);
});

test('a Date that is 23 hours ahead moves no position past our clock, and is told', async () => {
  const { position = '', notice } = await status('ahead');
  expect(Date.parse(position)).toBeLessThanOrEqual(Date.now());
  expect(notice).toBe('clock');
  stage.console('ahead').put(stream, text(1));
  await stage.tick(stream);
  expect(await stage.delivered('ahead')).toHaveLength(2);
});

test('a flood ends with the artifacts that a day may bring, and waits for the next', async () => {
  const { state, spentArtifacts } = await status('flood');
  expect(state).toBe('over-budget');
  // A page of 100 may go beyond the 300.
  expect(spentArtifacts).toBeGreaterThanOrEqual(300);
  expect(spentArtifacts).toBeLessThanOrEqual(400);
});

test('instances that share a console and its token share its Retry-After', async () => {
  // The first, and those that left before it was answered.
  expect(sharedInOneRun).toBeLessThanOrEqual(few.instancesAtOnce);
  for (const name of sharing) expect(await status(name)).toMatchObject({ state: 'rate-limited' });
});

test('two instances of one console whose large pages stop half-way leave room for those of another', async () => {
  const body = Buffer.alloc(15 * 2 ** 20, ' ');
  const headers = { 'content-type': 'application/json', 'content-encoding': 'identity' };
  const answer = { status: 200, headers, body };
  answers('greedy', () => ({ answer, trickle: { bytes: 2 ** 21, everyMs: 600_000 } }));
  const record = () => activityText(ago(60), { data: 'x'.repeat(20_000) });
  const pages = [1, 2, 3, 4].map(() => Array.from({ length: 20 }, record));
  answers('large', (_, i) => ({
    ...faults.pageOf(pages[i] ?? [], pages[i + 1] ? `token ${i}` : null),
    // By then the others hold what they can get.
    delayMs: i === 0 ? 1_500 : 0,
  }));
  const secret = JSON.stringify({ apiKey: goodToken, host: hostOf('greedy') });
  for (const instance of ['greedy-1', 'greedy-2'])
    await stage.world.collector.addInstance({ instance, host: hostOf('greedy') }, secret);
  await stage.add('large');
  const tick = stage.tick(stream);
  const state = async () => (await status('large').catch(() => undefined))?.state;
  await expect.poll(state, { timeout: 40_000 }).toBe('ok');
  expect(requestsOf('greedy')).toHaveLength(2);
  stage.console('greedy').faults = [];
  stage.world.consoles.cutConnections();
  await tick;
  expect(await stage.delivered('large')).toHaveLength(80);
  for (const name of ['greedy-1', 'greedy-2']) expect(await status(name)).toMatchObject({ state: 'ok' });
});

test('instances that share a console and its token share its pace', async () => {
  const names = ['paced-1', 'paced-2', 'paced-3', 'paced-4'];
  answers('paced', (_, i) => faults.pageOf([text(60)], i < 56 ? `token ${i}` : null));
  const secret = JSON.stringify({ apiKey: goodToken, host: hostOf('paced') });
  for (const instance of names)
    await stage.world.collector.addInstance({ instance, host: hostOf('paced') }, secret);
  await stage.tick(stream);
  const times = requestsOf('paced').map(({ at }) => at);
  const perSecond = (times.length - 1) / (((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000);
  expect(times.length).toBeGreaterThanOrEqual(60);
  // The setting is 20 for all of them; only the first request may have come late.
  expect(perSecond).toBeLessThan(25);
});

test('a console whose answers end the run is named, polled last and alone, and failed after three times', async () => {
  let kills = 0;
  stage.console('killer').faults.push(() => {
    kills += 1;
    stage.kill(stream);
    return faults.hang;
  });
  const tick = async () => {
    await stage.tick(stream).catch(() => {});
    for (const { instance } of await stage.world.collector.instances())
      await stage.lapseClaim(instance, stream);
  };
  for (let i = 0; i < 2; i++) await tick();
  expect(warnings('killer')).toContainEqual(
    expect.stringMatching(/ended while activities of killer were polled/),
  );
  expect(await status('killer')).toMatchObject({ killedRuns: 1 });
  const before = requestsOf('honest').length;
  await tick();
  expect(requestsOf('honest').length).toBeGreaterThan(before);
  await tick();
  expect(kills).toBe(3);
  expect(await status('killer')).toMatchObject({
    state: 'failed',
    lastError: expect.stringMatching(/^its answers end the run/),
  });
  expect(await tileOf('killer')).toMatch(/^s1-red"[\s\S]*its answers end the run/);
  expect(await status('honest')).toMatchObject({ state: 'ok' });
});
