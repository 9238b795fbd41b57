import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ClaimLostError,
  CollectorError,
  HeavyPageError,
  MisconfiguredError,
  problemOf,
  RateLimitedError,
  RefusedRequestError,
  type State,
  UndeliveredError,
  UnreachableError,
  UnreadableAnswerError,
} from '../../../functions/errors.ts';
import type { Status } from '../../../functions/health/status.ts';
import { disabledStatus, type PollEnd, statusAfter } from '../../../functions/health/status.ts';
import { at } from '../../fixtures/given.ts';

const minute = 60_000;
const noon = Date.UTC(2026, 2, 1, 12);
const end: PollEnd = {
  now: noon + 20_000,
  scheduledAt: noon,
  intervalMs: 10 * minute,
  cadenceMs: 10 * minute,
  state: 'ok',
  error: undefined,
  artifacts: 7,
  position: at(0),
  secretVersion: 'v1',
  configVersion: 'c1',
};
const broken = { ...end, state: 'unreachable', error: new UnreachableError('down', 'wait') } as const;
const nextPoll = (status: Partial<Status>) => Date.parse(status.nextPollAt ?? '') - noon;

const errors: [error: CollectorError, state: State][] = [
  [new RateLimitedError('x'), 'rate-limited'],
  [new UnreachableError('x', 'wait'), 'unreachable'],
  [new HeavyPageError('x'), 'unreachable'],
  [new MisconfiguredError('host', 'x', 'mend it'), 'misconfigured'],
  [new CollectorError('unauthorized', 'x', { name: 'UnauthorizedError' }), 'unauthorized'],
  [new CollectorError('forbidden', 'x', { name: 'ForbiddenError' }), 'forbidden'],
  [new UndeliveredError('x'), 'undelivered'],
  [new RefusedRequestError('x'), 'refused'],
  [new UnreadableAnswerError('x'), 'unreadable'],
  [new CollectorError('unreadable', 'x', { name: 'StuckListingError', remedy: 'wait' }), 'unreadable'],
];

