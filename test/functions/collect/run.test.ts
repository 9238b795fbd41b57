import { describe, expect, it } from 'vitest';
import { run } from '../../../functions/collect/run.ts';
import type { Settings } from '../../../functions/collect/settings.ts';
import type { Place } from '../../../functions/collect/shards.ts';
import {
  ClaimLostError,
  HeavyPageError,
  OutOfTimeError,
  RateLimitedError,
  RefusedRequestError,
  TokenRefusedError,
  UnreachableError,
} from '../../../functions/errors.ts';
import { fromMs } from '../../../functions/kit/time.ts';
import type { Stream } from '../../../functions/streams/stream.ts';
import { noon, pageText, type Says, scene } from '../../fixtures/collect-setup.ts';
import { at, settings, stream } from '../../fixtures/given.ts';
import { readMessage } from '../../support/schema.ts';

/** Of a run that is no shard and hands nothing over. */
const alone = { handedOver: 0, isLateShard: false };

const minute = 60_000;
const hour = 60 * minute;
const claimMs = 150_000;
const iso = (ms: number) => new Date(ms).toISOString();
const hostOf = (instance: string) => `${instance}.sentinelone.net`;
const secretOf = (instance: string) => `signal-client/sentinelone/${instance}`;
const itemOf = (instance: string) => `${instance} ${stream.name}`;

/** The tables, the secrets and the consoles of the instances that are put there. */
function collector() {
  const world = scene();
  const says = new Map<string, Says>();
  const put = (instance: string, answers: Says, item: Record<string, unknown> = {}) => {
    world.instances.put({ instance, host: hostOf(instance), ...item });
    world.secrets.put(secretOf(instance), `token-of-${instance}`);
    says.set(instance, answers);
    world.consoles.set(hostOf(instance), (request) => (says.get(instance) ?? answers)(request));
  };
  let runs = 0;
  return {
    ...world,
    put,
    says,
    /** One run, killed after so many milliseconds; by default there is time for all. */
    run: (more: Partial<Settings> = {}, killedAfterMs = 540_000, of: Stream = stream) => {
      const end = world.clock.now() + killedAfterMs;
      runs += 1;
      const invocation = {
        id: `run ${runs}`,
        scheduledAt: world.clock.now(),
        remainingMs: () => end - world.clock.now(),
      };
      return world.clock.runThrough(run(of, invocation, { ...settings, ...more }, world.ports));
    },
    /** A further run, at once. */
    runShard: (
      shard: { readonly place?: Place; readonly instances?: readonly string[]; readonly scheduledAt: number },
      more: Partial<Settings> = {},
    ) => {
      runs += 1;
      const end = world.clock.now() + 540_000;
      const invocation = { id: `run ${runs}`, ...shard, remainingMs: () => end - world.clock.now() };
      return world.clock.runThrough(run(stream, invocation, { ...settings, ...more }, world.ports));
    },
    wait: (ms: number) => world.clock.runUntil(world.clock.now() + ms),
    status: (instance = 'acme') => world.cursors.items.get(itemOf(instance))?.status ?? {},
    kept: (instance = 'acme') => world.cursors.items.get(itemOf(instance)),
    askedOf: () => world.asked.map(({ host }) => host.split('.')[0]),
  };
}

describe('a run', () => {
  it('collects what is there and leaves the cursor, the status and no claim', async () => {
    const { clock, delivered, kept, outcomes, queue, run } = withBook('acme', 2);
    expect(await run()).toMatchObject({ instances: 1, due: 1, notReached: 0 });
    expect(delivered()).toEqual(['r0', 'r1']);
    const item = kept();
    expect(item?.claim).toBeUndefined();
    expect(item?.firstSeenAt).toBe(fromMs(noon));
    expect(item?.cursor).toMatchObject({ position: fromMs(noon), limit: 1000 });
    expect(item?.cursor).not.toHaveProperty('listing');
    expect(item?.status).toEqual({
      state: 'ok',
      lastPollAt: iso(clock.now()),
      lastSuccessAt: iso(clock.now()),
      failures: 0,
      nextPollAt: iso(noon + 10 * minute),
      lastCount: 2,
      position: fromMs(noon),
      configVersion: expect.stringMatching(/^[0-9a-f]{16}$/),
      secretVersion: 'v1',
      lastRecordAt: iso(clock.now()),
      spentDay: '2026-03-01',
      spentArtifacts: 2,
      spentBytes: queue.bodies
        .flatMap((body) => readMessage(body))
        .reduce((sum, { raw }) => sum + raw.length, 0),
    });
    expect(outcomes).toHaveLength(1);
    expect(outcomes[0]).toMatchObject({
      instance: 'acme',
      stream: 'sightings',
      state: 'ok',
      pages: 2,
      artifacts: 2,
      forgotten: 0,
      restarted: false,
      position: fromMs(noon),
      lagSeconds: 0,
      durationMs: clock.now() - noon,
      caughtUp: true,
      error: undefined,
    });
  });

  it('starts from the look-back before it first saw the instance, less the overlap', async () => {
    const { asked, run } = withBook('acme', 1);
    await run();
    expect(asked[0]?.query.updatedAt__gte).toBe(fromMs(noon - 24 * hour - settings.overlapMs));
  });

  it('counts the instances, the ones to be polled and the ones not reached', async () => {
    const { put, book, cursors, outcomes, wait, run } = collector();
    for (const name of ['one', 'two', 'three']) put(name, book(1));
    await cursors.claim({ instance: 'two', stream: stream.name, run: 'another' }, noon, noon + 1);
    expect(await run()).toMatchObject({ instances: 3, due: 3, notReached: 1 });
    expect(outcomes.map(({ instance }) => instance).sort()).toEqual(['one', 'three']);
    await wait(2);
    expect(await run()).toMatchObject({ instances: 3, due: 1, notReached: 0 });
  });

  it('throws where a table can’t be read', async () => {
    const { ports, run } = withBook('acme', 1);
    Object.assign(ports.cursors, { read: () => Promise.reject(new Error('throttled')) });
    await expect(run()).rejects.toThrow('throttled');
  });

  it('polls the instances that were never polled first, then the longest unpolled', async () => {
    const { put, book, askedOf, wait, run, asked } = collector();
    for (const name of ['b', 'a', 'c']) {
      put(name, book(1));
      await run({ instancesAtOnce: 1 });
      await wait(minute);
    }
    await wait(hour);
    asked.length = 0;
    put('new', book(1));
    await run({ instancesAtOnce: 1 });
    expect(askedOf()).toEqual(['new', 'b', 'a', 'c']);
  });

  it('polls so many instances side by side', async () => {
    for (const instancesAtOnce of [1, 2]) {
      const { put, answer, clock, run } = collector();
      let open = 0;
      let most = 0;
      for (const name of ['one', 'two', 'three']) {
        put(name, async () => {
          most = Math.max(most, ++open);
          await clock.sleep(1000);
          open -= 1;
          return answer(pageText({}));
        });
      }
      await run({ instancesAtOnce });
      expect(most).toBe(instancesAtOnce);
    }
  });
});

