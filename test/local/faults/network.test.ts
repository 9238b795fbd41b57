import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fault, type FaultRule, faults } from '../../../local/console/faults.ts';
import { activityText } from '../../fixtures/records.ts';
import { type AwsFaultRule, awsFaults, befallAws } from '../../support/aws-proxy.ts';
import {
  asks,
  exactlyOnce,
  hostOf,
  pageSize,
  putAll,
  type Stage,
  series,
  startStage,
  type Verdict,
} from './stage.ts';
import { startTlsBreaker, type TlsBreaker } from './tls-breaker.ts';

/**
 * One instance for each fault, all polled by the same two runs: the first meets the faults, the second none. Every
 * console has three and a half pages of activities, and the faults on its side faultFor the third.
 */
const count = 3_500;

/** A fault, or what makes it once it is met. */
type Made = Fault | (() => Fault);

const triedAgain = (...these: Made[]) => ({
  faults: these,
  limits: Array.from({ length: 4 + these.length }, () => 1000),
});
let breaker: TlsBreaker;

/** The connection is cut, and the next ones to that host meet no TLS. */
const withoutTls = (name: string, connections: number) => () => {
  breaker.broken.set(hostOf(name), connections);
  return faults.reset;
};

/** Faults that pass: the same run goes on, with these limits in its requests. */
const passing: Record<string, { faults: Made[]; limits: number[] }> = {
  'a-reset': triedAgain(faults.reset),
  'broken-tls': triedAgain(withoutTls('broken-tls', 1)),
  'a-body-cut-off': triedAgain(faults.truncated(2_000)),
  '429-without-retry-after': triedAgain(faults.tooManyRequests()),
  '429-with-seconds': triedAgain(faults.tooManyRequests('3')),
  '429-with-a-date': triedAgain(() => faults.tooManyRequests(new Date(Date.now() + 3_000).toUTCString())),
  '429-with-nonsense': triedAgain(faults.tooManyRequests('soon')),
  'three-503-in-a-row': triedAgain(...Array.from({ length: 3 }, () => faults.unavailable())),
  'a-502-page-of-html': triedAgain(faults.badGateway),
  'a-body-in-pieces': { faults: [faults.trickled(4_000, 20)], limits: [1000, 1000, 1000, 1000] },
  'a-gzip-bomb': { faults: [faults.gzipBomb(40)], limits: [1000, 1000, 1000, 500, 500, 500, 500] },
};

/** Faults that last longer than a page may take. */
const slow: Record<string, Fault> = {
  'a-hang': faults.hang,
  'a-body-that-drips': faults.trickled(16, 100),
};

/** Each of its pages is large, and stops half-way. */
const stopping: Fault = {
  answer: {
    status: 200,
    headers: { 'content-type': 'application/json', 'content-encoding': 'identity' },
    body: Buffer.alloc(15 * 2 ** 20, ' '),
  },
  trickle: { bytes: 2 ** 21, everyMs: 600_000 },
};

/** Faults that outlast the run: the two pages before are kept, and the state says what it is. */
const elsewhere = 'elsewhere';
const lasting: Record<string, { fault: Made; state: string }> = {
  'resets-only': { fault: faults.reset, state: 'unreachable' },
  'no-more-tls': { fault: withoutTls('no-more-tls', Number.POSITIVE_INFINITY), state: 'unreachable' },
  'cut-off-always': { fault: faults.truncated(2_000), state: 'unreachable' },
  '503-storm': { fault: faults.unavailable(), state: 'unreachable' },
  '429-for-an-hour': { fault: faults.tooManyRequests('3600'), state: 'rate-limited' },
  'redirect-within': {
    fault: faults.redirected('/web/api/v2.1/activities?moved=true'),
    state: 'misconfigured',
  },
  'redirect-elsewhere': {
    fault: faults.redirected(`https://${hostOf(elsewhere)}/web/api/v2.1/activities`),
    state: 'misconfigured',
  },
  'login-page': { fault: faults.htmlWithStatus200, state: 'unreadable' },
};

/** What AWS does, what the first run comes to, and what of it has to come again. */
interface AwsCase {
  readonly rule: (name: string) => AwsFaultRule;
  readonly state: string;
  readonly delivered: number;
  readonly repeated: number;
}

