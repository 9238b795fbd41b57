import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { handOver, type Place, shardsOf, shardTaker } from '../../../functions/collect/shards.ts';
import { FakeShards } from '../../fakes/stores.ts';

const named = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `n${from + i}`);

describe('shards', () => {
  it('hold everybody once and in order, none more than it may, and no two that fit together', () => {
    const parts = fc
      .integer({ min: 1, max: 50 })
      .chain((most) =>
        fc.record({ most: fc.constant(most), sizes: fc.array(fc.nat(most), { maxLength: 30 }) }),
      );
    fc.assert(
      fc.property(parts, ({ most, sizes }) => {
        const given = sizes.map((size, i) => named(size, 100 * i));
        const shards = shardsOf(given, most);
        expect(shards.flat()).toEqual(given.flat());
        for (const [i, { length }] of shards.entries()) {
          expect(length).toBeLessThanOrEqual(most);
          if (i > 0) expect(length + (shards[i - 1]?.length ?? 0)).toBeGreaterThan(most);
        }
      }),
    );
  });

  const parts = [['a', 'b'], ['c', 'd'], ['e']];

  it('are taken, one by this run, and one by each run that it starts', async () => {
    const shards = new FakeShards();
    expect(await handOver(parts, 'me', 7, shards)).toEqual({ own: ['a', 'b'], refusal: undefined });
    expect(shards.started).toEqual([
      { place: { number: 1, of: 3, by: 'me' }, scheduledAt: 7 },
      { place: { number: 2, of: 3, by: 'me' }, scheduledAt: 7 },
    ]);
    const taken = await Promise.all(shards.started.map(({ place }) => shardTaker(shards)(place)));
    expect(taken).toEqual(parts.slice(1));
    expect(await shardTaker(shards)({ number: 0, of: 3, by: 'me' })).toBeUndefined();
  });

  it.each<[string, keyof FakeShards]>([
    ['no run can be started for', 'start'],
    ['cannot be offered', 'offer'],
  ])('that %s are this run’s own', async (_, failing) => {
    const shards = new FakeShards();
    const taker = shardTaker(shards);
    const ports = {
      offer: shards.offer.bind(shards),
      take: taker,
      start: shards.start.bind(shards),
      [failing]: () => Promise.reject(new Error('throttled')),
    };
    const { own, refusal } = await handOver(parts, 'me', 7, ports);
    expect(own.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(refusal).toBe('throttled');
  });

  it('of a run that cannot be started may be any, so that each run that was started has one', async () => {
    const shards = new FakeShards();
    const start = (place: Place, at: number) =>
      place.number === 1 ? Promise.reject(new Error('throttled')) : shards.start(place, at);
    const ports = { offer: shards.offer.bind(shards), take: shardTaker(shards), start };
    const own = [...(await handOver(parts, 'me', 7, ports)).own];
    expect(own).toHaveLength(own.includes('e') ? 3 : 4);
    for (const { place } of shards.started) own.push(...((await shardTaker(shards)(place)) ?? []));
    expect(own.toSorted()).toEqual(parts.flat());
  });
});

/** Lambda picks any of its warm processes for a run, and ends some of them now and then. */
it('a process gets the shard that it had before, whichever it is started for', async () => {
  const shards = new FakeShards();
  const [count, ticks] = [50, 24];
  const random = randomOf(1);
  const fresh = () => ({ take: shardTaker(shards), known: new Set<string>() });
  let processes = Array.from({ length: count }, fresh);
  let [polls, misses] = [0, 0];
  for (let tick = 0; tick < ticks; tick++) {
    // A new process has to load first.
    const kept = processes.filter(() => random() >= 1 / 48).sort(() => random() - 0.5);
    processes = [...kept, ...Array.from({ length: count - kept.length }, fresh)];
    const by = `tick ${tick}`;
    for (let i = 0; i < count; i++) await shards.offer({ number: i, of: count, by }, [`n${i}`]);
    for (const [number, { take, known }] of processes.entries()) {
      const instances = await take({ number, of: count, by });
      expect(instances).toHaveLength(1);
      for (const name of instances ?? []) {
        polls += 1;
        if (tick > 0 && !known.has(name)) misses += 1;
        known.add(name);
      }
    }
  }
  expect(polls).toBe(count * ticks);
  // One in 48 processes is new; taking what comes would miss four of five.
  expect(misses / polls).toBeLessThan(0.03);
});

/** Repeatable numbers from 0 to 1. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}