/** One instance with a listing of so many pages. */
function withBook(instance: string, pages: number) {
  const world = collector();
  world.put(instance, world.book(pages));
  return world;
}

describe('a claim', () => {
  it('is taken for two and a half minutes, renewed with each page and given up at the end', async () => {
    const { cursors, run } = withBook('acme', 3);
    await run({ requestsPerSecond: 0.1 });
    const claim = { instance: 'acme', stream: 'sightings', run: 'run 1' };
    expect(cursors.claims).toEqual([{ claim, now: noon, until: noon + claimMs }]);
    expect(cursors.saves.map(({ save }) => save.claimUntil)).toEqual([
      noon + claimMs,
      noon + 10_000 + claimMs,
      // The first poll is a change of state, which is reported before the claim is given up.
      noon + 20_000 + claimMs,
      undefined,
    ]);
    expect(cursors.saves.every((save) => save.claim.run === 'run 1')).toBe(true);
  });

  it('of another run is left alone, and taken once it has lapsed', async () => {
    const { cursors, kept, asked, wait, run, outcomes } = withBook('acme', 1);
    await cursors.claim({ instance: 'acme', stream: stream.name, run: 'another' }, noon, noon + claimMs);
    expect((await run()).notReached).toBe(1);
    expect(asked).toEqual([]);
    expect(outcomes).toEqual([]);
    expect(kept()?.status).toEqual({ state: 'pending' });
    await wait(claimMs + 1);
    expect((await run()).notReached).toBe(0);
    expect(kept()?.status.state).toBe('ok');
  });

  it('that is lost ends the visit where it is, and is no error', async () => {
    const { cursors, outcomes, kept, delivered, run } = withBook('acme', 3);
    cursors.beforeSave = () => {
      throw new ClaimLostError('taken');
    };
    expect(await run()).toMatchObject({ instances: 1, due: 1, notReached: 0 });
    expect(outcomes).toMatchObject([{ state: 'backlogged', error: undefined, caughtUp: false }]);
    expect(delivered()).toEqual(['r0']);
    expect(kept()?.cursor).toBeUndefined();
    expect(kept()?.status).toEqual({ state: 'pending' });
  });

  it('that can’t be made is reported', async () => {
    const { cursors, outcomes, asked, run } = withBook('acme', 1);
    cursors.beforeClaim = () => {
      throw new Error('throttled');
    };
    await run();
    expect(asked).toEqual([]);
    expect(outcomes).toMatchObject([
      {
        state: 'failed',
        position: undefined,
        lagSeconds: undefined,
        error: { name: 'Error', message: 'unexpected: Error: throttled', remedy: expect.any(String) },
      },
    ]);
  });
});

describe('what a run says of all instances', () => {
  it('counts those that it did not poll as well', async () => {
    const { put, says, instances, book, run, wait, answer } = collector();
    put('acme', () => answer(pageText({})), { pollingInterval: 60 });
    put('broken', () => new TokenRefusedError('401'));
    put('off', book(1), { enabled: false });
    expect((await run()).fleet).toMatchObject({ instances: 2, rejected: 1, failing: 0, lagSeconds: 0 });
    says.set('broken', () => answer(pageText({})));
    instances.put({ instance: 'broken', host: hostOf('broken'), pollingInterval: 60 });
    await wait(10 * minute);
    expect(await run()).toMatchObject({ due: 1, fleet: { instances: 2, rejected: 0, failing: 0 } });
    says.set('broken', () => new UnreachableError('503', 'wait'));
    await wait(hour);
    expect(await run()).toMatchObject({ due: 2, fleet: { failing: 0 } });
    await wait(hour + 10 * minute);
    expect(await run()).toMatchObject({ due: 2, fleet: { failing: 0, silent: 0 } });
    await wait(hour);
    expect(await run()).toMatchObject({ due: 2, fleet: { failing: 1, silent: 0 } });
    await wait(10 * minute);
    expect(await run()).toMatchObject({ due: 0, fleet: { failing: 1, silent: 0 } });
  });

  it('finds quiet what brings nothing for longer than the setting says', async () => {
    const { put, run, wait, answer } = collector();
    put('acme', () => answer(pageText({})));
    await run();
    await wait(2 * hour);
    expect((await run({ quietMs: 2 * hour + minute })).fleet?.quiet).toBe(0);
    expect((await run({ quietMs: 2 * hour - minute })).fleet?.quiet).toBe(1);
  });
});

describe('the time of a run', () => {
  it('is enough for a page while half a minute is left', async () => {
    const enough = withBook('acme', 1);
    expect((await enough.run({}, 30_000)).notReached).toBe(0);
    const short = withBook('acme', 1);
    expect((await short.run({}, 29_999)).notReached).toBe(1);
    expect(short.cursors.claims).toEqual([]);
    expect(short.outcomes).toEqual([]);
  });

  it('bounds the requests: what is left after twenty seconds to settle', async () => {
    const { asked, run } = withBook('acme', 1);
    await run({}, 45_000);
    expect(asked[0]?.timeoutMs).toBe(25_000);
  });

  it('ends a listing, which the next run goes on with', async () => {
    const { asked, outcomes, delivered, kept, status, wait, run } = withBook('acme', 6);
    await run({ requestsPerSecond: 0.1 }, 55_000);
    expect(outcomes).toMatchObject([{ state: 'backlogged', caughtUp: false, error: undefined }]);
    const first = asked.length;
    expect(first).toBe(4);
    expect(delivered()).toHaveLength(first);
    expect(kept()?.cursor).toMatchObject({ listing: { token: String(first) } });
    expect(status()).toMatchObject({ state: 'backlogged', failures: 0, lastCount: first });
    await wait(10 * minute);
    await run();
    expect(asked[first]?.query).toMatchObject({
      cursor: String(first),
      updatedAt__gte: asked[0]?.query.updatedAt__gte,
    });
    expect(delivered()).toEqual(['r0', 'r1', 'r2', 'r3', 'r4', 'r5']);
    expect(status().state).toBe('ok');
  });

  it('that ends a request is no error', async () => {
    const { put, status, outcomes, run } = collector();
    put('acme', () => new OutOfTimeError());
    await run();
    expect(outcomes).toMatchObject([{ state: 'backlogged', error: undefined, caughtUp: false }]);
    expect(status()).toMatchObject({ state: 'backlogged', failures: 0 });
    expect(status()).not.toHaveProperty('lastError');
  });
});

