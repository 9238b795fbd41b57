import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs, type Retry, retrying } from '../../../functions/kit/pacing.ts';
import { standingClock } from '../../fixtures/given.ts';

/** Fails with these errors in turn, then succeeds. */
function failing(errors: readonly unknown[]) {
  let tries = 0;
  const operation = async () => {
    if (tries++ < errors.length) throw errors[tries - 1];
    return 'done';
  };
  return { operation, tries: () => tries };
}

const always: Retry = { whether: () => true, howLong: () => 100, howMany: 4 };
const hour = () => 3_600_000;

describe('retrying', () => {
  it('tries until it succeeds or any of the three values says no, and throws the last error', async () => {
    const failures = fc.array(fc.record({ passing: fc.boolean(), waitMs: fc.nat(1000) }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(
        failures,
        fc.integer({ min: 1, max: 6 }),
        fc.nat(3000),
        async (errors, howMany, leftMs) => {
          const clock = standingClock();
          const { operation, tries } = failing(errors);
          const retry: Retry = {
            whether: (error) => (error as (typeof errors)[number]).passing,
            howLong: (error) => (error as (typeof errors)[number]).waitMs,
            howMany,
          };
          let spent = 0;
          let stopped = errors.length;
          for (const [i, { passing, waitMs }] of errors.entries()) {
            if (!passing || i + 1 >= howMany || waitMs > leftMs - spent) {
              stopped = i;
              break;
            }
            spent += waitMs;
          }
          const run = retrying(operation, retry, clock, () => leftMs - clock.ms);
          if (stopped === errors.length) expect(await run).toBe('done');
          else await expect(run).rejects.toBe(errors[stopped]);
          expect(tries()).toBe(stopped + 1);
          expect(clock.ms).toBe(spent);
          expect(clock.ms).toBeLessThanOrEqual(leftMs);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('counts failures from 1', async () => {
    const counted: number[] = [];
    const howLong = (_: unknown, failures: number) => counted.push(failures);
    await retrying(failing([1, 2, 3]).operation, { ...always, howLong }, standingClock(), hour);
    expect(counted).toEqual([1, 2, 3]);
  });

  it('does not wait at all where the first try succeeds, though no time is left', async () => {
    const clock = standingClock();
    expect(await retrying(failing([]).operation, always, clock, () => -1)).toBe('done');
    expect(clock.slept).toEqual([]);
  });

  it('waits where the wait is all that is left', async () => {
    const clock = standingClock();
    expect(await retrying(failing(['busy']).operation, always, clock, () => 100)).toBe('done');
    await expect(retrying(failing(['busy']).operation, always, clock, () => 99)).rejects.toBe('busy');
  });

  it('does not try again once it is stopped, and throws what it had met', async () => {
    const stop = new AbortController();
    const { operation, tries } = failing(['busy', 'busy']);
    const clock = { ...standingClock(), sleep: async () => stop.abort() };
    await expect(retrying(operation, always, clock, hour, stop.signal)).rejects.toBe('busy');
    expect(tries()).toBe(1);
  });

  it('hands the signal to its sleep', async () => {
    const { signal } = new AbortController();
    const signals: unknown[] = [];
    const clock = {
      ...standingClock(),
      sleep: async (_: number, given?: AbortSignal) => void signals.push(given),
    };
    await retrying(failing([1]).operation, always, clock, hour, signal);
    expect(signals).toEqual([signal]);
  });
});

describe('backoff', () => {
  it('lies anywhere from 0 to the doubled base, and never over its cap', () => {
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const [bases, caps] = [fc.integer({ min: 1, max: 1000 }), fc.nat(60_000)];
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), bases, caps, chance, (failures, base, cap, random) => {
        let most = base;
        for (let i = 1; i < failures && most < cap; i++) most += most;
        const ms = backoffMs(
          failures,
          base,
          cap,
          standingClock(0, () => random),
        );
        expect(ms).toBeCloseTo(random * Math.min(cap, most), 6);
      }),
    );
  });

  it('doubles', () => {
    const clock = standingClock(0, () => 0.5);
    expect([1, 2, 3, 4, 5].map((failures) => backoffMs(failures, 200, 1000, clock))).toEqual([
      100, 200, 400, 500, 500,
    ]);
  });
});
