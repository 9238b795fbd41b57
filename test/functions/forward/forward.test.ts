import { expect, test } from 'vitest';
import { UnreachableError } from '../../../functions/errors.ts';
import { PermissionRefusedError } from '../../../functions/forward/errors.ts';
import type { Analytics } from '../../../functions/forward/ports.ts';
import type { FakeAnalytics } from '../../fakes/analytics.ts';
import { artifact, email, forwardScene, hang, idOf, message, noon } from '../../fixtures/forward-setup.ts';

const named = (...names: string[]) => names.map((name) => artifact(name));
const poisoned = (name: string) => artifact(name, { fileName: 'poison' });

test('messages are merged into one request, and are done with', async () => {
  const { run, analytics } = forwardScene();
  const { toRetry, outcome } = await run([message(named('a', 'b')), message(named('c'))]);
  expect(toRetry).toEqual([]);
  expect(analytics.posts).toEqual([['a', 'b', 'c'].map(idOf)]);
  expect(outcome).toEqual({
    state: 'ok',
    messages: 2,
    failed: 0,
    artifacts: 3,
    requests: 1,
    posted: 3,
    accepted: 3,
    repeats: 0,
    deadLettered: [],
    warnings: [],
    lagSeconds: 60,
    durationMs: 0,
    error: undefined,
  });
});

test('requests are filled up to their size and no further', async () => {
  const { run, analytics } = forwardScene();
  const sizes: number[] = [];
  const ingest = (token: string, body: string) => {
    sizes.push(Buffer.byteLength(body));
    return analytics.ingest(token, body);
  };
  await run([message(named('a', 'b', 'c', 'd', 'e'))], { analytics: { ...bound(analytics), ingest } }, 500);
  expect(sizes.length).toBeGreaterThan(1);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(500);
  expect(analytics.times().size).toBe(5);
});

test('what breaks the schema is dead-lettered with its reason and never posted; the rest of its message is posted', async () => {
  const { run, analytics, deadLetters } = forwardScene();
  const { toRetry, outcome } = await run([message([artifact('a'), { source: 'sentinelone' }])]);
  expect(toRetry).toEqual([]);
  expect(analytics.posts).toEqual([[idOf('a')]]);
  expect(deadLetters.letters).toEqual([
    { body: '{"artifacts":[{"source":"sentinelone"}]}', reason: 'it breaks the schema: it has no raw' },
  ]);
  expect(outcome).toMatchObject({ state: 'ok', accepted: 1, deadLettered: [{ reason: /no raw/ }] });
});

test('a body that is no message is dead-lettered as it is', async () => {
  const { run, deadLetters } = forwardScene();
  expect((await run([message('not JSON')])).toRetry).toEqual([]);
  expect(deadLetters.letters).toEqual([
    { body: 'not JSON', reason: 'the message is not {"artifacts": […]}' },
  ]);
});

test('of a partly rejected request, what was accepted is found and only the culprit is tried alone and dead-lettered', async () => {
  const { run, analytics, deadLetters, accepted } = forwardScene();
  analytics.rejects = ({ metadata }) => metadata.fileName === 'poison';
  const { toRetry } = await run([message([artifact('a'), poisoned('p'), artifact('b')])]);
  expect(toRetry).toEqual([]);
  expect(analytics.posts).toEqual([['a', 'p', 'b'].map(idOf), [idOf('p')]]);
  expect(deadLetters.letters).toEqual([
    {
      body: JSON.stringify({ artifacts: [poisoned('p')] }),
      reason: 'Analytics rejects it and says only: done',
      instance: 'acme',
      stream: 'threats',
    },
  ]);
  expect([...accepted.ids].sort()).toEqual(['a', 'b'].map(idOf));
});

