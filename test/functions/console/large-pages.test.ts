import { expect, it } from 'vitest';
import { LargePages } from '../../../functions/console/large-pages.ts';
import { systemClock } from '../../../functions/kit/clock.ts';
import { semaphore } from '../../../functions/kit/concurrency.ts';

const { signal } = new AbortController();

it('keeps the body of an answer whole until it is released, and then gives it back with the permit', async () => {
  const permit = semaphore(1);
  const pages = new LargePages(permit, systemClock, () => 60_000);
  const { whenLarge, keep, release } = pages.hold(signal);
  await Promise.all([whenLarge(), whenLarge()]);
  const body = Buffer.alloc(100_000, 'a');
  const record = body.subarray(10, 20);
  keep(body);
  expect(String(record)).toBe('aaaaaaaaaa');
  release();
  release();
  expect(record).toHaveLength(0);
  expect(await permit.acquire(signal)).toBe(true);
});
