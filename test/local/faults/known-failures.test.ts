import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { faultFor, faults } from '../../../local/console/faults.ts';
import { activityText, agentText, ago, freshId, threatText } from '../../fixtures/records.ts';
import { awsFaults, befallAws } from '../../support/aws-proxy.ts';
import { goodToken } from '../../support/world.ts';
import { asks, exactlyOnce, pageSize, putAll, type Stage, series, startStage, time } from './stage.ts';

/** What broke other collectors, in the order of their list: each of them, and what this one does. */
let stage: Stage;

// biome-ignore format: one for each test, in the order of the tests.
const names = [
  'save', 'push', 'middle', 'ties', 'field', 'verdicts', 'filters', 'tokens', 'looping', 'patient',
  'streams', 'dead', 'killed', 'clocks', 'large', 'rotated', 'empty', 'silent',
];

/** How far the consoles' clock is from ours. */
let skewMs = 0;

beforeAll(async () => {
  stage = await startStage(names, {
    // Far longer than any page takes; only the page that hangs waits for it.
    environment: { TZ: 'Pacific/Chatham' },
    overrides: { pageTimeoutMs: 15_000 },
    nowMs: () => Date.now() + skewMs,
  });
});
afterEach(async () => {
  skewMs = 0;
  await stage.clear();
});
afterAll(() => stage.world.close());

const status = (name: string, stream: string) => stage.world.status(name, stream);
const timeOf = (text: string | undefined): string => {
  const { threatInfo, createdAt } = JSON.parse(text ?? '');
  return threatInfo?.updatedAt ?? createdAt;
};
const countOf = async (name: string) => (await stage.delivered(name)).length;

test('1: the cursor is saved after the queue has accepted the records, so a failure costs nothing and repeats nothing', async () => {
  const texts = series(2_500, (at) => activityText(at));
  putAll(await stage.add('save'), 'activities', texts);
  stage.aws.faults = [befallAws({ which: asks.send('save'), nth: 2 }, awsFaults.unavailable)];
  await stage.tick('activities');
  expect(await status('save', 'activities')).toMatchObject({ state: 'undelivered', lastCount: pageSize });
  expect((await stage.cursorItem('save', 'activities')).cursor).toMatchObject({
    position: timeOf(texts[pageSize - 1]),
    listing: { read: timeOf(texts[pageSize - 1]) },
  });

  stage.aws.faults = [];
  await stage.tick('activities');
  expect(await status('save', 'activities')).toMatchObject({ state: 'ok', failures: 0 });
  expect(await stage.judge('save', 'activities', texts)).toEqual(exactlyOnce);
});

test('2: a push that fails is made again with the same records: of 20,000 only those of its page that had been accepted repeat', async () => {
  const texts = series(20_000, (at) => activityText(at));
  putAll(await stage.add('push'), 'activities', texts);
  const { id } = JSON.parse(texts[2_500] ?? '');
  let refused = 0;
  const withIt = awsFaults.entriesRefused(({ MessageBody, MessageAttributes }) => {
    if (!MessageBody.includes(id)) return false;
    refused = Number(MessageAttributes.count?.StringValue);
    return true;
  });
  stage.aws.faults = [befallAws({ which: asks.send('push') }, withIt)];
  await stage.tick('activities');
  expect(await status('push', 'activities')).toMatchObject({ state: 'undelivered' });
  expect(await countOf('push')).toBe(3 * pageSize - refused);
  expect(refused).toBeGreaterThan(0);

  stage.aws.faults = [];
  await stage.tick('activities');
  expect(await stage.judge('push', 'activities', texts)).toEqual({
    ...exactlyOnce,
    repeated: pageSize - refused,
  });
});

