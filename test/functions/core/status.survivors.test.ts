import { describe, expect, it } from 'vitest';
import { RateLimitedError, UnreachableError } from '../../../functions/core/errors.ts';
import { statusAfter } from '../../../functions/core/status.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
const noon = Date.UTC(2026, 2, 1, 12);

/** A poll that ends so long after its tick, with this error. */
const nextPollAt = (error: Error, tookMs: number) =>
  statusAfter(
    {},
    {
      now: noon + tookMs,
      scheduledAt: noon,
      intervalMs: 10 * minute,
      cadenceMs: 10 * minute,
      state: 'rate-limited',
      error,
      audited: false,
      artifacts: 0,
      position: undefined,
      secretVersion: undefined,
      configVersion: 'c1',
    },
  ).nextPollAt;

const iso = (ms: number) => new Date(ms).toISOString();

describe('the next poll of a console that asks for a wait', () => {
  it('is a day after this one at most', () => {
    expect(nextPollAt(new RateLimitedError('429', day), 0)).toBe(iso(noon + day));
    expect(nextPollAt(new RateLimitedError('429', 2 * day), 0)).toBe(iso(noon + day));
    expect(nextPollAt(new UnreachableError('503', 'wait', day - 1), 0)).toBe(iso(noon + day - 1));
  });

  it('is at once where it says nothing and the poll outlived its gap', () => {
    expect(nextPollAt(new RateLimitedError('429'), 20 * minute)).toBe(iso(noon + 20 * minute));
  });
});