describe('turns', () => {
  const oneAtATime = { instancesAtOnce: 1 };

  it('are so many pages long while others wait, and as long as it takes when nobody does', async () => {
    const { put, book, askedOf, outcomes, run } = collector();
    put('long', book(5));
    put('short', book(1));
    await run({ ...oneAtATime, pagesPerTurn: 2 });
    expect(askedOf()).toEqual(['long', 'long', 'short', 'long', 'long', 'long']);
    expect(outcomes.map(({ instance, pages }) => [instance, pages])).toEqual([
      ['short', 1],
      ['long', 5],
    ]);
  });

  it('are reported once for each instance, over all of them', async () => {
    const { put, book, delivered, clock, outcomes, run } = collector();
    put('long', book(5, 'l'));
    put('other', book(5, 'o'));
    await run({ ...oneAtATime, pagesPerTurn: 2, requestsPerSecond: 1 });
    expect(outcomes).toHaveLength(2);
    expect(outcomes[0]).toMatchObject({ instance: 'long', pages: 5, artifacts: 5, state: 'ok' });
    expect(outcomes[1]).toMatchObject({ instance: 'other', pages: 5, artifacts: 5, state: 'ok' });
    // From its first turn to its last.
    expect(outcomes[1]?.durationMs).toBe(clock.now() - noon - 1000);
    expect(delivered()).toHaveLength(10);
  });

  it('end at so many pages a run', async () => {
    const { asked, outcomes, delivered, kept, run } = withBook('acme', 6);
    await run({ pagesPerRun: 4 });
    expect(asked).toHaveLength(4);
    expect(delivered()).toHaveLength(4);
    expect(outcomes).toMatchObject([{ state: 'backlogged', pages: 4, caughtUp: false }]);
    expect(kept()?.claim).toBeUndefined();
  });

  it('count the pages of all turns', async () => {
    const { put, book, askedOf, run } = collector();
    put('long', book(9));
    put('other', book(9));
    await run({ ...oneAtATime, pagesPerTurn: 2, pagesPerRun: 3 });
    expect(askedOf()).toEqual(['long', 'long', 'other', 'other', 'long', 'other']);
  });

  it('have a page in any case', async () => {
    const { put, book, askedOf, run } = collector();
    put('long', book(2));
    put('other', book(2));
    await run({ ...oneAtATime, pagesPerTurn: 0 });
    expect(askedOf()).toEqual(['long', 'other', 'long', 'other']);
  });

  it('space the requests to one console over all of them', async () => {
    const { put, book, asked, run } = collector();
    put('long', book(3));
    put('other', book(1));
    await run({ ...oneAtATime, pagesPerTurn: 1, requestsPerSecond: 2 });
    const times = asked.filter(({ host }) => host === hostOf('long')).map((request) => request.at - noon);
    expect(times).toEqual([0, 500, 1000]);
  });
});

describe('instances that share a console', () => {
  /** Five instances of one host; `tokenOf` says with which token. */
  const sharing = (tokenOf: (name: string) => string, says?: Says) => {
    const world = collector();
    for (const name of ['one', 'two', 'three', 'four', 'five']) {
      world.put(name, says ?? world.book(2), { host: hostOf('shared') });
      world.secrets.put(secretOf(name), tokenOf(name));
    }
    world.consoles.set(hostOf('shared'), says ?? world.book(2));
    return world;
  };
  const side = { instancesAtOnce: 10, requestsPerSecond: 6 };

  it('and its token share the rate', async () => {
    const { asked, run } = sharing(() => 'a-token');
    await run(side);
    expect(asked).toHaveLength(10);
    const times = asked.map((request) => request.at - noon);
    expect(Math.max(...times)).toBeCloseTo((9 * 1000) / 6, 2);
  });

  it('with a token each have a rate each, as SentinelOne counts', async () => {
    const { asked, run } = sharing((name) => `token-of-${name}`);
    await run(side);
    expect(Math.max(...asked.map((request) => request.at - noon))).toBeCloseTo(1000 / 6, 2);
  });

  it.each([
    ['429', () => new RateLimitedError('429', 900_000)],
    ['503', () => new UnreachableError('503', 'wait', 900_000)],
  ])('wait together where it says so with %s', async (_, refusal) => {
    const { asked, status, run } = sharing(() => 'a-token', refusal);
    await run(side);
    // Those whose turn had come.
    expect(asked.length).toBeLessThanOrEqual(1);
    for (const name of ['one', 'five'])
      expect(Date.parse(status(name)?.nextPollAt ?? '')).toBeGreaterThanOrEqual(noon + 900_000);
  });

  it('ask again one by one after a short wait', async () => {
    let refusals = 0;
    const world = sharing(
      () => 'a-token',
      () => (refusals++ === 0 ? new RateLimitedError('429', 5_000) : world.answer(pageText({ r: -60 }))),
    );
    await world.run(side);
    const times = world.asked.map((request) => request.at - noon);
    expect(times.slice(0, 2)).toEqual([0, 5000]);
    expect(times).toHaveLength(6);
    expect((times.at(-1) ?? 0) - 5000).toBeCloseTo(4000 / 6, 0);
  });
});

describe('an instance that is switched off', () => {
  it('is told so once, asks for nothing and keeps how far it came', async () => {
    const { put, book, asked, status, outcomes, wait, run } = collector();
    put('acme', book(1));
    await run();
    const { position, lastSuccessAt } = status();
    put('acme', book(1), { enabled: false });
    await wait(minute);
    expect((await run()).due).toBe(1);
    expect(asked).toHaveLength(1);
    expect(outcomes[1]).toMatchObject({ state: 'disabled', error: undefined, caughtUp: false, pages: 0 });
    expect(status()).toMatchObject({ state: 'disabled', position, lastSuccessAt, failures: 0 });
    expect(status()).not.toHaveProperty('nextPollAt');
    await wait(hour);
    expect((await run()).due).toBe(0);
  });
});