test('3: a 429 on a middle page ends nothing silently: all 20,000 records arrive once, the rest of them in the next run', async () => {
  const texts = series(20_000, (at) => activityText(at));
  const console = await stage.add('middle');
  putAll(console, 'activities', texts);
  console.faults = [faultFor({ path: '/activities', nth: 5 }, faults.tooManyRequests('3600'))];
  await stage.tick('activities');
  expect(await status('middle', 'activities')).toMatchObject({
    state: 'rate-limited',
    lastCount: 4 * pageSize,
    position: timeOf(texts[4 * pageSize - 1]),
  });

  console.faults = [];
  await stage.tick('activities');
  expect(await status('middle', 'activities')).toMatchObject({ state: 'ok', lastCount: 16_000 });
  expect(await stage.judge('middle', 'activities', texts)).toEqual(exactlyOnce);
});

test('4: records that share a timestamp across a page edge arrive once, even where the page token is refused at that edge', async () => {
  const texts = series(2_500, (at) => activityText(at));
  const tie = timeOf(texts[800]);
  const tied = Array.from({ length: 700 }, () => activityText(tie));
  const console = await stage.add('ties');
  putAll(console, 'activities', [...texts, ...tied]);
  console.faults = [faultFor({ path: '/activities', page: 'later', times: 1 }, faults.refusedPageToken)];
  await stage.tick('activities');
  expect(stage.pages('ties', 'activities')[2]?.query.createdAt__gte).toBe(tie);

  // And two that become visible one after the other, at one and the same time.
  const newest = ago(1);
  const late = [activityText(newest), activityText(newest)];
  for (const text of late) {
    console.put('activities', text);
    await stage.tick('activities');
  }
  expect(await stage.judge('ties', 'activities', [...texts, ...tied, ...late])).toEqual(exactlyOnce);
});

test('5: the position is read from where threats keep their time, so it moves and nothing is sent again', async () => {
  const texts = series(2_500, (at) => threatText(at));
  const console = await stage.add('field');
  putAll(console, 'threats', texts);
  console.faults = [faultFor({ path: '/threats', nth: 3 }, faults.tooManyRequests('3600'))];
  await stage.tick('threats');
  expect((await status('field', 'threats')).position).toBe(timeOf(texts[2 * pageSize - 1]));

  console.faults = [];
  await stage.tick('threats');
  const moved = String((await status('field', 'threats')).position);
  expect(moved > timeOf(texts.at(-1))).toBe(true);
  await stage.tick('threats');
  expect(await status('field', 'threats')).toMatchObject({ state: 'ok', lastCount: 0 });
  const { query } = stage.pages('field', 'threats').at(-1) ?? {};
  expect(Date.parse(String(query?.updatedAt__gte))).toBe(Date.parse(moved) - 10 * 60_000);
  expect(await stage.judge('field', 'threats', texts)).toEqual(exactlyOnce);
});

test('6: threats are asked for by when they changed: each verdict and mitigation arrives, on however old a threat', async () => {
  const created = series(1_500, (at) => threatText(at));
  const console = await stage.add('verdicts');
  const ancient = threatText(ago(10 * 24 * 60));
  putAll(console, 'threats', [ancient, ...created]);
  await stage.tick('threats');
  expect(await stage.judge('verdicts', 'threats', created)).toEqual(exactlyOnce);

  const changed = (text: string, verdict: string) => {
    const { id, threatInfo } = JSON.parse(text);
    const updatedAt = time(Date.now());
    return JSON.stringify({ id, threatInfo: { ...threatInfo, updatedAt, analystVerdict: verdict } });
  };
  const versions = [...created];
  for (const verdict of ['suspicious', 'true_positive']) {
    const now = [ancient, ...created.slice(0, 300)].map((text) => changed(text, verdict));
    putAll(console, 'threats', now);
    versions.push(...now);
    await stage.tick('threats');
  }
  expect(await stage.judge('verdicts', 'threats', versions)).toEqual(exactlyOnce);
});

