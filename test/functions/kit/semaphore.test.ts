import { describe, expect, it } from 'vitest';
import { permitOf, semaphore } from '../../../functions/kit/concurrency.ts';

/** A holder that is waited for without being awaited. */
function holder(of: ReturnType<typeof semaphore>, name: string, inside: string[]) {
  const permit = permitOf(of);
  const leaving = new AbortController();
  const asks = () => permit.acquire(leaving.signal).then((acquired) => acquired && inside.push(name));
  return { permit, asks, leaves: () => leaving.abort() };
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

  it('gives each holder one permit until all that it holds is released', async () => {
    const inside: string[] = [];
    const one = semaphore(1);
    const [a, b] = ['a', 'b'].map((name) => holder(one, name, inside));
    a?.asks();
    a?.asks();
    b?.asks();
    await soon();
    expect(inside).toEqual(['a', 'a']);
    a?.permit.release();
    await soon();
    expect(inside).toEqual(['a', 'a']);
    a?.permit.release();
    await soon();
    expect(inside).toEqual(['a', 'a', 'b']);
  });

  it('lets one that leaves the line take no place', async () => {
    const inside: string[] = [];
    const one = semaphore(1);
    const [a, b, c] = ['a', 'b', 'c'].map((name) => holder(one, name, inside));
    for (const each of [a, b, c]) each?.asks();
    await soon();
    b?.leaves();
    a?.permit.release();
    await soon();
    expect(inside).toEqual(['a', 'c']);
    c?.permit.release();
    b?.asks();
    await soon();
    expect(inside, 'who has left').toEqual(['a', 'c']);
    expect(one.contended()).toBe(false);
  });

  it('of two kinds is not held while the other is waited for in vain', async () => {
    const [own, shared] = [semaphore(1), semaphore(1)];
    const { signal } = new AbortController();
    await shared.acquire(signal);
    const leaving = new AbortController();
    const both = permitOf(own, shared);
    const acquired = both.acquire(leaving.signal);
    await soon();
    expect(both.contended()).toBe(true);
    leaving.abort();
    expect(await acquired).toBe(false);
    expect(await own.acquire(signal)).toBe(true);
    own.release();
    shared.release();
    expect(await both.acquire(signal)).toBe(true);
  });
});
