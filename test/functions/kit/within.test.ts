import { expect, test } from 'vitest';
import { within } from '../../../functions/kit/pacing.ts';
import { VirtualClock } from '../../fakes/clock.ts';

const clock = new VirtualClock(0, () => 0);

test('what ends in time is as it is', async () => {
  expect(await clock.runThrough(within(1000, async () => 7, clock))).toBe(7);
  const failing = within(1000, () => Promise.reject(new Error('away')), clock);
  await expect(clock.runThrough(failing)).rejects.toThrow('away');
});

test('what takes longer is an error, at that moment', async () => {
  const slow = async () => {
    await clock.sleep(90_000);
    throw new Error('nobody hears this');
  };
  const start = clock.now();
  await expect(clock.runThrough(within(3_000, slow, clock))).rejects.toThrow('it takes longer than 3 s');
  expect(clock.now() - start).toBe(3_000);
  await clock.runUntil(start + 100_000);
});
