import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { handOver, shardsOf } from '../../../functions/collect/shards.ts';
import { FakeShards } from '../../fakes/stores.ts';

const named = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `n${i}` }));

describe('shards', () => {
  it('hold everybody once and in order, none more than it may, and each about as many as the next', () => {
    fc.assert(
      fc.property(fc.nat(500), fc.integer({ min: 1, max: 100 }), (count, most) => {
        const shards = shardsOf(named(count), most);
        expect(shards.flat()).toEqual(named(count));
        const sizes = shards.map(({ length }) => length);
        expect(Math.max(...sizes)).toBeLessThanOrEqual(most);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        expect(shards).toHaveLength(Math.max(1, Math.ceil(count / most)));
      }),
    );
  });

  it('are one where there is no bound', () => {
    expect(shardsOf(named(3), Number.POSITIVE_INFINITY)).toEqual([named(3)]);
  });

  it('go to further runs, all but the first', async () => {
    const shards = new FakeShards();
    expect(await handOver(named(5), 2, 7, shards)).toEqual({
      own: [{ name: 'n0' }],
      handedOver: 4,
      refusal: undefined,
    });
    expect(shards.handed).toEqual([
      { instances: ['n1', 'n2'], scheduledAt: 7 },
      { instances: ['n3', 'n4'], scheduledAt: 7 },
    ]);
  });

  it('that nobody takes are one’s own', async () => {
    const shards = {
      handOver: ({ instances }: { readonly instances: readonly string[] }) =>
        instances.includes('n1') ? Promise.reject(new Error('throttled')) : Promise.resolve(),
    };
    expect(await handOver(named(5), 2, 7, shards)).toEqual({
      own: [{ name: 'n0' }, { name: 'n1' }, { name: 'n2' }],
      handedOver: 2,
      refusal: 'throttled',
    });
  });
});