describe('the status after a poll', () => {
  it('widens the gap by a cadence with each failure, up to three, and never under the interval', () => {
    const outcomes = fc.array(fc.boolean(), { maxLength: 12 });
    fc.assert(
      fc.property(outcomes, fc.integer({ min: 10, max: 60 }), (polls, interval) => {
        let status: Partial<Status> = {};
        let failures = 0;
        for (const succeeds of polls) {
          failures = succeeds ? 0 : failures + 1;
          status = statusAfter(status, { ...(succeeds ? end : broken), intervalMs: interval * minute });
          expect(status.failures).toBe(failures);
          expect('failingSince' in status).toBe(failures > 0);
          expect(nextPoll(status)).toBe(Math.max(interval, Math.min(failures, 3) * 10) * minute);
          expect('lastError' in status && 'remedy' in status).toBe(!succeeds);
        }
      }),
    );
  });

  it('lets a stream without a licence be asked for once a day', () => {
    const error = new CollectorError('not-licensed', 'no licence', { name: 'NotLicensedError' });
    const unlicensed = { ...end, state: 'not-licensed', error } as const;
    const first = statusAfter({}, unlicensed);
    expect(nextPoll(first)).toBe(24 * 60 * minute);
    expect(nextPoll(statusAfter(first, unlicensed))).toBe(24 * 60 * minute);
    expect(first).toMatchObject({ state: 'not-licensed', failures: 1, lastError: 'no licence' });
  });

  it('holds plain values only, whatever was thrown', () => {
    const thrown = fc.oneof(
      fc.constantFrom<unknown>(
        undefined,
        null,
        'text',
        7,
        new Error('x'),
        new TypeError('x'),
        ...errors.map(([error]) => error),
      ),
      fc.string().map((text) => new Error(text)),
    );
    fc.assert(
      fc.property(thrown, (error) => {
        const status = statusAfter({}, { ...end, error, state: problemOf(error).state });
        expect(JSON.parse(JSON.stringify(status))).toStrictEqual(status);
        expect(statusAfter(status, end).failures).toBe(0);
      }),
    );
  });

  it('says all there is to say after a success', () => {
    expect(statusAfter({}, end)).toEqual({
      state: 'ok',
      lastPollAt: '2026-03-01T12:00:20.000Z',
      lastSuccessAt: '2026-03-01T12:00:20.000Z',
      failures: 0,
      nextPollAt: '2026-03-01T12:10:00.000Z',
      lastCount: 7,
      position: at(0),
      configVersion: 'c1',
      secretVersion: 'v1',
      lastRecordAt: '2026-03-01T12:00:20.000Z',
    });
  });

  it('keeps the last success and the position after a failure', () => {
    const ok = statusAfter({}, end);
    expect(
      statusAfter(ok, { ...broken, now: end.now + 1000, position: undefined, artifacts: 0 }),
    ).toMatchObject({
      state: 'unreachable',
      lastPollAt: '2026-03-01T12:00:21.000Z',
      lastSuccessAt: '2026-03-01T12:00:20.000Z',
      position: at(0),
      lastError: 'down',
      remedy: 'wait',
      failures: 1,
      lastCount: 0,
    });
  });

  it('keeps when something was last delivered, and when the token of the same secret expires', () => {
    const known = {
      lastRecordAt: '2026-02-01T00:00:00.000Z',
      tokenExpiresAt: '2027-01-01T00:00:00.000Z',
      secretVersion: String(end.secretVersion),
    };
    expect(statusAfter(known, { ...end, artifacts: 0 })).toMatchObject(known);
    expect(statusAfter(known, { ...broken, artifacts: 1 })).toMatchObject({
      ...known,
      lastRecordAt: '2026-03-01T12:00:20.000Z',
    });
    expect(statusAfter({}, { ...end, artifacts: 0 })).not.toHaveProperty('lastRecordAt');
  });

  it('says since when polls have failed: the first failure in a row', () => {
    const first = statusAfter({}, { ...broken, now: noon });
    const third = statusAfter(statusAfter(first, broken), { ...broken, now: noon + minute });
    expect(third).toMatchObject({ failures: 3, failingSince: '2026-03-01T12:00:00.000Z' });
    // An item of an earlier version does not say it.
    expect(statusAfter({ failures: 2 }, broken)).not.toHaveProperty('failingSince');
  });

  it('forgets the error with the next success', () => {
    const status = statusAfter(statusAfter({}, broken), end);
    expect(status).not.toHaveProperty('failingSince');
    expect(status).not.toHaveProperty('lastError');
    expect(status).not.toHaveProperty('remedy');
  });

  it('counts from the tick, not from when the poll ended', () => {
    expect(nextPoll(statusAfter({}, { ...end, now: noon + 8 * minute }))).toBe(10 * minute);
  });

  it('waits as long as the console asked for', () => {
    for (const error of [
      new RateLimitedError('429', 45 * minute),
      new UnreachableError('503', 'wait', 45 * minute),
    ]) {
      // The first tick after that time.
      expect(nextPoll(statusAfter({}, { ...broken, error }))).toBe(50 * minute);
    }
    const brief = new RateLimitedError('429', 5000);
    expect(nextPoll(statusAfter({}, { ...broken, error: brief }))).toBe(10 * minute);
  });

  it('can be told for a Retry-After beyond any calendar', () => {
    for (const ms of [Number.MAX_SAFE_INTEGER, 1e300, Number.POSITIVE_INFINITY]) {
      const status = statusAfter({}, { ...broken, error: new RateLimitedError('429', ms) });
      expect(Date.parse(status.nextPollAt ?? '')).toBeGreaterThan(noon);
    }
  });

  it('names no version of a secret that was not read', () => {
    expect(statusAfter({ secretVersion: 'old' }, { ...broken, secretVersion: undefined })).not.toHaveProperty(
      'secretVersion',
    );
  });

  it('of what is disabled has neither error nor next poll, and keeps how far it came', () => {
    const failed = statusAfter(statusAfter({}, end), broken);
    expect(disabledStatus(failed)).toEqual({
      state: 'disabled',
      failures: 0,
      lastPollAt: failed.lastPollAt,
      lastSuccessAt: failed.lastSuccessAt,
      lastCount: 7,
      position: at(0),
      configVersion: 'c1',
      secretVersion: 'v1',
      lastRecordAt: failed.lastRecordAt,
    });
    expect(disabledStatus({})).toEqual({ state: 'disabled', failures: 0 });
  });
});

describe('telling errors apart', () => {
  it.each(errors.map(([error, state]) => [error.name, state, error] as const))(
    '%s is %s',
    (name, state, error) => {
      expect(problemOf(error)).toEqual({ name, state, message: error.message, remedy: error.remedy });
      if (error.constructor !== CollectorError) expect(error.constructor.name).toBe(name);
      expect(error.remedy.length).toBeGreaterThan(3);
      expect(error).toBeInstanceOf(CollectorError);
    },
  );

  it.each([
    [new TypeError('x is not a function'), 'TypeError', 'unexpected: TypeError: x is not a function'],
    [new ClaimLostError('taken over'), 'ClaimLostError', 'unexpected: ClaimLostError: taken over'],
    ['text', 'Error', 'unexpected: text'],
    [null, 'Error', 'unexpected: null'],
  ])('a fault of our own is failed: %s', (error, name, message) => {
    const remedy = expect.stringContaining('Nothing is lost');
    expect(problemOf(error)).toEqual({ name, state: 'failed', message, remedy });
  });

  it('by class, not by message', () => {
    expect(problemOf(new Error('RateLimitedError: 429')).state).toBe('failed');
  });
});

describe('a status after a wait was asked for', () => {
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
      expect(nextPollAt(new UnreachableError('503', 'wait', day - 1), 0)).toBe(iso(noon + day));
    });

    it('is at the next tick where it says nothing, however long the poll took', () => {
      expect(nextPollAt(new RateLimitedError('429'), 20 * minute)).toBe(iso(noon + 10 * minute));
    });
  });
});