describe('an instance that fails', () => {
  it('because its record breaks a rule is told which attribute, and never polled', async () => {
    const { put, book, asked, status, outcomes, run } = collector();
    put('acme', book(1), { host: 'http://acme.sentinelone.net' });
    await run();
    expect(asked).toEqual([]);
    expect(outcomes).toMatchObject([
      { state: 'misconfigured', caughtUp: false, error: { name: 'MisconfiguredError' } },
    ]);
    expect(status()).toMatchObject({
      state: 'misconfigured',
      failures: 1,
      lastError: 'host: must be https, not http',
      remedy: 'Correct host in the instance record.',
      nextPollAt: iso(noon + 10 * minute),
    });
    expect(status()).not.toHaveProperty('secretVersion');
  });

  it('because it has no secret says so, and how far it is', async () => {
    const { put, book, secrets, status, outcomes, run } = collector();
    put('acme', book(1));
    secrets.secrets.clear();
    await run();
    expect(status()).toMatchObject({ state: 'misconfigured', position: fromMs(noon - 24 * hour) });
    expect(outcomes).toMatchObject([{ lagSeconds: 86_400, position: fromMs(noon - 24 * hour) }]);
  });

  it('is polled again after one, two and at most three cadences, and at once after an edit', async () => {
    const { put, says, book, status, wait, run } = collector();
    put('acme', () => new RefusedRequestError('400'));
    const polls: number[] = [];
    for (let tick = 0; tick <= 120; tick += 10) {
      if ((await run()).due > 0) polls.push(tick);
      await wait(10 * minute);
    }
    expect(polls).toEqual([0, 10, 30, 60, 90, 120]);
    expect(status()).toMatchObject({ state: 'refused', failures: 6 });
    expect((await run()).due).toBe(0);
    says.set('acme', book(1));
    put('acme', book(1), { lookbackHours: 48 });
    expect((await run()).due).toBe(1);
    expect(status()).toMatchObject({ state: 'ok', failures: 0 });
  });

  it('is polled at once with a new secret, but not with the same', async () => {
    const { put, secrets, answer, wait, status, run } = collector();
    put('acme', ({ token }) => (token === 'good' ? answer(pageText({})) : new TokenRefusedError('401')));
    await run();
    await wait(10 * minute);
    await run();
    expect(status()).toMatchObject({ state: 'unauthorized', failures: 2, secretVersion: 'v1' });
    await wait(10 * minute);
    expect((await run()).due).toBe(0);
    secrets.put(secretOf('acme'), 'good');
    expect((await run()).due).toBe(1);
    expect(status()).toMatchObject({ state: 'ok', secretVersion: 'v2' });
  });

  it('waits as long as its console asks for', async () => {
    const { put, status, run } = collector();
    put('acme', () => new RateLimitedError('429', 2 * hour));
    await run();
    expect(status()).toMatchObject({ state: 'rate-limited', nextPollAt: iso(noon + 2 * hour) });
  });

  it('keeps what was delivered and committed before', async () => {
    const { put, book, delivered, kept, outcomes, run } = collector();
    const pages = book(3);
    put('acme', (request) =>
      request.query.cursor === '2' ? new UnreachableError('503', 'wait') : pages(request),
    );
    await run();
    expect(delivered()).toEqual(['r0', 'r1']);
    expect(kept()?.cursor).toMatchObject({ listing: { token: '2', read: at(-3599) } });
    expect(kept()?.claim).toBeUndefined();
    expect(outcomes).toMatchObject([{ state: 'unreachable', pages: 2, artifacts: 2, position: at(-3599) }]);
    expect(kept()?.status).toMatchObject({ lastCount: 2, position: at(-3599), failures: 1 });
  });

  it('does not keep another from its turn', async () => {
    const { put, book, outcomes, run } = collector();
    put('bad', () => new Error('odd'));
    put('good', book(1));
    await run({ instancesAtOnce: 1 });
    expect(outcomes.map(({ instance, state }) => [instance, state])).toEqual([
      ['bad', 'failed'],
      ['good', 'ok'],
    ]);
  });
});

describe('a cursor', () => {
  it('of other filters is not gone on with: it starts again from the look-back, and says so', async () => {
    const { put, book, asked, outcomes, wait, run } = collector();
    put('acme', book(1));
    await run();
    await wait(10 * minute);
    await run();
    put('acme', book(1), { siteIds: ['7'] });
    await wait(10 * minute);
    await run();
    expect(asked.map(({ query }) => query.updatedAt__gte)).toEqual([
      fromMs(noon - 24 * hour - settings.overlapMs),
      fromMs(noon - settings.overlapMs),
      fromMs(noon - 24 * hour - settings.overlapMs),
    ]);
    expect(outcomes.map(({ restarted }) => restarted)).toEqual([false, false, true]);
  });

  it('that is damaged is left as it is', async () => {
    const { kept, wait, asked, status, run } = withBook('acme', 1);
    await run();
    const item = kept();
    if (item !== undefined) item.cursor = { schemaVersion: 2 };
    await wait(10 * minute);
    await run();
    expect(asked).toHaveLength(1);
    expect(kept()?.cursor).toEqual({ schemaVersion: 2 });
    expect(status()).toMatchObject({ state: 'unreadable', failures: 1 });
  });

  it('without a time when the instance was first seen is damaged too', async () => {
    const { kept, wait, asked, status, run } = withBook('acme', 1);
    await run();
    Object.assign(kept() ?? {}, { firstSeenAt: 'yesterday' });
    await wait(10 * minute);
    await run();
    expect(asked).toHaveLength(1);
    expect(status()).toMatchObject({ state: 'unreadable' });
  });

  it('is saved with each page but the last, and with the status at the end', async () => {
    const { cursors, run } = withBook('acme', 3);
    await run();
    const tokens = cursors.saves.map(({ save }) => save.cursor?.listing?.token);
    // The last one only ends the report of the change of state, which the first poll is.
    expect(tokens).toEqual(['1', '2', undefined, undefined]);
    expect(cursors.saves.map(({ save }) => save.status?.state)).toEqual([undefined, undefined, 'ok', 'ok']);
    expect(cursors.saves.map(({ save }) => save.cursor !== undefined)).toEqual([true, true, true, false]);
  });

  it('is saved once, with the status, where the state stays', async () => {
    const { cursors, run, wait, put, answer } = collector();
    put('acme', () => answer(pageText({})));
    await run();
    await wait(10 * minute);
    cursors.saves.length = 0;
    await run();
    expect(cursors.saves.map(({ save }) => [save.status?.state, save.claimUntil])).toEqual([
      ['ok', undefined],
    ]);
  });

  it('whose status can’t be saved is released all the same, so that no run counts as killed', async () => {
    const { cursors, run, wait, kept, outcomes, delivered } = withBook('acme', 2);
    cursors.beforeSave = (_, save) => {
      if (save.status !== undefined) throw new Error('throttled');
    };
    for (let i = 0; i < 4; i++) {
      await run();
      expect(kept()?.claim).toBeUndefined();
      expect(outcomes.at(-1)).toMatchObject({ state: 'failed' });
      await wait(10 * minute);
    }
    cursors.beforeSave = () => {};
    await run();
    expect(outcomes.at(-1)).toMatchObject({ state: 'ok' });
    expect(delivered().length).toBeGreaterThan(0);
  });

  it('at the beginning of an inventory has no lag', async () => {
    const { put, outcomes, run } = collector();
    put('acme', () => new RefusedRequestError('400'));
    await run({}, 540_000, { ...stream, wholeInventory: true });
    expect(outcomes).toMatchObject([{ position: '1970-01-01T00:00:00.000000Z', lagSeconds: undefined }]);
  });

  it('lags by whole seconds, and never runs ahead', async () => {
    const lag = async (skewMs: number) => {
      const { put, answer, outcomes, clock, run } = collector();
      put('acme', () => answer(pageText({}), { dateMs: clock.now() + skewMs }));
      await run();
      return outcomes[0]?.lagSeconds;
    };
    expect(await lag(-90_499)).toBe(90);
    expect(await lag(-90_500)).toBe(91);
    expect(await lag(5000)).toBe(0);
  });
});