test('of a request that is refused as a whole, the culprit is found by halves and dead-lettered for what was answered', async () => {
  const { run, analytics, deadLetters } = forwardScene();
  analytics.breaks = ({ metadata }) => metadata.fileName === 'poison';
  const good = named('a', 'b', 'c', 'd', 'e', 'f', 'g');
  const { toRetry, outcome } = await run([message([...good, poisoned('p')])]);
  expect(toRetry).toEqual([]);
  expect([...analytics.times().values()]).toEqual([1, 1, 1, 1, 1, 1, 1]);
  expect(deadLetters.letters.map(({ reason }) => reason)).toEqual([
    'Analytics refuses it: 400: invalid artifact',
  ]);
  expect(outcome.requests).toBe(7);
});

test('while Analytics is down nothing is dead-lettered, all come back, and it says so; afterwards they drain', async () => {
  const { run, ports, analytics, deadLetters, clock } = forwardScene();
  const down = {
    ...bound(analytics),
    ingest: () => Promise.reject(new UnreachableError('503', 'Wait.', 90)),
  };
  const messages = [message(named('a')), message(named('b'))];
  for (let runs = 0; runs < 10; runs++) {
    const { toRetry, outcome, tookMs } = await run(messages, { ...ports, analytics: down });
    expect(toRetry).toEqual(messages);
    expect(outcome).toMatchObject({ state: 'unreachable', error: { message: '503', remedy: 'Wait.' } });
    expect(tookMs).toBeLessThan(45_000);
    await clock.runUntil(clock.now() + 360_000);
  }
  expect(deadLetters.letters).toEqual([]);
  expect((await run(messages)).outcome).toMatchObject({ state: 'ok', accepted: 2 });
});

test('a longer Retry-After than the run has left ends it at once', async () => {
  const { run, analytics } = forwardScene();
  const busy = {
    ...bound(analytics),
    ingest: () => Promise.reject(new UnreachableError('429', '', 3_600_000)),
  };
  const { tookMs, outcome } = await run([message(named('a'))], { analytics: busy });
  expect(tookMs).toBe(0);
  expect(outcome.state).toBe('unreachable');
});

test('wrong credentials are said loudly, and the messages stay', async () => {
  const { run, analytics, deadLetters } = forwardScene();
  analytics.users.set(email, 'another');
  const messages = [message(named('a'))];
  const { toRetry, outcome } = await run(messages);
  expect(toRetry).toEqual(messages);
  expect(outcome).toMatchObject({ state: 'unauthorized', posted: 0, error: { name: 'LoginRefusedError' } });
  expect(outcome.error?.remedy).toMatch(/email and password in the secret/);
  expect(deadLetters.letters).toEqual([]);
});

test('a missing permission is said loudly, and the messages stay', async () => {
  const { run, analytics } = forwardScene();
  analytics.permissions = new Set();
  const { toRetry, outcome } = await run([message(named('a'))]);
  expect(toRetry).toHaveLength(1);
  expect(outcome).toMatchObject({ state: 'forbidden', error: { remedy: /signals:write/ } });
});

test('only the messages of which something is undecided come back', async () => {
  const { run, analytics } = forwardScene();
  const full = bound(analytics);
  let posts = 0;
  full.ingest = async (token, body) => {
    posts += 1;
    if (posts > 1) throw new PermissionRefusedError('403', 'signals:write');
    return analytics.ingest(token, body);
  };
  const [first, second] = [message(named('a')), message(named('b'))];
  const { toRetry, outcome } = await run([first, second], { analytics: full }, 200);
  expect(toRetry).toEqual([second]);
  expect(outcome).toMatchObject({ accepted: 1, failed: 1, state: 'forbidden' });
});

test('an id in several messages is posted once, and decides for all of them', async () => {
  const { run, analytics } = forwardScene();
  const { toRetry, outcome } = await run([
    message(named('a')),
    message(named('a', 'b')),
    message(named('a')),
  ]);
  expect(toRetry).toEqual([]);
  expect(analytics.posts).toEqual([['a', 'b'].map(idOf)]);
  expect(outcome).toMatchObject({ artifacts: 4, accepted: 2, repeats: 2 });
});

test('an id that was accepted before is not posted, and one is marked only once it is accepted', async () => {
  const { run, analytics, accepted } = forwardScene();
  analytics.rejects = ({ metadata }) => metadata.fileName === 'poison';
  await run([message([artifact('a'), poisoned('p')])]);
  expect([...accepted.ids]).toEqual([idOf('a')]);
  const { outcome } = await run([message(named('a', 'b'))]);
  expect(analytics.posts.at(-1)).toEqual([idOf('b')]);
  expect(outcome).toMatchObject({ accepted: 1, repeats: 1 });
});