test('7: the filters go with every page and the page token is found: all of the own site arrives, and nothing else', async () => {
  const site = (siteId: string) => series(2_500, (at) => activityText(at, { siteId }));
  const own = site('225494730938493804');
  const console = await stage.add('filters', { siteIds: ['225494730938493804'] });
  putAll(console, 'activities', [...own, ...site('225494730938493999')]);
  await stage.tick('activities');
  const pages = stage.pages('filters', 'activities');
  expect(pages).toHaveLength(3);
  const sent = pages.map(({ query: { cursor, ...others } }) => JSON.stringify(others));
  expect(new Set(sent).size).toBe(1);
  expect(await stage.judge('filters', 'activities', own)).toEqual(exactlyOnce);
});

test('8: a saved page token that is refused is tried once, a repeated one not at all: the listing goes on from what it has read', async () => {
  const texts = series(4_500, (at) => activityText(at));
  const console = await stage.add('tokens');
  putAll(console, 'activities', texts);
  console.faults = [faultFor({ path: '/activities', nth: 3 }, faults.tooManyRequests('3600'))];
  await stage.tick('activities');
  console.faults = [faultFor({ page: 'later', times: 1 }, faults.refusedPageToken)];
  await stage.tick('activities');
  const statuses = stage.pages('tokens', 'activities').map((page) => page.status);
  expect(statuses).toEqual([200, 200, 429, 400, 200, 200, 200]);
  expect(await stage.judge('tokens', 'activities', texts)).toEqual(exactlyOnce);

  const looping = await stage.add('looping');
  putAll(looping, 'activities', texts);
  looping.faults = [faultFor({ page: 'later' }, faults.nextPage('repeated'))];
  await stage.tick('activities');
  expect(await status('looping', 'activities')).toMatchObject({ state: 'ok' });
  // Two of the five pages come without a page token, from the last timestamp read: that record is read twice, sent once.
  const cursors = stage.pages('looping', 'activities').map(({ query }) => query.cursor !== undefined);
  expect(cursors).toEqual([false, true, false, true, false]);
  expect(await stage.judge('looping', 'activities', texts)).toEqual(exactlyOnce);
});

test('9: a page that hangs is given up and asked for smaller, 429 and 5xx are tried again, and one bad page costs none of the good ones', async () => {
  const texts = series(3_500, (at) => activityText(at));
  const console = await stage.add('patient');
  putAll(console, 'activities', texts);
  const { hang, serverError, badGateway, brokenJson } = faults;
  const answers = [undefined, hang, faults.tooManyRequests(), serverError, badGateway, undefined];
  let requests = 0;
  console.faults = [() => (requests < answers.length ? answers[requests++] : brokenJson)];
  await stage.tick('activities');
  const asked = stage.pages('patient', 'activities').map(({ query, status }) => [query.limit, status]);
  expect(asked).toEqual([
    ['1000', 200],
    ['1000', undefined],
    ['500', 429],
    ['500', 500],
    ['500', 502],
    ['500', 200],
    ['500', 200],
  ]);
  expect(await status('patient', 'activities')).toMatchObject({ state: 'unreadable', lastCount: 1_500 });
  expect(await countOf('patient')).toBe(1_500);

  console.faults = [];
  await stage.tick('activities');
  expect(await stage.judge('patient', 'activities', texts)).toEqual(exactlyOnce);
});

