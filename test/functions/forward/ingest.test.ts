import { expect, test } from 'vitest';
import { MisconfiguredError, UnreachableError } from '../../../functions/errors.ts';
import {
  PermissionRefusedError,
  RequestRefusedError,
  UnreadableReplyError,
} from '../../../functions/forward/errors.ts';
import { artifact, forwardScene, idOf, message, noon } from '../../fixtures/forward-setup.ts';

const day = 24 * 60 * 60 * 1000;
const poisoned = (name: string) => artifact(name, { fileName: 'poison' });
const many = (count: number, prefix = 'm') =>
  Array.from({ length: count }, (_, i) => artifact(`${prefix}${i}`));

function rejecting() {
  const scene = forwardScene();
  scene.analytics.rejects = ({ metadata }) => metadata.fileName === 'poison';
  return scene;
}

test('a request holds 500 artifacts at most, and 50 of those that came back often, which come last', async () => {
  const { run, analytics } = forwardScene();
  const messages = [message(many(120, 'often'), 4), message(many(501, 'new'), 3)];
  expect((await run(messages)).toRetry).toEqual([]);
  expect(analytics.posts.map(({ length }) => length)).toEqual([500, 1, 50, 50, 20]);
});

test('a search asks for the record by its id, an hour around its time, and no more often than needed', async () => {
  const { run, analytics } = rejecting();
  await run([message([artifact('a'), poisoned('p')])]);
  const around = { start: '2026-03-01T10:00:00.000Z', end: '2026-03-01T12:00:00.000Z', limit: 50, offset: 0 };
  expect(analytics.searches).toMatchObject([
    { query: 'a', ...around },
    { query: 'p', ...around },
  ]);
});

const hour = 3_600_000;
test.each([
  ['of today', -hour, [-2 * hour, 0]],
  ['of 29 days ago', -29 * day, [-29 * day - hour, -29 * day + hour]],
  ['of 30 days ago, which may go by either time', -30 * day, [-30 * day - hour, hour]],
  ['of 31 days ago, which goes by its arrival', -31 * day, [-hour, hour]],
  ['of tomorrow', day, [-hour, day + hour]],
])('an event %s is searched for where Analytics puts it, and found', async (_, ageMs, [start, end]) => {
  const { run, analytics } = rejecting();
  const timestamp = new Date(noon + ageMs).toISOString();
  const { outcome } = await run([message([{ ...artifact('a'), timestamp }, poisoned('p')])]);
  const search = analytics.searches.find(({ query }) => query === 'a');
  expect([Date.parse(search?.start ?? '') - noon, Date.parse(search?.end ?? '') - noon]).toEqual([
    start,
    end,
  ]);
  expect(analytics.times().get(idOf('a'))).toBe(1);
  expect(outcome).toMatchObject({ accepted: 1, deadLettered: [{ id: idOf('p') }] });
});

test.each([undefined, '2026-02-31T99:00:00.000000Z'])(
  'an event without a time that can be read (%s) is searched for by its arrival',
  async (timestamp) => {
    const { run, analytics } = rejecting();
    const { timestamp: _, ...untimed } = artifact('a');
    await run([message([{ ...untimed, ...(timestamp && { timestamp }) }, poisoned('p')])]);
    expect(analytics.times().get(idOf('a'))).toBe(1);
  },
);

test('another that mentions the same record is not taken for it', async () => {
  const { run, analytics, deadLetters } = rejecting();
  await run([message([artifact('other', { message: 'about p' }), poisoned('p')])]);
  expect([...analytics.times().keys()]).toEqual([idOf('other')]);
  expect(deadLetters.letters).toHaveLength(1);
});

test('what Analytics finds only seconds later is not posted again', async () => {
  const { run, analytics } = rejecting();
  analytics.indexingMs = 5_000;
  const { toRetry } = await run([message([artifact('a'), poisoned('p')])]);
  expect(toRetry).toEqual([]);
  expect(analytics.times().get(idOf('a'))).toBe(1);
});

test('what Analytics does not find for long is posted again by itself', async () => {
  const { run, analytics, deadLetters } = rejecting();
  analytics.indexingMs = 3_600_000;
  const { toRetry } = await run([message([artifact('a'), poisoned('p')])]);
  expect(toRetry).toEqual([]);
  expect(analytics.posts).toEqual([['a', 'p'].map(idOf), [idOf('a')], [idOf('p')]]);
  expect(deadLetters.letters).toHaveLength(1);
});

test.each([
  ['403', new PermissionRefusedError('403', 'signals:read'), /403\. .*signals:read/],
  ['400', new RequestRefusedError('400'), /400/],
  ['404', new MisconfiguredError('analyticsUrl', '404', 'Look.'), /404\. Look\./],
  ['a page of HTML', new UnreadableReplyError('HTML'), /HTML/],
  ['503', new UnreachableError('503', 'Wait.'), /503\. Wait\./],
])('where searches are answered with %s, each is tried alone, with a warning', async (_, error, words) => {
  const { run, analytics } = rejecting();
  analytics.search = () => Promise.reject(error);
  const { toRetry, outcome, tookMs } = await run([message([artifact('a'), poisoned('p')])]);
  expect(toRetry).toEqual([]);
  expect(analytics.posts).toEqual([['a', 'p'].map(idOf), [idOf('a')], [idOf('p')]]);
  expect(outcome).toMatchObject({ state: 'ok', deadLettered: [{ id: idOf('p') }] });
  expect(outcome.warnings).toEqual([expect.stringMatching(words)]);
  expect(tookMs).toBeLessThan(10_000);
});