describe('a repeat', () => {
  it('is neither sent nor counted, in this run or the next', async () => {
    const { put, answer, delivered, outcomes, wait, run } = collector();
    const pages: Record<string, string> = {
      first: pageText({ a: -60, b: -30 }, 'more'),
      more: pageText({ b: -30, c: -20 }),
    };
    put('acme', ({ query }) => answer(pages[query.cursor ?? 'first'] ?? ''));
    await run();
    await wait(10 * minute);
    await run();
    expect(delivered()).toEqual(['a', 'b', 'c']);
    expect(outcomes.map(({ pages, artifacts }) => [pages, artifacts])).toEqual([
      [2, 3],
      [2, 0],
    ]);
  });

  it('comes where the memory is too small, and the run says how many may', async () => {
    const { put, answer, outcomes, run } = collector();
    const pages: Record<string, string> = {
      first: pageText({ a: -60, b: -50, c: -40 }, 'more'),
      more: pageText({ d: -30, e: -20 }),
    };
    put('acme', ({ query }) => answer(pages[query.cursor ?? 'first'] ?? ''));
    await run({ memoryEntries: 2 });
    expect(outcomes).toMatchObject([{ forgotten: 3, artifacts: 5 }]);
  });
});

describe('a heavy page', () => {
  const heavy = new HeavyPageError('slow');

  it('is asked for with half as many records in the same run', async () => {
    const { put, book, asked, kept, outcomes, run } = collector();
    const pages = book(1);
    put('acme', (request) => (request.query.limit === '1000' ? heavy : pages(request)));
    await run();
    expect(asked.map(({ query }) => query.limit)).toEqual(['1000', '500']);
    expect(outcomes).toMatchObject([{ state: 'ok', pages: 1, artifacts: 1 }]);
    expect(kept()?.cursor).toMatchObject({ limit: 500 });
  });

  it('with which the run ends is its error, and the next run asks for less', async () => {
    const { put, book, asked, kept, outcomes, wait, run } = collector();
    const pages = book(1);
    put('acme', (request) => (request.query.limit === '1000' ? heavy : pages(request)));
    await run({ pagesPerRun: 1 });
    expect(outcomes).toMatchObject([
      { state: 'unreachable', pages: 0, caughtUp: false, error: { name: 'HeavyPageError' } },
    ]);
    expect(kept()?.cursor).toMatchObject({ limit: 500 });
    await wait(10 * minute);
    await run({ pagesPerRun: 1 });
    expect(asked.map(({ query }) => query.limit)).toEqual(['1000', '500']);
    expect(outcomes[1]).toMatchObject({ state: 'ok', pages: 1 });
  });

  it('is the error also where time ends the smaller one, but not once a page has come', async () => {
    const out = new OutOfTimeError();
    const stateAfter = async (...answers: Says[]) => {
      const { put, answer, asked, outcomes, run } = collector();
      put('acme', (request) => answers[asked.length - 1]?.(request) ?? answer(pageText({})));
      await run();
      return outcomes[0]?.state;
    };
    const { book } = scene();
    const page = book(9);
    expect(
      await stateAfter(
        () => heavy,
        () => out,
      ),
    ).toBe('unreachable');
    expect(
      await stateAfter(
        () => heavy,
        page,
        () => out,
      ),
    ).toBe('backlogged');
  });
});

describe('a secret that is rotated while a listing is read', () => {
  it('is read again, and the listing goes on in the same run', async () => {
    const { put, secrets, book, delivered, status, outcomes, run } = collector();
    const pages = book(4);
    put('acme', (request) => {
      if (request.query.cursor === '2') secrets.put(secretOf('acme'), 'rotated');
      const good = secrets.secrets.get(secretOf('acme'))?.value;
      return request.token === good ? pages(request) : new TokenRefusedError('401');
    });
    secrets.put(secretOf('acme'), 'before');
    await run();
    expect(delivered()).toEqual(['r0', 'r1', 'r2', 'r3']);
    expect(outcomes).toMatchObject([{ state: 'ok', error: undefined }]);
    expect(status().state).toBe('ok');
  });
});

