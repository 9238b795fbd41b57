import { describe, expect, test } from 'vitest';
import type { ForwardOutcome } from '../../../functions/forward/ports.ts';
import { statusMs } from '../../../functions/forward/settings.ts';
import { forwarderStatus, isNews } from '../../../functions/forward/status.ts';

const noon = Date.UTC(2026, 2, 1, 12);
const fine: ForwardOutcome = {
  state: 'ok',
  messages: 1,
  failed: 0,
  artifacts: 7,
  posted: 7,
  accepted: 7,
  repeats: 0,
  deadLettered: [],
  requests: 1,
  warnings: [],
  lagSeconds: 1,
  durationMs: 1,
  error: undefined,
};
const down: ForwardOutcome = {
  ...fine,
  state: 'unreachable',
  accepted: 0,
  error: { name: 'UnreachableError', message: '503', remedy: 'Wait.' },
};

describe('the status', () => {
  test('of a run that went well has no error', () => {
    expect(forwarderStatus({ failures: 3, lastError: 'x', remedy: 'y' }, fine, noon)).toEqual({
      state: 'ok',
      lastPollAt: '2026-03-01T12:00:00.000Z',
      lastSuccessAt: '2026-03-01T12:00:00.000Z',
      failures: 0,
      lastCount: 7,
    });
  });

  test('of a run that failed says why, what to do, how often, and when it last went well', () => {
    const before = forwarderStatus({}, fine, noon - 60_000);
    const first = forwarderStatus(before, down, noon);
    expect(first).toEqual({
      state: 'unreachable',
      lastPollAt: '2026-03-01T12:00:00.000Z',
      lastSuccessAt: '2026-03-01T11:59:00.000Z',
      lastError: '503',
      remedy: 'Wait.',
      failures: 1,
      failingSince: '2026-03-01T12:00:00.000Z',
      lastCount: 0,
    });
    expect(forwarderStatus(first, down, noon + 1)).toMatchObject({
      failures: 2,
      failingSince: first.failingSince,
    });
  });

  test('of a first run that failed knows of no success', () => {
    expect(forwarderStatus({}, down, noon)).not.toHaveProperty('lastSuccessAt');
  });
});

describe('a status is news', () => {
  const written = forwarderStatus({}, fine, noon);

  test.each([
    ['the first', {}, forwarderStatus({}, fine, noon), true],
    ['of another state', written, forwarderStatus(written, down, noon + 1), true],
    ['the same soon after', written, forwarderStatus(written, fine, noon + 299_999), false],
    ['the same after five minutes', written, forwarderStatus(written, fine, noon + 300_000), true],
    [
      'another error in the same state',
      forwarderStatus(written, down, noon),
      forwarderStatus(written, { ...down, error: { name: 'x', message: '502', remedy: '' } }, noon + 1),
      true,
    ],
  ])('%s: %#', (_, before, next, news) => {
    expect(isNews(before, next, statusMs)).toBe(news);
  });
});