test('a search that always has another page ends all the same', async () => {
  const { run, analytics } = rejecting();
  let searches = 0;
  analytics.search = async (_token, { limit }) => {
    searches += 1;
    return Array.from({ length: limit }, () => 'another');
  };
  const { toRetry } = await run([message([artifact('a'), poisoned('p')])]);
  expect(toRetry).toEqual([]);
  expect(searches).toBe(4 * 2 * 10);
});

test('the artifact is found on a later page', async () => {
  const { run, analytics } = rejecting();
  const mentions = many(70).map((one) => ({ ...one, metadata: { ...one.metadata, message: 'about a' } }));
  await run([message(mentions)]);
  await run([message([{ ...artifact('a'), timestamp: '2026-03-01T10:30:00.000000Z' }, poisoned('p')])]);
  expect(analytics.searches.some(({ offset }) => offset === 50)).toBe(true);
  expect(analytics.times().get(idOf('a'))).toBe(1);
});

test('where so many artifacts are too large to be read at once, fewer are asked for', async () => {
  const { run, analytics } = rejecting();
  const large = many(10).map((one) => ({ ...one, raw: `{"about":"a","x":"${'x'.repeat(1_000_000)}"}` }));
  const older = { ...artifact('a'), timestamp: '2026-03-01T10:30:00.000000Z' };
  await run([message(large)]);
  const { outcome } = await run([message([older, poisoned('p')])]);
  const [first] = analytics.searches;
  expect(first?.maxBytes).toBe(4 * 1024 * 1024);
  const ofA = analytics.searches.filter(({ query }) => query === 'a');
  const asked = [
    [50, 0],
    [25, 0],
    [12, 0],
    [6, 0],
    [3, 0],
    [3, 3],
    [3, 6],
    [3, 9],
  ];
  expect(ofA.map(({ limit, offset }) => [limit, offset])).toEqual(asked);
  expect(analytics.times().get(idOf('a'))).toBe(1);
  expect(outcome).toMatchObject({ warnings: [], deadLettered: [{ id: idOf('p') }] });
});

test('where even one is too large, each is tried alone, with a warning', async () => {
  const { run, analytics } = rejecting();
  await run([message([{ ...artifact('m'), raw: `{"about":"a p","x":"${'x'.repeat(5_000_000)}"}` }])]);
  const older = { ...artifact('a'), timestamp: '2026-03-01T10:30:00.000000Z' };
  const { toRetry, outcome } = await run([message([older, poisoned('p')])]);
  expect(toRetry).toEqual([]);
  expect(analytics.posts.slice(1)).toEqual([['a', 'p'].map(idOf), [idOf('a')], [idOf('p')]]);
  expect(outcome.warnings).toEqual([expect.stringMatching(/can't be found out: .*too much/)]);
});

test('what a search has found counts, even where time ends before the last of them', async () => {
  const { run, analytics, clock } = rejecting();
  const search = analytics.search.bind(analytics);
  analytics.search = async (token, query) => {
    await clock.sleep(6_000);
    return search(token, query);
  };
  const messages = [...many(60), poisoned('p')].map((one) => message([one]));
  const { toRetry, outcome } = await run(messages);
  expect(outcome.state).toBe('backlogged');
  expect(outcome).toMatchObject({ accepted: 48, warnings: [] });
  expect(toRetry).toHaveLength(13);
});

test('one that is neither accepted nor rejected stays, and it says so', async () => {
  const { run, analytics, deadLetters } = forwardScene();
  analytics.ingest = async () => ({ accepted: 0, rejected: 0, message: '' });
  const { toRetry, outcome } = await run([message([artifact('a')])]);
  expect(toRetry).toHaveLength(1);
  expect(outcome.state).toBe('unreadable');
  expect(deadLetters.letters).toEqual([]);
});

test('no request begins with less than ten seconds, lest it be given up for want of our own time', async () => {
  const { run, analytics, clock } = forwardScene();
  const began: number[] = [];
  const ingest = analytics.ingest.bind(analytics);
  analytics.ingest = async (token, body) => {
    began.push(clock.now() - noon);
    await clock.sleep(9_000);
    return ingest(token, body);
  };
  const messages = many(8).map((one) => message([one]));
  const { outcome } = await run(messages, {}, 200);
  expect(began).toEqual([0, 9_000, 18_000, 27_000]);
  expect(outcome).toMatchObject({ state: 'backlogged', accepted: 4 });
});

test('a whole record that keeps failing is posted without after it came back often, with a warning', async () => {
  const { run, analytics, overflow } = forwardScene();
  overflow.objects.set('s3://overflow/a.json', 'x'.repeat(5_000));
  const ingest = analytics.ingest.bind(analytics);
  analytics.ingest = async (token, body) => {
    if (body.length > 5_000) throw new UnreachableError('504', 'Wait.');
    return ingest(token, body);
  };
  const large = { ...artifact('a', { rawLocation: 's3://overflow/a.json' }), raw: '{}' };
  expect((await run([message([large], 3)])).outcome).toMatchObject({ state: 'unreachable', failed: 1 });
  const { toRetry, outcome } = await run([message([large], 4)]);
  expect(toRetry).toEqual([]);
  expect(outcome.warnings).toEqual([expect.stringMatching(/posted without its record, .*s3:.*: 504/)]);
});