describe('a check of past hours', () => {
  /** A stream whose records do not change. */
  const logged: Stream = { ...stream, orderedBy: 'createdAt', time: ['createdAt'], created: ['createdAt'] };
  const page = (ids: readonly string[]) =>
    JSON.stringify({
      data: ids.map((id) => ({ id, createdAt: at(-1800) })),
      pagination: { nextCursor: null },
    });

  /** A console that shows and counts so many records of the hour before noon; `of` is the stream. */
  const counting = (shown: () => readonly string[], of: Stream = logged) => {
    const world = collector();
    world.put('acme', ({ query }) => {
      const isBefore = query.createdAt__gte === at(-3600);
      // What became visible late is behind what a listing reads.
      const isListing = query.createdAt__lt === undefined;
      const listed = shown().filter(
        (id) => !isListing || (id !== 'late' && String(query.createdAt__gte) < at(-1800)),
      );
      if (query.countOnly !== 'true') return world.answer(page(listed));
      return world.answer(JSON.stringify({ pagination: { totalItems: isBefore ? shown().length : 0 } }));
    });
    const counted = () => world.asked.filter(({ query }) => query.countOnly === 'true').length;
    const run = (more: Partial<Settings> = {}) => world.run(more, undefined, of);
    return { ...world, run, counted };
  };

  it('comes with the first listing that ends, and then once an hour', async () => {
    const { run, wait, counted, outcomes, status, ledger } = counting(() => []);
    await run({ hoursPerPoll: 5 });
    // The 23 whole hours of the look-back are 5 a poll.
    expect(counted()).toBe(5);
    for (let i = 0; i < 5; i++) {
      await wait(10 * minute);
      await run({ hoursPerPoll: 5 });
    }
    const whole = counted();
    expect(status()).toMatchObject({ checkedUntil: at(0), completeUntil: at(0) });
    expect(ledger.hours.size).toBe(whole);
    await wait(10 * minute);
    await run({ hoursPerPoll: 5 });
    await wait(10 * minute);
    await run({ hoursPerPoll: 5 });
    expect(status().checkedUntil).toBe(at(3600));
    expect(counted()).toBe(whole + 1);
    expect(outcomes.at(-1)?.hoursChecked).toMatchObject({ hours: 1, missed: [] });
  });

  it('gives its place to an instance that waits, and ends with the day’s budget, however much a console counts', async () => {
    const world = collector();
    let serial = 0;
    world.put('acme', ({ query }) => {
      if (query.countOnly === 'true')
        return world.answer(JSON.stringify({ pagination: { totalItems: 40_000 } }));
      if (query.createdAt__lt === undefined) return world.answer(page([]));
      const data = Array.from({ length: 20 }, () => ({
        id: `r${++serial}`,
        createdAt: query.createdAt__gte,
      }));
      return world.answer(JSON.stringify({ data, pagination: { nextCursor: `t${serial}` } }));
    });
    world.put('globex', () => world.answer(page([])));
    const slow = { instancesAtOnce: 1, requestsPerSecond: 1, hoursPerPoll: 12, dayArtifacts: 10_000 };
    await world.run(slow, undefined, logged);
    const first = world.asked.find(({ host }) => host.startsWith('globex'));
    expect((first?.at ?? Number.POSITIVE_INFINITY) - noon).toBeLessThan(90_000);
    for (let i = 0; i < 50; i++) {
      await world.wait(10 * minute);
      await world.run(slow, undefined, logged);
    }
    expect(world.delivered().length).toBeLessThan(10_100);
    expect(world.status('acme').state).toBe('over-budget');
    expect(world.status('globex').state).toBe('ok');
  });

  it('delivers the hour of which the console has more again, and renews its claim', async () => {
    let shown: readonly string[] = ['a'];
    const { run, wait, delivered, outcomes, cursors, ledger } = counting(() => shown);
    await run({ hoursPerPoll: 100 });
    shown = ['a', 'late'];
    await wait(10 * minute);
    cursors.saves.length = 0;
    await run({ hoursPerPoll: 100 });
    expect(outcomes.at(-1)).toMatchObject({ state: 'ok' });
    expect(delivered()).toContain('late');
    expect(cursors.saves.map(({ save }) => save.claimUntil !== undefined)).toEqual([true, true, false]);
    expect(outcomes.at(-1)?.hoursChecked?.missed).toMatchObject([{ atConsole: 2, delivered: 1, found: 1 }]);
    expect(ledger.hours.get(`acme ${stream.name} ${at(-3600)}`)).toMatchObject({ console: 2, queue: 2 });
  });

  it('never comes where none is wanted, and for a stream that keeps no time of creation', async () => {
    const none = counting(() => []);
    await none.run({ hoursPerPoll: 0 });
    expect(none.counted()).toBe(0);
    const inventory = counting(() => [], stream);
    await inventory.run();
    expect(inventory.counted()).toBe(0);
    expect(inventory.status()).not.toHaveProperty('checkedUntil');
  });

  it('comes at the end of a listing only', async () => {
    const { put, book, asked, run } = collector();
    put('acme', book(9));
    await run({ pagesPerRun: 1 }, undefined, logged);
    expect(asked.every(({ query }) => query.countOnly === undefined)).toBe(true);
  });

  it('of records with versions comes a listing later, because a record that changed meanwhile is left to that', async () => {
    const versioned = { ...logged, orderedBy: 'updatedAt' } as const;
    const { run, wait, counted } = counting(() => [], versioned);
    await run();
    expect(counted()).toBe(0);
    await wait(10 * minute);
    await run();
    expect(counted()).toBe(12);
  });

  it('that fails is tried again by the next poll, and the poll is none the worse', async () => {
    const { run, wait, counted, outcomes, status, says, answer } = counting(() => []);
    const usual = says.get('acme');
    says.set('acme', (request) =>
      request.query.countOnly === 'true' ? new RefusedRequestError('400') : answer(page([])),
    );
    await run();
    expect(outcomes.at(-1)).toMatchObject({
      state: 'ok',
      hoursChecked: {
        hours: 0,
        error: { name: 'RefusedRequestError', message: '400', remedy: expect.stringMatching(/./) },
      },
      error: undefined,
    });
    if (usual !== undefined) says.set('acme', usual);
    await wait(10 * minute);
    const before = counted();
    await run();
    expect(counted() - before).toBe(12);
    expect(status().checkedUntil).toBe(at(-23 * 3600 + 12 * 3600));
  });
});

describe('an hour of 720 records', () => {
  /** A console with a record every five seconds; it hides some for a while. */
  const logged: Stream = { ...stream, orderedBy: 'createdAt', time: ['createdAt'], created: ['createdAt'] };
  const seconds = Array.from({ length: 720 }, (_, i) => i * 5);

  function setUp(more: Partial<Settings> = {}) {
    const world = collector();
    const hidden = new Set<number>();
    world.put('acme', ({ query }) => {
      const within = (second: number) =>
        at(second) >= (query.createdAt__gte ?? '') && at(second) < (query.createdAt__lt ?? '9');
      const now = (world.clock.now() - noon) / 1000;
      const shown = seconds.filter((second) => second <= now && !hidden.has(second) && within(second));
      const totalItems = shown.length;
      if (query.countOnly === 'true') return world.answer(JSON.stringify({ pagination: { totalItems } }));
      const data = shown.map((second) => ({ id: String(second), createdAt: at(second) }));
      return world.answer(JSON.stringify({ data, pagination: { nextCursor: null } }));
    });
    const row = () => world.ledger.hours.get(`acme ${stream.name} ${at(0)}`);
    const missed = () => world.outcomes.flatMap(({ hoursChecked }) => hoursChecked?.missed ?? []);
    const poll = async () => {
      await world.run({ memoryEntries: 20_000, hoursPerPoll: 24, ...more }, undefined, logged);
      await world.wait(10 * minute);
    };
    return { ...world, hidden, row, missed, poll };
  }

  it('of which the console hid 3 is found within two hours of its end, read again and reported once', async () => {
    const { hidden, poll, row, missed, delivered, clock } = setUp();
    for (const second of [100, 1500, 2000]) hidden.add(second);
    // They become visible when no listing reads them any more.
    for (let i = 0; i < 7; i++) {
      if (i === 6) hidden.clear();
      await poll();
    }
    let passed = 0;
    while (missed().length === 0 && passed++ < 12) await poll();
    expect(clock.now() - noon).toBeLessThanOrEqual(3 * hour);
    expect(missed()).toEqual([{ hour: at(0), atConsole: 720, delivered: 717, found: 3, left: 0, lost: 0 }]);
    expect(row()).toMatchObject({ console: 720, queue: 720 });
    expect(new Set(delivered()).size).toBe(720);
    for (let i = 0; i < 6 * 26; i++) await poll();
    expect(missed()).toHaveLength(1);
    expect(row()).toMatchObject({ console: 720, queue: 720 });
  });

  it('of which the forwarder lost 2 is found within two hours of its end, read again and reported once', async () => {
    const { poll, row, missed, ledger, clock, delivered } = setUp({ forwards: true });
    const [first, next] = [at(0), at(3600)].map((of) => `acme ${stream.name} ${of}`) as [string, string];
    // The hour that follows has records as well.
    seconds.push(3700, 3800);
    for (let i = 0; i < 8; i++) await poll();
    expect(row()).toMatchObject({ console: 720, queue: 720, resent: 0 });
    ledger.accepted.set(first, 718);
    ledger.accepted.set(next, 2);
    while (missed().length === 0 && clock.now() - noon < 4 * hour) await poll();
    seconds.length = 720;
    expect(clock.now() - noon).toBeLessThanOrEqual(3 * hour);
    expect(missed()).toEqual([{ hour: at(0), atConsole: 720, delivered: 720, found: 0, left: 0, lost: 2 }]);
    expect(row()).toMatchObject({ console: 720, queue: 720, resent: 0, base: 718 });
    expect(delivered().filter((id) => id === '100')).toHaveLength(2);
    ledger.accepted.set(first, 718 + 720);
    for (let i = 0; i < 12; i++) await poll();
    expect(missed()).toHaveLength(1);
  });
});