const { throttled, unavailable, cut, answerLost, leftOver, entriesRefused } = awsFaults;
const once = { nth: 2, times: 1 };
const everyOther = entriesRefused(({ Id }) => Number(Id) % 2 === 1);
const well = { state: 'ok', delivered: count, repeated: 0 };
const aws: Record<string, AwsCase> = {
  'some-messages-refused': { ...well, rule: (n) => befallAws({ which: asks.send(n), ...once }, everyOther) },
  'queue-unavailable': { ...well, rule: (n) => befallAws({ which: asks.send(n), ...once }, unavailable) },
  'queue-cut-off': { ...well, rule: (n) => befallAws({ which: asks.send(n), ...once }, cut) },
  // The page was accepted, nobody heard of it, and it is sent again.
  'queue-answer-lost': {
    ...well,
    rule: (n) => befallAws({ which: asks.send(n), ...once }, answerLost),
    delivered: count + pageSize,
    repeated: pageSize,
  },
  'claim-throttled': { ...well, rule: (n) => befallAws({ which: asks.claim(n), times: 1 }, throttled) },
  'claim-answer-lost': { ...well, rule: (n) => befallAws({ which: asks.claim(n), times: 1 }, answerLost) },
  'commit-throttled': { ...well, rule: (n) => befallAws({ which: asks.commit(n), ...once }, throttled) },
  'commit-answer-lost': { ...well, rule: (n) => befallAws({ which: asks.commit(n), ...once }, answerLost) },
  'memory-throttled': {
    ...well,
    rule: (n) => befallAws({ which: asks.memoryWrite(n), times: 1 }, throttled),
  },
  'release-throttled': { ...well, rule: (n) => befallAws({ which: asks.release(n), times: 1 }, throttled) },
  // The SDK's second try finds the claim given up. The turn was saved before, because its state is new.
  'release-answer-lost': {
    ...well,
    rule: (n) => befallAws({ which: asks.release(n), times: 1 }, answerLost),
  },
  'end-answer-lost': { ...well, rule: (n) => befallAws({ which: asks.end(n), times: 1 }, answerLost) },
  'secret-unavailable': { ...well, rule: (n) => befallAws({ which: asks.secret(n), times: 1 }, unavailable) },

  'claim-never': {
    rule: (n) => befallAws({ which: asks.claim(n) }, throttled),
    state: 'failed',
    delivered: 0,
    repeated: 0,
  },
  'secret-never': {
    rule: (n) => befallAws({ which: asks.secret(n) }, unavailable),
    state: 'failed',
    delivered: 0,
    repeated: 0,
  },
  'memory-read-never': {
    rule: (n) => befallAws({ which: asks.memoryRead(n) }, throttled),
    state: 'failed',
    delivered: 0,
    repeated: 0,
  },
  // The second page was delivered, and only that is known of it.
  'memory-write-never': {
    rule: (n) => befallAws({ which: asks.memoryWrite(n), nth: 2 }, throttled),
    state: 'failed',
    delivered: 2 * pageSize,
    repeated: pageSize,
  },
  // The second page was delivered, and remembered.
  'commit-never': {
    rule: (n) => befallAws({ which: asks.commit(n), nth: 2 }, throttled),
    state: 'failed',
    delivered: 2 * pageSize,
    repeated: 0,
  },
  // The last page was delivered; it lies before the overlap of the listing's end, so nothing of it was remembered.
  'end-never': {
    rule: (n) => befallAws({ which: asks.end(n) }, throttled),
    state: 'failed',
    delivered: count,
    repeated: count - 3 * pageSize,
  },
};

let stage: Stage;
const texts: Record<string, string[]> = {};
/** What the first run reported and delivered, by instance. */
const first: Record<string, { state: unknown; delivered: number }> = {};
/** How many requests the first run made to a console. */
const askedByFirstRun: Record<string, number> = {};
const verdicts: Record<string, Verdict> = {};

/** The first of these befalls the request after the second page, the next one the request after that. */
function inTurn(these: readonly Made[]): FaultRule {
  let requests = 0;
  return () => {
    const met = these[requests++ - 2];
    return typeof met === 'function' ? met() : met;
  };
}