test('10: a 403 stops its own stream only; a dead token is asked about ever less often, and a new one is used at the next tick', async () => {
  const activities = series(1_500, (at) => activityText(at));
  const threats = series(1_500, (at) => threatText(at));
  const agents = [agentText(ago(5_000)), agentText(ago(5))];
  const console = await stage.add('streams');
  for (const [stream, texts] of Object.entries({ activities, threats, agents }))
    putAll(console, stream, texts);
  console.tokens = [{ token: goodToken, permissions: ['Threats.view', 'Endpoints.view'] }];
  for (const stream of ['activities', 'threats', 'agents']) await stage.tick(stream);
  expect(await status('streams', 'activities')).toMatchObject({ state: 'forbidden', lastCount: 0 });
  expect(await stage.judge('streams', 'threats', threats)).toEqual(exactlyOnce);
  expect(await stage.judge('streams', 'agents', agents)).toEqual(exactlyOnce);
  console.tokens = [{ token: goodToken }];
  await stage.tick('activities');
  expect(await stage.judge('streams', 'activities', activities)).toEqual(exactlyOnce);

  const dead = await stage.add('dead');
  putAll(dead, 'threats', threats);
  dead.tokens = [{ token: 'the-new-token' }];
  for (let tick = 0; tick < 10; tick++) await stage.tick('threats', 5);
  // Polled at ticks 0, 1, 3, 6 and 9; each poll asks for one page, and /system/info whether it is the token.
  expect(dead.requests.map(({ path }) => path)).toEqual(
    Array.from({ length: 5 }, () => ['/threats', '/system/info']).flat(),
  );
  expect(await status('dead', 'threats')).toMatchObject({ state: 'unauthorized', failures: 5 });
  stage.world.collector.aws.secrets.put('signal-client/sentinelone/dead', 'the-new-token');
  await stage.tick('threats', 5);
  expect(await stage.judge('dead', 'threats', threats)).toEqual(exactlyOnce);
});

test('11: the claim of a killed run lapses by itself; the page that was delivered and not yet committed is known', async () => {
  const texts = series(3_500, (at) => activityText(at));
  putAll(await stage.add('killed'), 'activities', texts);
  const isCommit = asks.commit('killed');
  let commits = 0;
  stage.aws.faults = [
    (call) => {
      if (!isCommit(call)) return undefined;
      commits += 1;
      if (commits !== 2) return undefined;
      stage.kill('activities');
      return awsFaults.cut;
    },
  ];
  await expect(stage.tick('activities')).rejects.toThrow('SIGKILL');
  stage.aws.faults = [];

  const { claimUntil } = await stage.cursorItem('killed', 'activities');
  expect(claimUntil - Date.now()).toBeLessThanOrEqual(150_000);
  const before = stage.pages('killed', 'activities').length;
  expect(await stage.tick('activities')).toMatchObject({ due: 1, notReached: 1 });
  expect(stage.pages('killed', 'activities')).toHaveLength(before);

  await stage.lapseClaim('killed', 'activities');
  expect(await stage.tick('activities')).toMatchObject({ due: 1, notReached: 0 });
  // The second page is read again: it was remembered before it was to be committed.
  expect(await stage.judge('killed', 'activities', texts)).toEqual(exactlyOnce);
});

test.each([-3, 3])(
  "12: no clock of ours is a position: with the console's clock %i hours off and a time zone of 12:45, what comes within the same second arrives once",
  async (hours) => {
    skewMs = hours * 3_600_000;
    const consoleNow = () => Date.now() + skewMs;
    const name = 'clocks';
    const console = await stage.add(name);
    const stream = hours < 0 ? 'threats' : 'activities';
    const textOf = (at: string) => (hours < 0 ? threatText(at) : activityText(at));
    const second = Math.floor(consoleNow() / 1000) * 1000;
    const texts = [textOf(time(second, 500)), ...series(1_500, (at) => textOf(at), consoleNow())];
    putAll(console, stream, texts);
    await stage.tick(stream);
    expect(await status(name, stream)).toMatchObject({ state: 'ok', lastCount: texts.length });

    // Beside the newest: a microsecond before it, one after it, and where the console's clock is by now.
    const later = [textOf(time(second, 499)), textOf(time(second, 501)), textOf(time(consoleNow(), 0))];
    putAll(console, stream, later);
    await stage.tick(stream);
    expect(await status(name, stream)).toMatchObject({ state: 'ok', lastCount: later.length });
    await stage.tick(stream);
    expect(await stage.judge(name, stream, [...texts, ...later])).toEqual(exactlyOnce);
    const { position = '' } = await status(name, stream);
    // A console's clock that is ahead moves nothing past ours.
    const latest = Math.min(consoleNow(), Date.now());
    expect(Math.abs(Date.parse(position) - latest)).toBeLessThan(3_600_000);
  },
);

