import { describe, expect, it } from 'vitest';
import { hashOf } from '../../../functions/kit/hash.ts';

describe('a hash', () => {
  it('is the same for the same text, and of six code units', () => {
    for (const text of ['', '7', 'é', '😀', 'x'.repeat(10_000)]) {
      expect(hashOf(text)).toBe(hashOf(text));
      expect(hashOf(text)).toHaveLength(6);
    }
  });

  it('differs in each third for 100,000 neighbouring versions, as often as chance has it', () => {
    const thirds = [new Set<string>(), new Set<string>(), new Set<string>()];
    for (let i = 0; i < 100_000; i++) {
      const hash = hashOf(
        `${10n ** 18n + BigInt(i)}@2026-03-01T12:00:${String(i % 60).padStart(2, '0')}.000000Z`,
      );
      thirds.forEach((third, j) => {
        third.add(hash.slice(2 * j, 2 * j + 2));
      });
    }
    // Of 32 bits, 1.2 pairs agree by chance.
    for (const third of thirds) expect(100_000 - third.size).toBeLessThan(12);
  });

  it('sets each bit in half of all cases', () => {
    const counts = Array.from({ length: 96 }, () => 0);
    for (let i = 0; i < 20_000; i++) {
      const hash = hashOf(String(i));
      for (const bit of counts.keys())
        counts[bit] = (counts[bit] ?? 0) + ((hash.charCodeAt(bit >> 4) >> (bit & 15)) & 1);
    }
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });

  it('differs where one bit of the text does', () => {
    const text = '1000000000000000000@2026-03-01T12:00:00.000000Z';
    const hashes = new Set([hashOf(text)]);
    for (let i = 0; i < text.length; i++)
      for (let bit = 0; bit < 7; bit++)
        hashes.add(
          hashOf(text.slice(0, i) + String.fromCharCode(text.charCodeAt(i) ^ (1 << bit)) + text.slice(i + 1)),
        );
    expect(hashes.size).toBe(1 + 7 * text.length);
  });
});