beforeAll(async () => {
  const names = [passing, lasting, aws].flatMap((cases) => Object.keys(cases));
  breaker = await startTlsBreaker();
  stage = await startStage([...names, 'rotated', elsewhere], {
    // Longer than any page takes, however busy the machine is: a page that takes longer is asked for smaller.
    overrides: { pageTimeoutMs: 120_000 },
    proxyBefore: breaker.before,
  });
  for (const name of [...names, 'rotated']) {
    const own = series(count, (at) => activityText(at));
    texts[name] = own;
    putAll(await stage.add(name), 'activities', own);
  }
  for (const [name, { faults: these }] of Object.entries(passing))
    stage.console(name).faults = [inTurn(these)];
  for (const [name, { fault }] of Object.entries(lasting))
    stage.console(name).faults = [inTurn(Array.from({ length: 10 }, () => fault))];
  stage.aws.faults = Object.entries(aws).map(([name, { rule }]) => rule(name));
  stage.console('rotated').faults = [rotation()];
  await stage.tick('activities');

  for (const name of Object.keys(texts)) {
    first[name] = {
      state: stage.world.log.findLast(({ instance, state }) => instance === name && state)?.state,
      delivered: (await stage.delivered(name)).length,
    };
    askedByFirstRun[name] = stage.console(name).requests.length;
    stage.console(name).faults = [];
  }
  stage.aws.faults = [];
  breaker.broken.clear();
  await stage.lapseClaim('end-never', 'activities');
  await stage.tick('activities');
  for (const [name, own] of Object.entries(texts)) {
    verdicts[name] = await stage.judge(name, 'activities', own);
  }
});
afterAll(async () => {
  await stage.world.close();
  breaker.close();
});

/** Before the third page is answered, the token is replaced, in the console and then in the secret. */
function rotation(): FaultRule {
  let requests = 0;
  return () => {
    requests += 1;
    if (requests === 3) {
      stage.console('rotated').tokens = [{ token: 'a-rotated-token' }];
      stage.world.collector.aws.secrets.put('signal-client/sentinelone/rotated', 'a-rotated-token');
    }
    return undefined;
  };
}

const pagesOfFirstRun = (name: string, requests: number) =>
  stage.pages(name, 'activities').slice(0, requests);

describe('a fault on a middle page that passes', () => {
  test.each(Object.entries(passing))(
    '%s: the same run goes on, and everything arrives once',
    (name, { limits }) => {
      expect(first[name]).toEqual({ state: 'ok', delivered: count });
      const asked = pagesOfFirstRun(name, limits.length).map(({ query }) => Number(query.limit));
      expect(asked).toEqual(limits);
      expect(verdicts[name]).toEqual(exactlyOnce);
    },
  );

  test.each(['429-with-seconds', '429-with-a-date'])('%s: it is not asked again before that', (name) => {
    const [refused, again] = stage.pages(name, 'activities').slice(2, 4);
    // Three seconds, of which HTTP dates and timers may take a little.
    expect(Number(again?.at) - Number(refused?.at)).toBeGreaterThanOrEqual(2_990);
  });

  test('a secret rotated between two pages, the old token dead: the same run goes on with the new one', () => {
    expect(first.rotated).toEqual({ state: 'ok', delivered: count });
    expect(pagesOfFirstRun('rotated', 5).map(({ status }) => status)).toEqual([200, 200, 401, 200, 200]);
    expect(verdicts.rotated).toEqual(exactlyOnce);
  });
});

describe('a page that takes too long', () => {
  let slowStage: Stage;
  const names = Object.keys(slow);

  beforeAll(async () => {
    slowStage = await startStage([...names, 'stops-1', 'stops-2', 'large'], {
      overrides: { pageTimeoutMs: 3000 },
    });
    for (const [name, fault] of Object.entries(slow)) {
      const own = series(count, (at) => activityText(at));
      texts[name] = own;
      putAll(await slowStage.add(name), 'activities', own);
      slowStage.console(name).faults = [inTurn([fault])];
    }
    for (const name of ['stops-1', 'stops-2']) (await slowStage.add(name)).faults = [() => stopping];
    texts.large = series(count, (at) => activityText(at, { data: 'x'.repeat(300) }));
    putAll(await slowStage.add('large'), 'activities', texts.large);
    await slowStage.tick('activities');
  });
  afterAll(() => slowStage.world.close());

  test.each(names)('%s: the same run goes on with half of it, and everything arrives once', async (name) => {
    const { state } = await slowStage.world.status(name, 'activities');
    expect(state).toBe('ok');
    const limits = slowStage.pages(name, 'activities').map(({ query }) => Number(query.limit));
    // On a busy machine another page may be too slow as well, or be requested again first.
    const halved = limits.filter((limit, i) => i >= 3 && limit === Math.floor(Number(limits[i - 1]) / 2));
    expect(halved, String(limits)).not.toEqual([]);
    expect(await slowStage.judge(name, 'activities', texts[name] ?? [])).toEqual(exactlyOnce);
  });

  test('gives up the room of a large page long before, so that two consoles do not keep a third waiting', async () => {
    for (const name of ['stops-1', 'stops-2'])
      expect(await slowStage.world.status(name, 'activities')).toMatchObject({
        state: 'unreachable',
        lastError: expect.stringContaining('the rest of a large page'),
      });
    expect(await slowStage.world.status('large', 'activities')).toMatchObject({ state: 'ok' });
    expect(await slowStage.judge('large', 'activities', texts.large ?? [])).toEqual(exactlyOnce);
  });
});