describe('the history', () => {
  it('of a day of trouble has each change once, in order', async () => {
    const { run, wait, put, says, answer, instances, ledger } = collector();
    put('acme', () => answer(pageText({})));
    const well: Says = () => answer(pageText({}));
    const broken =
      (error: Error): Says =>
      () =>
        error;
    const day: readonly (readonly [hours: number, Says | 'disabled'])[] = [
      [2, well],
      [3, broken(new TokenRefusedError('401'))],
      [4, well],
      [1, broken(new UnreachableError('503', 'wait'))],
      [2, broken(new RateLimitedError('429'))],
      [5, well],
      [3, 'disabled'],
      [4, well],
    ];
    for (const [hours, does] of day) {
      const enabled = does !== 'disabled';
      instances.put({ instance: 'acme', host: hostOf('acme'), enabled });
      if (enabled) says.set('acme', does);
      for (let i = 0; i < hours * 6; i++) {
        await run();
        await wait(10 * minute);
      }
    }
    expect(ledger.changes.map(({ from, to }) => `${from} -> ${to}`)).toEqual([
      'pending -> ok',
      'ok -> unauthorized',
      'unauthorized -> ok',
      'ok -> unreachable',
      'unreachable -> rate-limited',
      'rate-limited -> ok',
      'ok -> disabled',
      'disabled -> ok',
    ]);
    const times = ledger.changes.map(({ at: time }) => time);
    expect(times).toEqual(times.toSorted());
    expect(ledger.changes[1]).toMatchObject({
      instance: 'acme',
      stream: stream.name,
      error: expect.any(String),
    });
  });

  it('that cannot be written costs the poll nothing, and the log has the change', async () => {
    const { run, put, answer, ports, status } = collector();
    put('acme', () => answer(pageText({})));
    const told: unknown[] = [];
    Object.assign(ports, {
      ledger: { ...ports.ledger, append: () => Promise.reject(new Error('throttled')) },
      reportChange: (...given: unknown[]) => told.push(given),
    });
    await run();
    expect(status().state).toBe('ok');
    expect(told).toMatchObject([[{ from: 'pending', to: 'ok' }, new Error('throttled')]]);
  });

  const healthArtifacts = true;
  const changesIn = ({ queue }: Pick<ReturnType<typeof collector>, 'queue'>) =>
    queue.bodies.flatMap(readMessage).filter(({ metadata }) => metadata.stream === 'collector-health');

  it('is in the queue as well, each change an artifact of its own, if the settings say so', async () => {
    const world = collector();
    const { run, wait, put, says, answer, ledger } = world;
    put('acme', () => answer(pageText({})));
    await run();
    expect(changesIn(world)).toEqual([]);
    says.set('acme', () => new TokenRefusedError('401'));
    const well: Says = () => answer(pageText({}));
    for (const does of [undefined, undefined, undefined, undefined, well, undefined, undefined, undefined]) {
      if (does) says.set('acme', does);
      await wait(10 * minute);
      await run({ healthArtifacts });
    }
    const artifacts = changesIn(world);
    expect(artifacts.map(({ raw }) => JSON.parse(raw))).toEqual(ledger.changes.slice(1));
    const [, { at: time } = { at: '' }] = ledger.changes;
    expect(artifacts[0]).toMatchObject({
      timestamp: time.replace('Z', '000Z'),
      metadata: {
        id: `acme/collector-health/${stream.name}@${time}`,
        instance: 'acme',
        senderHost: hostOf('acme'),
        severityLabel: 'medium',
        message: expect.stringMatching(`^${stream.name} of acme: ok -> unauthorized: `),
      },
    });
    expect(artifacts[1]?.metadata).toMatchObject({ severityLabel: 'informational' });
  });

  it('that the queue or the history does not take costs the poll nothing, and comes again with the next', async () => {
    const world = collector();
    const { run, wait, put, answer, ports, queue, status, outcomes, cursors, ledger, clock } = world;
    put('acme', () => answer(pageText({})));
    const told: unknown[] = [];
    const reportChange = (...given: unknown[]) => told.push(given);
    const refusing = { send: () => Promise.reject(new Error('throttled')) };
    const hanging = { ...ledger, append: () => new Promise(() => {}) };
    const problems = [{ queue: refusing }, { ledger: hanging, queue }];
    for (const problem of problems) {
      Object.assign(ports, { ...problem, reportChange });
      const began = clock.now();
      await run({ healthArtifacts });
      expect(clock.now() - began).toBeLessThan(4_000);
      expect(outcomes.at(-1)).toMatchObject({ state: 'ok', error: undefined });
      expect(status()).toMatchObject({ state: 'ok', unreported: [{ from: 'pending', to: 'ok' }] });
      expect(world.kept()?.claim).toBeUndefined();
      await wait(10 * minute);
    }
    expect(changesIn(world)).toEqual([]);
    Object.assign(ports, { ledger });
    // The last save is lost, so the next poll cannot know.
    cursors.beforeSave = (_, { status: saved, claimUntil }) => {
      if (saved && claimUntil === undefined) throw new Error('throttled');
    };
    await run({ healthArtifacts });
    cursors.beforeSave = () => {};
    for (let i = 0; i < 2; i++) {
      await wait(10 * minute);
      await run({ healthArtifacts });
    }
    const ids = changesIn(world).map(({ metadata }) => metadata.id);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
    expect(ledger.changes).toHaveLength(1);
    expect(status()).not.toHaveProperty('unreported');
  });
});

