import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Memory } from '../../../functions/collect/memory.ts';
import { epoch, type Timestamp } from '../../../functions/kit/time.ts';
import { at, instants, printed, timestamps } from '../../fixtures/given.ts';

type Step =
  | { readonly do: 'add'; readonly version: string; readonly micros: bigint }
  | { readonly do: 'forget'; readonly micros: bigint }
  | { readonly do: 'keep' };

const versions = fc.integer({ min: 0, max: 15 }).map((n) => `1234567890123456${n}@2026`);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('add' as const), version: versions, micros: instants }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), micros: instants }) },
    { weight: 1, arbitrary: fc.constant({ do: 'keep' as const }) },
  ),
  { maxLength: 40 },
);

function has(memory: Memory, version: string): boolean {
  return !Memory.decode(memory.encode(), Number.POSITIVE_INFINITY).add(version, epoch);
}

/** The whole of a memory by its own answers. */
function known(memory: Memory): Set<string> {
  return new Set(
    Array.from({ length: 16 }, (_, n) => `1234567890123456${n}@2026`).filter((v) => has(memory, v)),
  );
}

function again(memory: Memory, bound = 1000): Memory {
  return Memory.decode(memory.encode(), bound);
}

function filled(times: Iterable<Timestamp>, bound = 20_000): Memory {
  const memory = new Memory(bound);
  let i = 0;
  for (const time of times) memory.add(`${i++}`, time);
  return memory;
}

