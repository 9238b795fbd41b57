import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limiter } from '../../../functions/kit/pacing.ts';
import { VirtualClock } from '../../fakes/clock.ts';
import { standingClock } from '../../fixtures/given.ts';

describe('a limiter', () => {
  it('starts no more than its rate in any second, and lets nobody wait who need not', async () => {
    const gaps = fc.array(fc.oneof(fc.constant(0), fc.nat(500)), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(gaps, fc.integer({ min: 1, max: 20 }), async (pauses, perSecond) => {
        const clock = standingClock(1_000_000);
        const { turn: wait } = limiter(perSecond, clock);
        const starts: number[] = [];
        for (const pause of pauses) {
          clock.ms += pause;
          const before = clock.ms;
          const free = (starts.at(-1) ?? 0) + 1000 / perSecond;
          await wait();
          expect(clock.ms).toBeCloseTo(Math.max(before, free), 6);
          starts.push(clock.ms);
        }
        starts.forEach((start, i) => {
          const nextOne = starts[i + perSecond];
          if (nextOne !== undefined) expect(nextOne - start).toBeGreaterThanOrEqual(1000 - 1e-6);
        });
      }),
      { numRuns: 200 },
    );
  });

  it('spaces requests evenly that come all at once', async () => {
    const clock = standingClock(1000);
    const until: number[] = [];
    const stands = { ...clock, sleep: async (ms: number) => void until.push(ms) };
    const { turn: wait } = limiter(4, stands);
    await Promise.all([wait(), wait(), wait(), wait()]);
    expect(until).toEqual([250, 500, 750]);
  });

  it('does not hold the first request up, nor one after a pause', async () => {
    const clock = standingClock(1000);
    const { turn: wait } = limiter(4, clock);
    await wait();
    clock.ms += 10_000;
    await wait();
    expect(clock.slept).toEqual([]);
  });

  it('hands the signal to its sleep', async () => {
    const { signal } = new AbortController();
    const signals: unknown[] = [];
    const { turn: wait } = limiter(1, {
      ...standingClock(),
      sleep: async (_, given) => void signals.push(given),
    });
    await wait(signal);
    await wait(signal);
    expect(signals).toEqual([signal]);
  });

  it('keeps its rate however many wait at once', async () => {
    const clock = new VirtualClock(0, () => 0);
    const { turn } = limiter(4, clock);
    const starts: number[] = [];
    const all = Array.from({ length: 40 }, () => turn().then(() => starts.push(clock.now())));
    await clock.runThrough(Promise.all(all));
    expect(starts).toEqual(Array.from({ length: 40 }, (_, i) => i * 250));
  });

  it('lets one that waits leave when a pause begins', async () => {
    const clock = new VirtualClock(0, () => 0);
    const { turn, pause } = limiter(4, clock);
    await turn();
    const waits = turn(undefined, (ms) => {
      throw new Error(`paused for ${ms} ms`);
    });
    pause(900_000);
    await expect(clock.runThrough(waits)).rejects.toThrow('paused for 899750 ms');
  });

  it('starts none in a pause, also none that waited before it began, and spaces them after it', async () => {
    const clock = new VirtualClock(0, () => 0);
    const { turn, pause, pausedMs } = limiter(4, clock);
    const starts: number[] = [];
    const all = Array.from({ length: 4 }, () => turn().then(() => starts.push(clock.now())));
    await clock.runUntil(100);
    pause(5000);
    expect(pausedMs()).toBe(5000);
    await clock.runThrough(Promise.all(all));
    expect(starts[0]).toBe(0);
    expect(starts[1]).toBeGreaterThanOrEqual(5100);
    expect((starts[3] ?? 0) - (starts[1] ?? 0)).toBeGreaterThanOrEqual(500);
    expect(pausedMs()).toBe(0);
  });

  it('does not wait for times that a clock gave before it was put back', async () => {
    const clock = standingClock(1_000_000);
    const { turn, pause, pausedMs } = limiter(4, clock);
    await turn();
    pause(30_000);
    clock.ms = 0;
    expect(pausedMs()).toBe(0);
    await turn();
    expect(clock.slept).toEqual([]);
  });
});
