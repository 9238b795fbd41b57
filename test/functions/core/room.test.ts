import { describe, expect, it } from 'vitest';
import { guestOf, room } from '../../../functions/core/room.ts';

/** A guest that is waited for without being awaited. */
function visitor(of: ReturnType<typeof room>, name: string, inside: string[]) {
  const guest = guestOf(of);
  return { guest, enters: () => guest.enter().then(() => inside.push(name)) };
}

const soon = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

describe('a room', () => {
  it('holds so many, and lets the others in as they leave, in the order they came', async () => {
    const inside: string[] = [];
    const two = room(2);
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => visitor(two, name, inside));
    for (const one of [a, b, c, d]) one?.enters();
    await soon();
    expect(inside).toEqual(['a', 'b']);
    b?.guest.gone();
    await soon();
    expect(inside).toEqual(['a', 'b', 'c']);
    a?.guest.gone();
    await soon();
    expect(inside).toEqual(['a', 'b', 'c', 'd']);
  });

  it('is entered once by each, however often it asks', async () => {
    const inside: string[] = [];
    const two = room(2);
    const [a, b] = ['a', 'b'].map((name) => visitor(two, name, inside));
    a?.enters();
    a?.enters();
    b?.enters();
    await soon();
    expect(inside.toSorted()).toEqual(['a', 'a', 'b']);
  });

  it('is not left by one that never entered', async () => {
    const inside: string[] = [];
    const one = room(1);
    guestOf(one).gone();
    for (const name of ['a', 'b']) visitor(one, name, inside).enters();
    await soon();
    expect(inside).toEqual(['a']);
  });

  it('is free again after one that was gone before its turn came', async () => {
    const inside: string[] = [];
    const one = room(1);
    const [a, b, c] = ['a', 'b', 'c'].map((name) => visitor(one, name, inside));
    for (const each of [a, b, c]) each?.enters();
    b?.guest.gone();
    a?.guest.gone();
    await soon();
    expect(inside).toContain('c');
  });
});
