import { describe, expect, it } from 'vitest';
import { Memory } from '../../../functions/core/memory.ts';

/** One entry, written by hand: its time in groups of seven bits, the lowest first, then twelve bytes of key. */
function entry(ms: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = ms;
  for (; rest >= 128n; rest /= 128n) bytes.push(Number(rest % 128n) + 128);
  return Uint8Array.from([...bytes, Number(rest), ...Array<number>(12).fill(7)]);
}

describe('a memory', () => {
  const last = 8_640_000_000_000_000n;

  it('holds times up to the last date there is', () => {
    expect(Memory.decode(entry(last), 10).size).toBe(1);
    expect(() => Memory.decode(entry(last + 1n), 10)).toThrow(RangeError);
  });
});
