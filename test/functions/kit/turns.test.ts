import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inParallel, inTurns } from '../../../functions/kit/concurrency.ts';

interface Item {
  readonly name: number;
  /** Turns that it wants. */
  readonly wants: number;
  /** Steps of the event loop that each of its turns takes. */
  readonly slowness: number;
}

const items = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.nat(4)), { maxLength: 8 })
  .map((all) => all.map(([wants, slowness], name): Item => ({ name, wants, slowness })));

async function steps(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

describe('turns', () => {
  it('are given to each as often as it wants, so many side by side, and to nobody again before all that wait', async () => {
    await fc.assert(
      fc.asyncProperty(items, fc.integer({ min: 1, max: 4 }), async (all, atOnce) => {
        const taken = new Map<number, number>();
        const started: number[] = [];
        let running = 0;
        let mostRunning = 0;
        await inTurns(all, atOnce, async (item, contended) => {
          mostRunning = Math.max(mostRunning, ++running);
          const turn = (taken.get(item.name) ?? 0) + 1;
          taken.set(item.name, turn);
          started.push(item.name);
          if (turn === 2) expect(new Set(started).size, 'second turn before a first').toBe(all.length);
          // Whoever has had no turn yet is waiting.
          if (new Set(started).size < all.length) expect(contended()).toBe(true);
          await steps(item.slowness);
          running--;
          return { item, again: turn < item.wants };
        });
        expect(running).toBe(0);
        expect(mostRunning).toBe(Math.min(atOnce, all.length));
        expect([...taken.keys()]).toEqual(all.map(({ name }) => name));
        for (const { name, wants } of all) expect(taken.get(name)).toBe(wants);
      }),
      { numRuns: 300 },
    );
  });

  it('go round one by one', async () => {
    const order: string[] = [];
    const left: Record<string, number> = { a: 3, b: 1, c: 2 };
    await inTurns(['a', 'b', 'c'], 1, async (name) => {
      order.push(name);
      left[name] = (left[name] ?? 0) - 1;
      return { item: name, again: left[name] > 0 };
    });
    expect(order.join('')).toBe('abcaca');
  });

  it('tell whether anyone waits, as it is at the moment', async () => {
    const seen: boolean[] = [];
    await inTurns(['a', 'b'], 1, async (item, contended) => {
      seen.push(contended());
      return { item, again: false };
    });
    expect(seen).toEqual([true, false]);
  });

  it('leave the others going while one is slow', async () => {
    const done: string[] = [];
    const slow = Promise.withResolvers<void>();
    const run = inTurns(['slow', 'b', 'c', 'd'], 2, async (name) => {
      if (name === 'slow') await slow.promise;
      done.push(name);
      if (name === 'd') slow.resolve();
      return { item: name, again: false };
    });
    await run;
    expect(done).toEqual(['b', 'c', 'd', 'slow']);
  });

  it('end after an error: those under way finish, nobody else starts, and the error is thrown', async () => {
    const done: string[] = [];
    const run = inTurns(['a', 'bad', 'c', 'd'], 2, async (name) => {
      if (name === 'bad') throw new Error('bad');
      await steps(20);
      done.push(name);
      return { item: name, again: false };
    });
    await expect(run).rejects.toThrow('bad');
    expect(done).toEqual(['a']);
  });

  it('throw the first of several errors', async () => {
    const run = inTurns([1, 2], 2, async (n) => {
      await steps(n);
      throw new Error(`${n}`);
    });
    await expect(run).rejects.toThrow('1');
  });

  it('are over at once where there is nobody', async () => {
    expect(await inTurns([], 3, () => Promise.reject(new Error('nobody')))).toEqual([]);
  });

  it('return each item as its last turn left it, and hand it from turn to turn', async () => {
    const left = await inTurns([3, 10], 1, async (n) => ({ item: n + 1, again: n < 5 }));
    expect(left).toEqual([11, 6]);
  });
});

describe('in parallel', () => {
  it('each item is worked on once, and the first error ends it', async () => {
    const done: number[] = [];
    await inParallel([1, 2, 3], 2, async (n) => {
      done.push(n);
    });
    expect(done).toEqual([1, 2, 3]);
    const failing = inParallel([1, 2, 3], 1, async (n) => {
      if (n === 2) throw new Error('bad');
      done.push(n);
    });
    await expect(failing).rejects.toThrow('bad');
    expect(done).toEqual([1, 2, 3, 1]);
  });
});
