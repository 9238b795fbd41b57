import { describe, expect, it } from 'vitest';
import { replay, replayKey } from '../../../functions/collect/replay.ts';
import { run } from '../../../functions/collect/run.ts';
import { UnreachableError } from '../../../functions/errors.ts';
import type { Stream } from '../../../functions/streams/stream.ts';
import { FakeConsole } from '../../fakes/console.ts';
import { noon, scene } from '../../fixtures/collect-setup.ts';
import { at, instance, settings, stream } from '../../fixtures/given.ts';

const appended: Stream = { ...stream, orderedBy: 'createdAt', time: ['createdAt'] };

/** 40 records, one a second from noon, at a console that gives ten at a time. */
const records = Array.from({ length: 40 }, (_, i) => ({
  id: `r${i}`,
  time: at(i),
  text: `{"id":"r${i}","createdAt":"${at(i)}"}`,
}));

function given(of: Stream = appended) {
  const world = scene();
  const console = new FakeConsole(() => records, ['good'], world.clock.now.bind(world.clock));
  console.pageCap = 10;
  const asked: string[] = [];
  let fails: (path: string) => Error | undefined = () => undefined;
  world.ports.sentinelone.get = async (request) => {
    asked.push(JSON.stringify(request.query));
    const error = fails(request.path);
    if (error !== undefined) throw error;
    return console.get(request);
  };
  world.instances.put({ instance: instance.instance, host: instance.host });
  world.secrets.put(instance.secretId, 'good');
  const request = { instance: 'acme', from: at(5), to: at(35) };
  let limitMs = 300_000;
  const invocation = (id: string) => {
    const ends = world.clock.now() + limitMs;
    return { id, scheduledAt: noon, remainingMs: () => ends - world.clock.now() };
  };
  return {
    world,
    asked,
    request,
    limit: (ms: number) => {
      limitMs = ms;
    },
    fail: (rule: typeof fails) => {
      fails = rule;
    },
    replay: (by = 'me', more = request) =>
      world.clock.runThrough(
        replay(more, of, invocation(by), { ...settings, requestsPerSecond: 1000 }, world.ports),
      ),
    poll: () => world.clock.runThrough(run(of, invocation('poll'), settings, world.ports)),
    ids: () =>
      world.queue.bodies.flatMap((body) =>
        (JSON.parse(body).artifacts as { metadata: { id: string } }[]).map(({ metadata }) => metadata.id),
      ),
    item: () => world.cursors.items.get(`acme ${replayKey(of.name, request)}`),
  };
}

const range = (from: number, to: number) => records.slice(from, to).map(({ id }) => `acme/sightings/${id}`);

describe('a replay', () => {
  it('delivers what lies from its beginning to before its end, with the ids of the polls', async () => {
    const { poll, ids, replay, world } = given();
    await poll();
    const polled = ids();
    world.queue.bodies.length = 0;
    expect(await replay()).toEqual({ state: 'done', artifacts: 30, position: at(35) });
    expect(ids()).toEqual(range(5, 35));
    expect(polled).toEqual(expect.arrayContaining(ids()));
  });

  it('leaves the cursor and the memory of the polls alone', async () => {
    const { poll, replay, world } = given();
    await poll();
    const before = structuredClone([world.cursors.items.get('acme sightings'), [...world.cursors.memories]]);
    await replay();
    expect([world.cursors.items.get('acme sightings'), [...world.cursors.memories]]).toEqual(before);
  });

  it('asks by creation up to its end, and by change from its beginning', async () => {
    const { replay, asked } = given(stream);
    await replay();
    expect(JSON.parse(asked[0] ?? '')).toMatchObject({ updatedAt__gte: at(5), createdAt__lt: at(35) });
    expect(JSON.parse(asked[0] ?? '')).not.toHaveProperty('updatedAt__lt');
  });

  it('goes on behind the last commit after a kill, and repeats at most the page under way', async () => {
    const { ids, replay, world } = given();
    let commits = 0;
    world.cursors.beforeSave = () => {
      commits += 1;
      if (commits >= 2) throw new Error('killed');
    };
    await expect(replay()).rejects.toThrow('killed');
    world.cursors.beforeSave = () => {};
    expect(await replay()).toMatchObject({ state: 'done' });
    expect(ids()).toEqual([...range(5, 15), ...range(15, 25), ...range(15, 35)]);
  });

  it('waits for another that is at the same range, until its claim lapses', async () => {
    const { replay, world, request } = given();
    const claim = { instance: 'acme', stream: replayKey('sightings', request), run: 'another' };
    await world.cursors.claim(claim, noon, noon + 150_000);
    expect(await replay()).toMatchObject({ state: 'claimed', artifacts: 0 });
    await world.clock.runUntil(noon + 150_001);
    expect(await replay()).toMatchObject({ state: 'done', artifacts: 30 });
  });

  it('stops where the console fails, says why, and goes on from there', async () => {
    const { replay, fail, asked, item, ids } = given();
    fail(() => (asked.length === 2 ? new UnreachableError('down', 'wait', 10 ** 9) : undefined));
    expect(await replay()).toEqual({
      state: 'failed',
      artifacts: 10,
      position: at(14),
      error: { name: 'UnreachableError', state: 'unreachable', message: 'down', remedy: 'wait' },
    });
    expect(item()?.status).toMatchObject({ state: 'unreachable', lastError: 'down', lastCount: 10 });
    expect(item()?.claim).toBeUndefined();
    expect(await replay()).toEqual({ state: 'done', artifacts: 30, position: at(35) });
    expect(ids()).toEqual(range(5, 35));
  });

  it('goes on until the time limit is near, and keeps the claim for the next invocation', async () => {
    const { replay, limit, world } = given();
    const { get } = world.ports.sentinelone;
    world.ports.sentinelone.get = async (request) => {
      await world.clock.sleep(15_000);
      return get(request);
    };
    limit(55_000);
    expect(await replay()).toMatchObject({ state: 'more', artifacts: 20 });
    expect(await replay('another')).toMatchObject({ state: 'claimed' });
    limit(300_000);
    expect(await replay()).toMatchObject({ state: 'done', artifacts: 30 });
    expect(await replay('another')).toMatchObject({ state: 'done', artifacts: 30 });
  });

  it('is done at once where it was done before', async () => {
    const { replay, asked } = given();
    await replay();
    const requests = asked.length;
    expect(await replay('again')).toMatchObject({ state: 'done', artifacts: 30 });
    expect(asked).toHaveLength(requests);
  });

  it.each([
    ['times that are none', { instance: 'acme', from: 'yesterday', to: at(35) }],
    ['an end before its beginning', { instance: 'acme', from: at(35), to: at(5) }],
    ['an instance that is not there', { instance: 'nobody', from: at(5), to: at(35) }],
  ])('refuses %s', async (_, request) => {
    await expect(given().replay('me', request)).rejects.toMatchObject({ name: 'MisconfiguredError' });
  });
});