describe('many instances', () => {
  /** Five, of which one run polls two. */
  const five = () => {
    const world = collector();
    for (const name of ['a', 'b', 'c', 'd', 'e']) world.put(name, world.book(1, name));
    return { ...world, few: { instancesPerRun: 2 } };
  };

  it('are shared with further runs, and all are polled once', async () => {
    const { run, runShard, few, shards, askedOf, delivered } = five();
    expect(await run(few)).toMatchObject({ ...alone, instances: 5, due: 5, handedOver: 3, notReached: 0 });
    expect(askedOf()).toEqual(['a', 'b']);
    expect(shards.started).toHaveLength(2);
    const summaries = [];
    for (const shard of shards.started) summaries.push(await runShard(shard, few));
    expect(summaries).toMatchObject([2, 1].map((due) => ({ ...alone, instances: due, due, notReached: 0 })));
    expect(shards.started).toHaveLength(2);
    expect(delivered().toSorted()).toEqual(['a0', 'b0', 'c0', 'd0', 'e0']);
  });

  it('are polled by this run where nobody takes them', async () => {
    const { run, few, ports, askedOf } = five();
    Object.assign(ports.shards, { start: () => Promise.reject(new Error('throttled')) });
    expect(await run(few)).toMatchObject({ ...alone, instances: 5, due: 5, notReached: 0 });
    expect(askedOf().toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('are read page by page, so that only names are kept of those that other runs poll', async () => {
    const { run, few, cursors } = five();
    const reads: (readonly string[])[] = [];
    const read = cursors.read.bind(cursors);
    cursors.read = (of, names) => {
      reads.push(names);
      return read(of, names);
    };
    await run(few);
    // The fake has pages of two; the last are those that this run polls.
    expect(reads).toEqual([['a', 'b'], ['c', 'd'], ['e'], ['a', 'b']]);
  });

  it('are not polled again by a shard that comes after the next tick, and it says that it is late', async () => {
    const { run, runShard, few, shards, asked, wait } = five();
    await run(few);
    const [shard] = shards.started;
    if (shard === undefined) throw new Error('there is no shard');
    await wait(stream.cadenceMinutes * minute);
    await run();
    asked.length = 0;
    expect(await runShard(shard, few)).toMatchObject({
      ...alone,
      instances: 2,
      due: 0,
      isLateShard: true,
      notReached: 0,
    });
    expect(asked).toEqual([]);
  });

  it('of a shard are late after half a cadence, not before', async () => {
    const { runShard, wait } = five();
    const shard = { instances: ['a'], scheduledAt: noon };
    await wait((stream.cadenceMinutes / 2) * minute);
    expect((await runShard(shard)).isLateShard).toBe(false);
    await wait(1);
    expect((await runShard(shard)).isLateShard).toBe(true);
  });
});

it('has the request for the next page leave before it works on this one', async () => {
  const { clock, put, answer, run, delivered } = collector();
  const deliveredWhenAsked: number[] = [];
  put('acme', async () => {
    await clock.sleep(0);
    const page = deliveredWhenAsked.push(delivered().length);
    return answer(pageText({ [`r${page}`]: -60 }, page < 3 ? `page ${page + 1}` : undefined));
  });
  await run({ requestsPerSecond: Number.POSITIVE_INFINITY });
  expect(deliveredWhenAsked).toEqual([0, 0, 1]);
});

it('two instances of one host with large pages that never end leave room for the pages of another', async () => {
  const { clock, put, book, run, outcomes, consoles } = collector();
  const hostile: Says = async (request) => {
    await request.whenLarge?.();
    await clock.sleep(50_000);
    return new HeavyPageError('slow');
  };
  put('bad-1', hostile, { host: hostOf('bad') });
  put('bad-2', hostile, { host: hostOf('bad') });
  consoles.set(hostOf('bad'), hostile);
  const honest = book(3);
  put('good', async (request) => {
    await request.whenLarge?.();
    return honest(request);
  });
  await run({ instancesAtOnce: 10 });
  const good = outcomes.find(({ instance }) => instance === 'good');
  expect(good).toMatchObject({ state: 'ok', pages: 3 });
  expect(good?.durationMs).toBeLessThan(5_000);
});

it('a console that takes long for its next page keeps no memory meanwhile', async () => {
  const { clock, put, answer, book, run, outcomes } = collector();
  for (const name of ['bad-1', 'bad-2', 'bad-3'])
    put(name, async (request) => {
      if (request.query.cursor !== undefined) await clock.sleep(55_000);
      await request.whenLarge?.();
      const page = Number(request.query.cursor ?? 0) + 1;
      return answer(pageText({ [`${name}-${page}`]: page - 3600 }, page < 9 ? String(page) : undefined));
    });
  const honest = book(3);
  put('good', async (request) => {
    await clock.sleep(100);
    await request.whenLarge?.();
    return honest(request);
  });
  await run({ instancesAtOnce: 10, pagesPerTurn: 20 });
  const good = outcomes.find(({ instance }) => instance === 'good');
  expect(good).toMatchObject({ state: 'ok', pages: 3 });
  expect(good?.durationMs).toBeLessThan(5_000);
});

it('a large page that gets no permit within a minute ends the poll, and the next run goes on', async () => {
  const { clock, put, book, run, outcomes } = collector();
  for (const name of ['bad-1', 'bad-2'])
    put(name, async (request) => {
      await request.whenLarge?.();
      await clock.sleep(200_000);
      return new UnreachableError('late', 'wait');
    });
  const honest = book(1);
  put('good', async (request) => {
    await clock.sleep(100);
    await request.whenLarge?.();
    return honest(request);
  });
  await run({ instancesAtOnce: 10 });
  const good = outcomes.find(({ instance }) => instance === 'good');
  expect(good).toMatchObject({ state: 'backlogged', error: undefined });
  expect(good?.durationMs).toBeLessThan(61_000);
});

it('backlogs of large pages take turns, a page each, although nobody waits for a place in the run', async () => {
  const { clock, put, answer, run, asked } = collector();
  for (const name of ['one', 'two', 'three']) {
    let page = 0;
    put(name, async (request) => {
      await clock.sleep(100);
      await request.whenLarge?.();
      page += 1;
      return answer(pageText({ [`${name}-${page}`]: -60 }, page < 20 ? `page ${page + 1}` : undefined));
    });
  }
  await run({ instancesAtOnce: 10, pagesPerTurn: 1, requestsPerSecond: 1000 });
  const firstOf = (name: string) =>
    asked.findIndex(({ host, query }) => host.startsWith(name) && query.cursor);
  expect(asked.length).toBeGreaterThanOrEqual(60);
  for (const name of ['one', 'two', 'three']) {
    expect(firstOf(name)).toBeGreaterThanOrEqual(0);
    expect(firstOf(name)).toBeLessThan(12);
  }
});

it('a large page waits until others are delivered, and a small one does not', async () => {
  const { put, answer, run, delivered, outcomes } = collector();
  /** How many large ones were delivered when each had its turn. */
  const doneBefore: Record<string, number> = {};
  for (const name of ['large-1', 'large-2', 'large-3', 'small']) {
    put(name, async (request) => {
      if (name.startsWith('large')) await request.whenLarge?.();
      doneBefore[name] = delivered().filter((id) => id.startsWith('large')).length;
      return answer(pageText({ [name]: -60 }));
    });
  }
  await run({ instancesAtOnce: 10 });
  expect(doneBefore).toMatchObject({ 'large-1': 0, 'large-2': 0, small: 0 });
  expect(doneBefore['large-3']).toBeGreaterThan(0);
  expect(outcomes.map(({ state }) => state)).toEqual(['ok', 'ok', 'ok', 'ok']);
});
