import { describe, expect, it } from 'vitest';
import { compareLights, forwarderHealth, streamHealth, worst } from '../../../functions/health/health.ts';
import type { Status } from '../../../functions/health/status.ts';
import { subjectOf } from '../../../functions/instances/subject.ts';
import { epoch } from '../../../functions/kit/time.ts';
import { at, instance, settings, stream } from '../../fixtures/given.ts';
import { iso } from '../../fixtures/tokens.ts';

const now = Date.parse(at(0));
const minute = 60_000;
const day = 24 * 60 * minute;
const good: Partial<Status> = {
  state: 'ok',
  lastPollAt: iso(now - 4 * minute),
  nextPollAt: iso(now + 6 * minute),
  lastCount: 7,
  failures: 0,
  position: at(-240),
};
const failing = { lastError: 'it broke', remedy: 'mend it', failures: 1 };

const health = (status: Partial<Status> | undefined, record: object = {}) => {
  const subject = subjectOf(
    { instance: instance.instance, host: instance.host, ...record },
    stream,
    settings.instanceRules,
  );
  return streamHealth(subject, stream, status, now);
};

describe('a stream', () => {
  it('is green where polls reach the end, and says how far it is', () => {
    expect(health(good)).toEqual({
      stream: 'sightings',
      light: 'green',
      word: 'ok',
      lastPollAt: iso(now - 4 * minute),
      lastCount: 7,
      position: at(-240),
      lagSeconds: 240,
      error: undefined,
      remedy: undefined,
      tokenExpiresAt: undefined,
    });
  });

  it('that has nothing new is green, and says so', () => {
    expect(health({ ...good, lastCount: 0 })).toMatchObject({ light: 'green', word: 'ok, nothing new' });
  });

  it.each([
    ['pending', {}, 'yellow'],
    ['backlogged', {}, 'yellow'],
    ['unreachable', { failures: 1 }, 'yellow'],
    ['unreachable', { failures: 2 }, 'red'],
    ['rate-limited', { failures: 1 }, 'yellow'],
    ['rate-limited', { failures: 2 }, 'red'],
    ['unauthorized', {}, 'red'],
    ['forbidden', {}, 'red'],
    ['misconfigured', {}, 'red'],
    ['refused', {}, 'red'],
    ['unreadable', {}, 'red'],
    ['undelivered', {}, 'red'],
    ['failed', {}, 'red'],
  ] as const)('%s %o is %s', (state, more, light) => {
    const seen = health({ ...good, ...failing, ...more, state });
    expect(seen).toMatchObject({ light, word: state });
    if (light === 'red') expect(seen).toMatchObject({ error: 'it broke', remedy: 'mend it' });
  });

  it.each([
    ['enabled: false', { enabled: false }],
    ['streams without it', { streams: ['others'] }],
  ])('is off with %s, whatever its last state was', (_, record) => {
    expect(health({ ...good, ...failing, state: 'failed' }, record)).toMatchObject({
      light: 'off',
      word: 'disabled',
    });
  });

  it('that was switched on again is starting', () => {
    expect(health({ ...good, state: 'disabled' })).toMatchObject({ light: 'yellow', word: 'starting' });
  });

  it('that was never polled is told from one that fails', () => {
    expect(health(undefined)).toMatchObject({ light: 'yellow', word: 'never polled' });
    expect(health({ state: 'pending' })).toMatchObject({ light: 'yellow', word: 'never polled' });
  });

  it('whose record is wrong says which attribute, before any poll does', () => {
    expect(health(good, { lookbackHours: 'x' })).toMatchObject({
      light: 'red',
      word: 'misconfigured',
      error: 'lookbackHours: must be a number of hours (N)',
    });
  });

  it('is silent once a poll is a cadence and a run late, and not while a longer wait was asked for', () => {
    const late = 10 * minute + stream.cadenceMinutes * minute + stream.timeoutSeconds * 1000;
    const polled = (ms: number, more = {}) =>
      health({ ...good, lastPollAt: iso(now - ms), nextPollAt: iso(now - ms + 10 * minute), ...more });
    expect(polled(late)).toMatchObject({ light: 'green' });
    expect(polled(late + 1)).toMatchObject({ light: 'red', word: 'silent' });
    expect(polled(late + 1, { nextPollAt: iso(now) })).toMatchObject({ light: 'green' });
    expect(polled(day, { state: 'unauthorized' })).toMatchObject({ word: 'silent' });
  });

  it('waits as long as its interval', () => {
    const status = { ...good, lastPollAt: iso(now - 60 * minute), nextPollAt: iso(now - 30 * minute) };
    expect(health(status, { pollingInterval: 60 })).toMatchObject({ light: 'green' });
  });

  it.each([
    [15 * day, 'green', 'ok'],
    [14 * day - 1, 'yellow', 'token ends soon'],
    [day, 'red', 'token ends soon'],
    [0, 'red', 'token expired'],
  ])('whose token ends in %i ms is %s: %s', (left, light, word) => {
    const tokenExpiresAt = iso(now + left);
    expect(health({ ...good, tokenExpiresAt })).toMatchObject({ light, word, tokenExpiresAt });
  });

  it('that fails says that rather than when the token ends', () => {
    const status = { ...good, ...failing, state: 'forbidden', tokenExpiresAt: iso(now) } as const;
    expect(health(status)).toMatchObject({ word: 'forbidden' });
  });

  it('that has read nothing yet is behind by nothing', () => {
    expect(health({ ...good, position: epoch })).toMatchObject({
      position: undefined,
      lagSeconds: undefined,
    });
  });
});

it('the worst of several is in front, and of equals the first', () => {
  const lights = ['green', 'off', 'red', 'yellow', 'red'] as const;
  expect([...lights].sort(compareLights)).toEqual(['red', 'red', 'yellow', 'green', 'off']);
  const each = lights.map((light, i) => ({ ...health(good), light, word: String(i) }));
  expect(worst(each)?.word).toBe('2');
  expect(worst([])).toBeUndefined();
});

describe('the forwarder', () => {
  it.each<[Partial<Status>, string, string]>([
    [{ state: 'ok', lastCount: 7 }, 'green', 'ok'],
    [{ state: 'ok', lastCount: 7, lastPollAt: iso(now - 90 * day) }, 'green', 'ok'],
    [{ state: 'backlogged' }, 'yellow', 'backlogged'],
    [{ state: 'unreachable', ...failing }, 'yellow', 'unreachable'],
    [{ state: 'unreachable', ...failing, failures: 2 }, 'red', 'unreachable'],
    [{ state: 'unauthorized', ...failing }, 'red', 'unauthorized'],
  ])('with %o is %s: %s', (status, light, word) => {
    expect(forwarderHealth(status)).toMatchObject({
      stream: 'forwarder',
      light,
      word,
      lastPollAt: status.lastPollAt,
      lastCount: status.lastCount,
      error: status.lastError,
      remedy: status.remedy,
    });
  });
});