test('13: a record over the size limit of the queue, and one that the queue will not have, go to the bucket whole; its neighbours arrive as usual', async () => {
  const large = 'ü'.repeat(700_000);
  const unwanted = freshId();
  const texts = series(2_500, (at, i) =>
    i === 1_234
      ? activityText(at, { data: { large } })
      : activityText(at, i === 1_800 ? { data: { unwanted } } : {}),
  );
  putAll(await stage.add('large'), 'activities', texts);
  const refused = awsFaults.entriesRefused(({ MessageBody }) => MessageBody.includes(unwanted), true);
  stage.aws.faults = [befallAws({ which: asks.send('large') }, refused)];
  await stage.tick('activities');
  expect(await stage.judge('large', 'activities', texts)).toEqual(exactlyOnce);
  const elsewhere = (await stage.delivered('large')).filter(({ metadata }) => metadata.rawLocation);
  expect(elsewhere).toHaveLength(2);
});

test('14: a process that stays warm sees a rotated secret at the first 401, and the same poll goes on', async () => {
  const console = await stage.add('rotated');
  const texts = series(1_500, (at) => threatText(at));
  putAll(console, 'threats', texts);
  await stage.tick('threats');
  const { pid } = stage.world.collector.functions.get('threats') ?? {};

  console.tokens = [{ token: 'a-rotated-token' }];
  stage.world.collector.aws.secrets.put('signal-client/sentinelone/rotated', 'a-rotated-token');
  const changed = threatText(ago(1));
  console.put('threats', changed);
  await stage.tick('threats');
  expect(stage.world.collector.functions.get('threats')?.pid).toBe(pid);
  expect(await status('rotated', 'threats')).toMatchObject({ state: 'ok', lastCount: 1, failures: 0 });
  expect(stage.pages('rotated', 'threats').filter(({ status }) => status === 401)).toHaveLength(1);
  expect(await stage.judge('rotated', 'threats', [...texts, changed])).toEqual(exactlyOnce);
});

test('15: an empty console is ok; one that answers without records flowing is not, and its last success stays where it was', async () => {
  await stage.add('empty');
  const console = await stage.add('silent');
  const texts = series(1_500, (at) => threatText(at));
  putAll(console, 'threats', texts);
  await stage.tick('threats');
  expect(await status('empty', 'threats')).toMatchObject({ state: 'ok', lastCount: 0, failures: 0 });
  const { lastSuccessAt, position } = await status('silent', 'threats');

  const missed = threatText(ago(1));
  console.put('threats', missed);
  console.faults = [faultFor({}, faults.htmlWithStatus200)];
  stage.world.log.length = 0;
  for (let day = 0; day < 3; day++) await stage.tick('threats', 24 * 60);
  expect(await status('empty', 'threats')).toMatchObject({ state: 'ok', failures: 0 });
  expect(await status('silent', 'threats')).toMatchObject({
    state: 'unreadable',
    failures: 3,
    lastSuccessAt,
    position,
    lastError: expect.stringContaining('HTML'),
  });
  const own = stage.world.log.filter(
    ({ instance, caughtUp }) => instance === 'silent' && caughtUp !== undefined,
  );
  expect(own).toHaveLength(3);
  expect(own.every(({ level, caughtUp }) => level === 'ERROR' && caughtUp === false)).toBe(true);

  console.faults = [];
  await stage.tick('threats');
  expect(await status('silent', 'threats')).toMatchObject({ state: 'ok', lastCount: 1, failures: 0 });
  expect(await stage.judge('silent', 'threats', [...texts, missed])).toEqual(exactlyOnce);
});