describe('a fault on a middle page that lasts', () => {
  test.each(Object.entries(lasting))(
    '%s: the pages before it are kept, the run says so, and the next run brings the rest once',
    (name, { state }) => {
      expect(first[name]).toEqual({ state, delivered: 2 * pageSize });
      expect(verdicts[name]).toEqual(exactlyOnce);
    },
  );

  test('a console that wants to be left alone for an hour is not asked again by that run', () => {
    expect(askedByFirstRun['429-for-an-hour']).toBe(3);
    expect(askedByFirstRun['503-storm']).toBeGreaterThan(3);
  });

  test('a connection without TLS is told apart from one that can not be made', () => {
    const line = stage.world.log.find(
      ({ instance, level }) => instance === 'no-more-tls' && level === 'ERROR',
    );
    expect(line?.message).toMatch(/TLS fails/);
  });

  test('a redirect leads nowhere: the other host is not connected to, so no token reaches it', () => {
    const { connects } = stage.world.consoles;
    expect(connects.filter(({ target }) => target.startsWith(hostOf(elsewhere)))).toEqual([]);
    expect(stage.console(elsewhere).requests).toEqual([]);
    const { requests } = stage.console('redirect-within');
    expect(requests.filter(({ query }) => 'moved' in query)).toEqual([]);
  });
});

describe('a fault of AWS', () => {
  test.each(Object.entries(aws))(
    '%s: nothing is lost, and exactly what has to comes again',
    (name, { state, delivered, repeated }) => {
      expect(first[name]).toEqual({ state, delivered });
      expect(verdicts[name]).toEqual({ ...exactlyOnce, repeated });
    },
  );

  test('a queue that refuses some messages gets these again, and no others', () => {
    const sends = stage.aws.calls.filter(asks.send('some-messages-refused'));
    const sizes = sends.map(({ input }) => input.Entries.length);
    expect(sizes[2]).toBe(Math.floor(sizes[1] / 2));
    expect(sends[2]?.input.Entries[0].MessageBody).toBe(sends[1]?.input.Entries[1].MessageBody);
  });

  test('cursors that DynamoDB leaves over again and again fail the run, after few requests', async () => {
    const reads = () => stage.aws.calls.filter(({ operation }) => operation === 'BatchGetItem').length;
    const before = reads();
    stage.aws.faults = [befallAws({ which: ({ operation }) => operation === 'BatchGetItem' }, leftOver)];
    await expect(stage.tick('activities')).rejects.toThrow('DynamoDB throttles the table');
    expect(reads() - before).toBeLessThanOrEqual(10);
    stage.aws.faults = [
      befallAws({ which: ({ operation }) => operation === 'BatchGetItem', times: 3 }, leftOver),
    ];
    await stage.tick('activities');
    expect(await stage.world.status('a-reset', 'activities')).toMatchObject({ state: 'ok' });
  });

  test('tables that can not be read at all fail the run, and cost the next one nothing', async () => {
    const late = activityText(new Date().toISOString());
    stage.console('a-reset').put('activities', late);
    stage.aws.faults = [({ operation }) => (operation === 'Scan' ? throttled : undefined)];
    await expect(stage.tick('activities')).rejects.toThrow('ProvisionedThroughputExceeded');
    stage.aws.faults = [];
    await stage.tick('activities');
    expect(await stage.judge('a-reset', 'activities', [...(texts['a-reset'] ?? []), late])).toEqual(
      exactlyOnce,
    );
  });
});