test('without a table of ids, repeats are posted again', async () => {
  const { run, analytics } = forwardScene();
  for (let i = 0; i < 2; i++) await run([message(named('a'))], { accepted: undefined });
  expect(analytics.times().get(idOf('a'))).toBe(2);
});

test.each(['fails', 'hangs'])('where the table of ids %s, artifacts are posted all the same', async (how) => {
  const { run, analytics, clock } = forwardScene();
  const away = () => (how === 'hangs' ? hang(clock) : Promise.reject(new Error('away')));
  const { toRetry, outcome, tookMs } = await run([message(named('a'))], {
    accepted: { known: away, mark: away },
  });
  expect(toRetry).toEqual([]);
  expect(analytics.times().get(idOf('a'))).toBe(1);
  expect(outcome).toMatchObject({ state: 'ok', accepted: 1 });
  expect(outcome.warnings).toEqual([
    expect.stringMatching(/can't be read, so repeats are posted/),
    expect.stringMatching(/can't be written, so repeats may be posted/),
  ]);
  expect(tookMs).toBeLessThan(15_000);
});

test.each(['fails', 'hangs', 'answers nothing'])(
  'where the dead-letter queue %s, the culprits come back and the others are done with',
  async (how) => {
    const { run, clock, accepted } = forwardScene();
    const send = () => {
      if (how === 'answers nothing') return Promise.resolve([]);
      return how === 'hangs' ? hang(clock) : Promise.reject(new Error('away'));
    };
    const [bad, good] = [message('not JSON'), message(named('a'))];
    const { toRetry, outcome, tookMs } = await run([bad, good], { deadLetters: { send } });
    expect(toRetry).toEqual([bad]);
    expect(outcome).toMatchObject({
      state: 'undelivered',
      error: { name: 'StuckMessageError' },
      deadLettered: [],
    });
    expect([...accepted.ids]).toEqual([idOf('a')]);
    expect(tookMs).toBeLessThan(15_000);
  },
);

test('a letter that the dead-letter queue refuses holds up no other', async () => {
  const { run, deadLetters } = forwardScene();
  deadLetters.refuses = ({ body }) => (body.startsWith('too large') ? 'MessageTooLong' : undefined);
  const large = message('too large');
  const { toRetry, outcome } = await run([large, message('not JSON')]);
  expect(toRetry).toEqual([large]);
  expect(deadLetters.letters).toHaveLength(1);
  expect(outcome.error?.message).toMatch(/rejects message-\d+: MessageTooLong/);
});

test('where everything is refused, nothing is dead-lettered: the fault is hardly in the artifacts', async () => {
  const { run, analytics, deadLetters } = forwardScene();
  analytics.breaks = () => true;
  const messages = [message(Array.from({ length: 11 }, (_, i) => artifact(`r${i}`)))];
  const { toRetry, outcome } = await run(messages);
  expect(toRetry).toEqual(messages);
  expect(outcome).toMatchObject({
    state: 'refused',
    error: { name: 'EverythingRefusedError' },
    deadLettered: [],
  });
  expect(deadLetters.letters).toEqual([]);
});

test('so it is where they are refused one by one in many runs, until one is accepted', async () => {
  const { run, analytics, deadLetters } = forwardScene();
  analytics.breaks = () => true;
  for (let i = 0; i < 10; i++) expect((await run([message(named(`r${i}`))])).outcome.state).toBe('ok');
  const kept = message(named('r10'));
  expect((await run([kept])).outcome.state).toBe('refused');
  expect(deadLetters.letters).toHaveLength(10);
  analytics.breaks = ({ metadata }) => metadata.recordId === 'r10';
  await run([message(named('good'))]);
  expect((await run([kept])).toRetry).toEqual([]);
  expect(deadLetters.letters).toHaveLength(11);
});

test('many culprits among others that are accepted are all dead-lettered', async () => {
  const { run, analytics, deadLetters } = forwardScene();
  analytics.rejects = ({ metadata }) => metadata.fileName === 'poison';
  const many = Array.from({ length: 40 }, (_, i) => poisoned(`p${i}`));
  const { toRetry } = await run([message([artifact('a'), ...many])]);
  expect(toRetry).toEqual([]);
  expect(deadLetters.letters).toHaveLength(40);
});

test('a record in the overflow bucket is read back and posted whole', async () => {
  const { run, analytics, overflow } = forwardScene();
  overflow.objects.set('s3://overflow/a.json', '{"whole":true}');
  await run([message([{ ...artifact('a', { rawLocation: 's3://overflow/a.json' }), raw: '{}' }])]);
  expect(analytics.archive.map(({ raw }) => raw)).toEqual(['{"whole":true}']);
});

test('where Analytics takes no record so large, or it has expired, its artifact is posted without', async () => {
  const { run, analytics, overflow } = forwardScene();
  analytics.largestBytes = 1_000;
  overflow.objects.set('s3://overflow/a.json', 'x'.repeat(2_000));
  const pointing = (name: string) => ({
    ...artifact(name, { rawLocation: `s3://overflow/${name}.json` }),
    raw: '{}',
  });
  const { toRetry, outcome } = await run([message([pointing('a'), pointing('gone')])]);
  expect(toRetry).toEqual([]);
  const warning = (name: string, why: string) =>
    expect.stringContaining(
      `${idOf(name)} is posted without its record, which is at s3://overflow/${name}.json: ${why}`,
    );
  expect(outcome.warnings).toEqual([
    warning('a', 'Analytics refuses it: '),
    warning('gone', 'it is no longer in the bucket'),
  ]);
  expect(analytics.archive.map(({ raw }) => raw)).toEqual(['{}', '{}']);
});

test.each(['fails', 'hangs'])('where the overflow bucket %s, only that message comes back', async (how) => {
  const { run, analytics, clock } = forwardScene();
  const get = async (location: string) => {
    if (location.includes('other')) return Buffer.from('{"whole":true}');
    return how === 'hangs' ? hang(clock) : Promise.reject(new Error('AccessDenied'));
  };
  const pointing = (name: string) =>
    message([{ ...artifact(name, { rawLocation: `s3://overflow/${name}.json` }), raw: '{}' }]);
  const large = pointing('a');
  const messages = [large, pointing('other'), message(named('b'))];
  const { toRetry, outcome, tookMs } = await run(messages, { overflow: { get } });
  expect(toRetry).toEqual([large]);
  expect([...analytics.times().keys()]).toEqual(['b', 'other'].map(idOf));
  expect(outcome.state).toBe('undelivered');
  expect(outcome.error?.message).toMatch(/^s3:\/\/overflow\/a.json can't be read: /);
  expect(tookMs).toBeLessThan(45_000);
});

test('what time was too short for comes back as a backlog, not as an error', async () => {
  const { run, analytics, clock } = forwardScene();
  const slow = bound(analytics);
  slow.ingest = async (token, body) => {
    await clock.sleep(20_000);
    return analytics.ingest(token, body);
  };
  const messages = named('a', 'b', 'c', 'd').map((one) => message([one]));
  const { toRetry, outcome, tookMs } = await run(messages, { analytics: slow }, 200);
  expect(toRetry).toHaveLength(2);
  expect(outcome).toMatchObject({ state: 'backlogged', accepted: 2, error: undefined });
  expect(tookMs).toBe(40_000);
});

test('a login that takes long leaves no more time to the request than there is', async () => {
  const { run, analytics, clock } = forwardScene();
  const slow = bound(analytics);
  const given: number[] = [];
  const login = analytics.login.bind(analytics);
  analytics.login = async (credentials) => {
    await clock.sleep(29_000);
    return login(credentials);
  };
  slow.ingest = async (_token, _body, timeoutMs) => {
    given.push(timeoutMs);
    await clock.sleep(timeoutMs);
    throw new UnreachableError('too slow', '');
  };
  const { tookMs, outcome } = await run([message(named('a'))], { analytics: slow });
  expect(given).toEqual([16_000]);
  expect(tookMs).toBe(45_000);
  expect(outcome.state).toBe('unreachable');
});

test('a fault of our own is said, and all come back', async () => {
  const { run, ports } = forwardScene();
  const broken = bound(ports.analytics);
  broken.ingest = () => Promise.reject(new TypeError('x is not a function'));
  const { toRetry, outcome } = await run([message(named('a'))], { analytics: broken });
  expect(toRetry).toHaveLength(1);
  expect(outcome).toMatchObject({
    state: 'failed',
    error: { message: 'unexpected: TypeError: x is not a function' },
  });
});

test('the lag is that of the oldest message', async () => {
  const { run } = forwardScene();
  const old = { ...message(named('a')), sentAt: noon - 3_600_000 };
  expect((await run([message(named('b')), old])).outcome.lagSeconds).toBe(3600);
});

test('what was accepted is counted in the ledger by its hour, once for each message that is done', async () => {
  const { run, ledger, analytics } = forwardScene();
  const activity = (name: string, timestamp = '2026-03-01T11:59:59.999999Z') => ({
    ...artifact(name, { stream: 'activities', id: `acme/activities/${name}` }),
    timestamp,
  });
  const hour = 'acme activities 2026-03-01T11:00:00.000000Z';
  // Versions of a threat say nothing about the number of threats.
  await run([message([activity('a'), activity('b', '2026-03-01T12:00:00.000000Z'), artifact('c')])]);
  expect(Object.fromEntries(ledger.hours)).toEqual({
    [hour]: 1,
    'acme activities 2026-03-01T12:00:00.000000Z': 1,
  });

  // A repeat is a copy in the queue, and so are two copies in one run.
  await run([message([activity('a'), activity('d')]), message([activity('d')])]);
  expect(ledger.hours.get(hour)).toBe(4);

  // Of a message that comes again, nothing is counted before it is done.
  const mixed = message([activity('e'), activity('f')]);
  const failing = {
    ...bound(analytics),
    ingest: () => Promise.reject(new UnreachableError('503', 'Wait.', 1)),
  };
  expect((await run([mixed], { analytics: failing })).toRetry).toEqual([mixed]);
  expect(ledger.hours.get(hour)).toBe(4);
});

test('what cannot be counted in the ledger is counted by the next run', async () => {
  const { run, ledger } = forwardScene();
  const activity = (name: string) => artifact(name, { stream: 'activities', id: `acme/activities/${name}` });
  const away = { add: () => Promise.reject(new Error('throttled')) };
  const { toRetry, outcome } = await run([message([activity('a')])], { ledger: away });
  expect(toRetry).toEqual([]);
  expect(outcome).toMatchObject({
    state: 'ok',
    warnings: ["the ledger can't be written, so the next run counts: Error: throttled"],
  });
  await run([message([activity('b')])]);
  expect([...ledger.hours.values()]).toEqual([2]);
});

test('what was counted before a write failed is not counted again', async () => {
  const { run, ledger } = forwardScene();
  const activity = (instance: string) => ({
    ...artifact('a', { stream: 'activities', id: `${instance}/activities/a`, instance }),
    timestamp: '2026-03-01T11:00:00.000000Z',
  });
  const half: typeof ledger.add = async ([first, ...others], added) => {
    await ledger.add(first === undefined ? [] : [first], added);
    if (others.length > 0) throw new Error('throttled');
  };
  await run([message([activity('acme'), activity('globex')])], { ledger: { add: half } });
  await run([message([artifact('c')])]);
  expect(Object.fromEntries(ledger.hours)).toEqual({
    'acme activities 2026-03-01T11:00:00.000000Z': 1,
    'globex activities 2026-03-01T11:00:00.000000Z': 1,
  });
});

function bound(analytics: FakeAnalytics): Analytics {
  return {
    login: (credentials) => analytics.login(credentials),
    ingest: (token, body) => analytics.ingest(token, body),
    search: (token, search) => analytics.search(token, search),
  };
}
