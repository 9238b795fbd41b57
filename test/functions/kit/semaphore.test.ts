import { describe, expect, it } from 'vitest';
import { permitOf, semaphore } from '../../../functions/kit/concurrency.ts';

/** A holder that is waited for without being awaited. */
function holder(of: ReturnType<typeof semaphore>, name: string, inside: string[]) {
  const permit = permitOf(of);
  return { permit, asks: () => permit.acquire().then(() => inside.push(name)) };
}

const soon = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

describe('a semaphore', () => {
  it('gives so many permits, and those that come back to who waits, in the order they came', async () => {
    const inside: string[] = [];
    const two = semaphore(2);
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => holder(two, name, inside));
    for (const one of [a, b, c, d]) one?.asks();
    await soon();
    expect(inside).toEqual(['a', 'b']);
    expect(two.contended()).toBe(true);
    b?.permit.release();
    await soon();
    expect(inside).toEqual(['a', 'b', 'c']);
    a?.permit.release();
    await soon();
    expect(inside).toEqual(['a', 'b', 'c', 'd']);
    expect(two.contended()).toBe(false);
  });

  it('gives each one permit, however often it asks', async () => {
    const inside: string[] = [];
    const two = semaphore(2);
    const [a, b] = ['a', 'b'].map((name) => holder(two, name, inside));
    a?.asks();
    a?.asks();
    b?.asks();
    await soon();
    expect(inside.toSorted()).toEqual(['a', 'a', 'b']);
  });

  it('takes none back from one that has none', async () => {
    const inside: string[] = [];
    const one = semaphore(1);
    permitOf(one).release();
    for (const name of ['a', 'b']) holder(one, name, inside).asks();
    await soon();
    expect(inside).toEqual(['a']);
  });

  it('takes one back that was given up before its turn came', async () => {
    const inside: string[] = [];
    const one = semaphore(1);
    const [a, b, c] = ['a', 'b', 'c'].map((name) => holder(one, name, inside));
    for (const each of [a, b, c]) each?.asks();
    b?.permit.release();
    a?.permit.release();
    await soon();
    expect(inside).toContain('c');
  });
});