describe('a memory', () => {
  it('knows what a plain map would know, across forgetting and being stored', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 16 }), (script, bound) => {
        let memory = new Memory(bound);
        /** Milliseconds by version. */
        const model = new Map<string, number>();
        for (const step of script) {
          if (step.do === 'add') {
            memory.add(step.version, printed(step.micros));
            model.set(step.version, Math.max(model.get(step.version) ?? 0, Number(step.micros / 1000n)));
          } else if (step.do === 'keep') {
            memory = again(memory, bound);
            expect(memory.changed).toBe(false);
          } else {
            const cost = memory.forget(printed(step.micros));
            for (const [version, ms] of model) if (ms < Number(step.micros / 1000n)) model.delete(version);
            expect(cost).toBe(Math.max(0, model.size - bound));
            // Which of those that share a time are forgotten is nobody's business.
            const kept = known(memory);
            const dropped = [...model].filter(([version]) => !kept.has(version));
            expect(dropped).toHaveLength(cost);
            for (const [version] of dropped) model.delete(version);
            const oldestKept = Math.min(...model.values());
            for (const [, ms] of dropped) expect(ms).toBeLessThanOrEqual(oldestKept);
          }
          expect(memory.size).toBe(model.size);
          expect(known(memory)).toEqual(new Set(model.keys()));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('keeps each time through being stored, at least to the millisecond', () => {
    fc.assert(
      fc.property(fc.array(instants, { minLength: 1, maxLength: 20 }), fc.nat(), (all, pick) => {
        const memory = again(filled(all.map(printed)));
        const cut = all[pick % all.length] ?? 0n;
        memory.forget(printed(cut));
        all.forEach((micros, i) => {
          expect(has(memory, `${i}`)).toBe(micros / 1000n >= cut / 1000n);
        });
      }),
    );
  });

  it('holds as many as its bound in one item of DynamoDB, however its times lie', () => {
    const lastMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
    const spreads: ((i: number) => number)[] = [
      () => 0,
      () => lastMs,
      (i) => Math.floor((lastMs / 20_000) * i),
      (i) => (i % 2) * lastMs,
      (i) => Math.floor(lastMs ** (i / 20_000)),
      (i) => Date.UTC(2026, 2, 1) + i * 30,
    ];
    for (const spread of spreads) {
      const memory = filled(Array.from({ length: 20_000 }, (_, i) => printed(BigInt(spread(i)) * 1000n)));
      const stored = memory.encode();
      expect(stored.byteLength).toBeLessThan(390_000);
      const read = Memory.decode(stored, 20_000);
      expect(read.size).toBe(20_000);
      expect(has(read, '0') && has(read, '19999') && !has(read, '20000')).toBe(true);
    }
  });

  it('forgets the oldest where their times take more than its bytes, and says so when it is read again', () => {
    fc.assert(
      fc.property(
        fc.array(instants, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 60, max: 1500 }),
        (all, mostBytes) => {
          const times = all.map((micros) => Number(micros / 1000n)).sort((a, b) => a - b);
          const memory = new Memory(1000, mostBytes);
          for (const [i, ms] of times.entries()) memory.add(`${i}`, printed(BigInt(ms) * 1000n));
          const forgotten = memory.forget(epoch);
          const stored = memory.encode();
          expect(stored.length).toBeLessThanOrEqual(mostBytes);
          expect(memory.size).toBe(times.length - forgotten);
          const read = Memory.decode(stored, 1000, mostBytes);
          if (forgotten > 0) {
            expect(read.isFull).toBe(true);
            // Another one would not have fitted for certain.
            expect(stored.length).toBeGreaterThan(mostBytes - 12 - 2 * 8);
          }
          expect(read.forget(epoch)).toBe(0);
          expect(new Memory(1000).forget(epoch)).toBe(0);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('takes for a memory only bytes that can be kept again, and else throws RangeError', () => {
    const entry = fc
      .tuple(fc.uint8Array({ maxLength: 12 }), fc.nat(127), fc.uint8Array({ minLength: 12, maxLength: 12 }))
      .map(([more, last, key]) => [...more.map((byte) => byte | 0x80), last, ...key]);
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.array(entry, { maxLength: 4 }).map((all) => Uint8Array.from(all.flat())),
      fc.tuple(timestamps, fc.nat(12)).map(([time, cut]) =>
        filled([epoch, time])
          .encode()
          .subarray(0, -1 - cut),
      ),
    );
    fc.assert(
      fc.property(bytes, (stored) => {
        let memory: Memory;
        try {
          memory = Memory.decode(stored, 1000);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          return;
        }
        memory.add('new', at(0));
        const { size } = memory;
        memory = again(memory);
        expect(memory.size).toBe(size);
        expect(has(memory, 'new')).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('throws RangeError wherever it is cut off', () => {
    const stored = filled([at(1)]).encode();
    for (let length = 1; length < stored.length; length++) {
      expect(() => Memory.decode(stored.subarray(0, length), 10), `${length} bytes`).toThrow(RangeError);
    }
  });

  it.each([0xff, 0x80])('does not take a time beyond all numbers for one, of bytes %i', (byte) => {
    for (const length of [8, 9, 20, 146, 147, 150, 200]) {
      const stored = Uint8Array.from([...Array(length).fill(byte), 1, ...Array(12).fill(7)]);
      expect(() => Memory.decode(stored, 10), `${length} bytes`).toThrow(RangeError);
    }
  });

  it('forgets the oldest beyond its bound, whenever they were added', () => {
    const memory = filled([at(3), at(1), at(2), at(5), at(4)], 2);
    expect(memory.forget(at(0))).toBe(3);
    expect(['0', '1', '2', '3', '4'].filter((version) => has(memory, version))).toEqual(['3', '4']);
    expect(memory.forget(at(0))).toBe(0);
  });

  it('keeps what lies exactly where it forgets from', () => {
    const memory = filled([at(0), at(1)]);
    expect(memory.forget(at(1))).toBe(0);
    expect([has(memory, '0'), has(memory, '1')]).toEqual([false, true]);
  });

  it('keeps the later of two times of one version', () => {
    for (const times of [
      [at(1), at(9)],
      [at(9), at(1)],
    ]) {
      const memory = new Memory(10);
      for (const time of times) memory.add('v', time);
      memory.forget(at(5));
      expect(has(memory, 'v')).toBe(true);
    }
  });

  it('drops a time before 1970 when it forgets, and is stored and read after that', () => {
    const memory = filled(['0001-01-01T00:00:00.000000Z', at(1)]);
    memory.forget(epoch);
    expect([has(again(memory), '0'), has(again(memory), '1')]).toEqual([false, true]);
  });

  it('has changed once something is added, until it is stored', () => {
    const memory = new Memory(10);
    expect(memory.changed).toBe(false);
    memory.add('v', at(1));
    expect(memory.changed).toBe(true);
    memory.encode();
    expect(memory.changed).toBe(false);
    memory.add('v', at(1));
    memory.add('v', at(0));
    expect(memory.changed).toBe(false);
    memory.add('v', at(2));
    expect(memory.changed).toBe(true);
  });

  it('is stored in no bytes when it is empty', () => {
    expect(new Memory(10).encode()).toHaveLength(0);
    expect(Memory.decode(new Uint8Array(), 10).size).toBe(0);
  });

  it('is read from a part of a larger buffer, as a store may hand it out', () => {
    const stored = filled([at(1)]).encode();
    const larger = new Uint8Array(stored.length + 10).fill(0xee);
    larger.set(stored, 5);
    expect(has(Memory.decode(larger.subarray(5, 5 + stored.length), 10), '0')).toBe(true);
  });
});

describe('a memory at its bounds', () => {
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
});
