import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDue } from '../../../functions/collect/due.ts';
import { MisconfiguredError, RateLimitedError, UnreachableError } from '../../../functions/errors.ts';
import type { Status } from '../../../functions/health/status.ts';
import { statusAfter } from '../../../functions/health/status.ts';
import type { Secret, Secrets } from '../../../functions/instances/ports.ts';
import { type Subject, subjectIntervalMs, subjectOf } from '../../../functions/instances/subject.ts';
import { at, settings, strange, stream } from '../../fixtures/given.ts';

const rules = settings.instanceRules;
const minute = 60_000;
const day = 24 * 60 * minute;
const noon = Date.UTC(2026, 2, 1, 12);
const item = { instance: 'acme', host: 'usea1-acme.sentinelone.net' };
const subject = (attributes: Record<string, unknown> = {}) =>
  subjectOf({ ...item, ...attributes }, stream, rules);
const known = (status: Partial<Status>) => ({ firstSeenAt: at(0), cursor: undefined, status });

/** A store of one secret that counts how often it is asked. */
function secretStore(secret: Secret | undefined | Error = { value: 'token', version: 'v1' }) {
  const asked: [secretId: string, fresh: boolean][] = [];
  const secrets: Secrets = {
    read: async (secretId, fresh) => {
      asked.push([secretId, fresh]);
      if (secret instanceof Error) throw secret;
      return secret;
    },
  };
  return { asked, secrets };
}

const due = (
  given: Subject,
  status: Partial<Status> | undefined,
  scheduledAt = noon,
  { secrets } = secretStore(),
) => isDue(given, stream, scheduledAt, status && known(status), secrets);

/** The ticks, in minutes after noon, at which it is polled when nothing fails. */
async function polledAt(given: Subject, ticks: readonly number[]): Promise<number[]> {
  const polled: number[] = [];
  let status: Partial<Status> | undefined;
  for (const tick of ticks) {
    const scheduledAt = noon + tick * minute;
    if (!(await due(given, status, scheduledAt))) continue;
    polled.push(tick);
    status = statusAfter(status ?? {}, {
      now: scheduledAt + 5000,
      scheduledAt,
      intervalMs: subjectIntervalMs(given, stream),
      cadenceMs: stream.cadenceMinutes * minute,
      state: 'ok',
      error: undefined,
      artifacts: 0,
      position: undefined,
      secretVersion: 'v1',
      configVersion: given.configVersion,
    });
  }
  return polled;
}

describe('a subject', () => {
  it('is made of any record of the table, and tells what is wrong with it', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('host', 'enabled', 'streams', 'x'), strange),
        (attributes) => {
          const { name, configVersion, instance } = subjectOf({ ...item, ...attributes }, stream, rules);
          expect(name).toBe('acme');
          expect(configVersion).toMatch(/^[0-9a-f]{16}$/);
          if (instance instanceof MisconfiguredError) expect(instance.message).toContain(instance.attribute);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each<[what: string, attributes: Record<string, unknown>]>([
    ['it is off', { enabled: false }],
    ['it is off and the rest is wrong', { enabled: false, host: 'http://10.0.0.1' }],
    ['it wants other streams', { streams: ['others'] }],
    ['it wants no stream', { streams: [] }],
  ])('wants nothing where %s', (_, attributes) => {
    expect(subject(attributes).instance).toBe('disabled');
  });

  it('has a new version with every edit, also of what is not known', () => {
    const versions = [{}, { note: 'x' }, { host: 'b.sentinelone.net' }, { enabled: false }].map(
      (attributes) => subject(attributes).configVersion,
    );
    expect(new Set(versions).size).toBe(4);
  });

  it('keeps its name and a version where the rest is wrong', () => {
    const { name, configVersion, instance } = subject({ host: 7 });
    expect([name, configVersion.length]).toEqual(['acme', 16]);
    expect(instance).toBeInstanceOf(MisconfiguredError);
  });

  it('is polled at the cadence where it has no interval that can be read', () => {
    expect(subjectIntervalMs(subject(), stream)).toBe(10 * minute);
    expect(subjectIntervalMs(subject({ pollingInterval: 30 }), stream)).toBe(30 * minute);
    expect(subjectIntervalMs(subject({ pollingInterval: 30, host: 7 }), stream)).toBe(10 * minute);
  });
});

describe('what is due', () => {
  it('is polled at every tick of its interval, though ticks come early or late by less than half a cadence', async () => {
    const jitters = fc.array(fc.integer({ min: -149, max: 149 }), { minLength: 24, maxLength: 24 });
    await fc.assert(
      fc.asyncProperty(jitters, fc.integer({ min: 1, max: 4 }), async (seconds, times) => {
        const ticks = seconds.map((jitter, i) => i * 10 + jitter / 60);
        const polled = await polledAt(subject({ pollingInterval: times * 10 }), ticks);
        expect(polled.map((tick) => ticks.indexOf(tick))).toEqual(
          ticks.map((_, i) => i).filter((i) => i % times === 0),
        );
      }),
      { numRuns: 50 },
    );
  });

  it.each<[minutes: number, polled: number[]]>([
    [1, [0, 10, 20, 30, 40, 50, 60]],
    [10, [0, 10, 20, 30, 40, 50, 60]],
    [15, [0, 20, 40, 60]],
    [20, [0, 20, 40, 60]],
    [30, [0, 30, 60]],
    [1440, [0]],
  ])('at a cadence of 10 minutes and an interval of %i is polled at %j', async (pollingInterval, polled) => {
    expect(await polledAt(subject({ pollingInterval }), [0, 10, 20, 30, 40, 50, 60])).toEqual(polled);
  });

  const ok: Partial<Status> = {
    state: 'ok',
    failures: 0,
    configVersion: subject().configVersion,
    secretVersion: 'v1',
  };
  const later = new Date(noon + 30 * minute).toISOString();
  const cases: [what: string, given: Subject, status: Partial<Status> | undefined, isDue: boolean][] = [
    ['was never polled', subject(), undefined, true],
    ['was claimed but never polled', subject(), { state: 'pending' }, true],
    ['is due now', subject(), { ...ok, nextPollAt: new Date(noon).toISOString() }, true],
    ['is overdue', subject(), { ...ok, nextPollAt: new Date(noon - 99 * minute).toISOString() }, true],
    [
      'is due within half a cadence',
      subject(),
      { ...ok, nextPollAt: new Date(noon + 4.9 * minute).toISOString() },
      true,
    ],
    [
      'is due in more than that',
      subject(),
      { ...ok, nextPollAt: new Date(noon + 5.1 * minute).toISOString() },
      false,
    ],
    ['is due later', subject(), { ...ok, nextPollAt: later }, false],
    ['is due later and was edited', subject({ note: 'x' }), { ...ok, nextPollAt: later }, true],
    ['is misconfigured and new', subject({ host: 7 }), undefined, true],
    [
      'is misconfigured as before',
      subject({ host: 7 }),
      { ...ok, failures: 2, configVersion: subject({ host: 7 }).configVersion, nextPollAt: later },
      false,
    ],
    ['is disabled, and was not', subject({ enabled: false }), ok, true],
    ['is disabled and new', subject({ enabled: false }), undefined, true],
    ['is disabled as before', subject({ enabled: false }), { state: 'disabled' }, false],
    [
      'is disabled as before, and edited',
      subject({ enabled: false, note: 'x' }),
      { ...ok, state: 'disabled' },
      false,
    ],
    ['is enabled again', subject(), { state: 'disabled', failures: 0, configVersion: 'other' }, true],
    ['has a next poll that can’t be read', subject(), { ...ok, nextPollAt: 'soon' }, true],
    ['is due in a day', subject(), { ...ok, nextPollAt: new Date(noon + day).toISOString() }, false],
    [
      'is due in more than a day',
      subject(),
      { ...ok, nextPollAt: new Date(noon + day + 1).toISOString() },
      true,
    ],
    ['is due at the end of time', subject(), { ...ok, nextPollAt: '9999-01-01T00:00:00.000Z' }, true],
  ];
  it.each(cases)('whoever %s', async (_, given, status, expected) => {
    expect(await due(given, status)).toBe(expected);
  });
});

describe('a gap that failures widened', () => {
  const failed: Partial<Status> = {
    state: 'unauthorized',
    failures: 3,
    configVersion: subject().configVersion,
    secretVersion: 'v1',
    nextPollAt: new Date(noon + 30 * minute).toISOString(),
  };
  const { secretVersion: _, ...withoutVersion } = failed;
  const cases: [
    what: string,
    store: ReturnType<typeof secretStore>,
    status: Partial<Status>,
    isDue: boolean,
  ][] = [
    ['stays open while the secret is the same', secretStore({ value: 't', version: 'v1' }), failed, false],
    ['is closed by a new secret', secretStore({ value: 't', version: 'v2' }), failed, true],
    ['is closed by a secret where there was none', secretStore(), withoutVersion, true],
    ['stays open while there is no secret', secretStore(undefined), failed, false],
    ['stays open where the secret can’t be asked for', secretStore(new Error('throttled')), failed, false],
  ];
  it.each(cases)('%s', async (_, store, status, expected) => {
    expect(await due(subject(), status, noon, store)).toBe(expected);
    expect(store.asked).toEqual([['signal-client/sentinelone/acme', true]]);
  });

  it('is closed by an edit, with no look at the secret', async () => {
    const store = secretStore();
    expect(await due(subject({ note: 'x' }), failed, noon, store)).toBe(true);
    expect(store.asked).toEqual([]);
  });

  it.each<[what: string, given: Subject, status: Partial<Status>]>([
    ['all is well', subject(), { ...failed, failures: 0 }],
    [
      'the record is wrong',
      subject({ host: 7 }),
      { ...failed, configVersion: subject({ host: 7 }).configVersion },
    ],
    ['nothing is wanted', subject({ enabled: false }), { ...failed, state: 'disabled' }],
  ])('costs no look at the secret where %s', async (_, given, status) => {
    const store = secretStore({ value: 't', version: 'v2' });
    expect(await due(given, status, noon, store)).toBe(false);
    expect(store.asked).toEqual([]);
  });

  it('is not closed by a new secret where the day’s budget is used up', async () => {
    const store = secretStore({ value: 't', version: 'v2' });
    expect(await due(subject(), { ...failed, state: 'over-budget' }, noon, store)).toBe(false);
    expect(store.asked).toEqual([]);
  });

  it('is never shorter than the console asked for, wherever that ends between two ticks', async () => {
    const seconds = fc.integer({ min: 1, max: 20_000 });
    await fc.assert(
      fc.asyncProperty(seconds, fc.integer({ min: 0, max: 500 }), async (asked, tookSeconds) => {
        const now = noon + tookSeconds * 1000;
        const status = statusAfter(
          {},
          {
            now,
            scheduledAt: noon,
            intervalMs: 10 * minute,
            cadenceMs: 10 * minute,
            state: 'rate-limited',
            error: new RateLimitedError('429', asked * 1000),
            artifacts: 0,
            position: undefined,
            secretVersion: 'v1',
            configVersion: subject().configVersion,
          },
        );
        let at = noon;
        do at += 10 * minute;
        while (!(await due(subject(), status, at)));
        expect(at).toBeGreaterThanOrEqual(now + asked * 1000);
        expect(at - Math.max(now + asked * 1000, noon + 10 * minute)).toBeLessThan(10 * minute);
      }),
    );
  });

  it('is at most three cadences, and closed by a success', async () => {
    const polls = [true, false, false, false, false, false, true, true];
    const polled: number[] = [];
    let status: Partial<Status> | undefined;
    for (let tick = 0; polled.length < polls.length; tick++) {
      const scheduledAt = noon + tick * 10 * minute;
      if (!(await due(subject(), status, scheduledAt))) continue;
      const error = polls[polled.length] ? undefined : new UnreachableError('down', 'wait');
      polled.push(tick);
      status = statusAfter(status ?? {}, {
        now: scheduledAt,
        scheduledAt,
        intervalMs: 10 * minute,
        cadenceMs: 10 * minute,
        state: error?.state ?? 'ok',
        error,
        artifacts: 0,
        position: undefined,
        secretVersion: 'v1',
        configVersion: subject().configVersion,
      });
    }
    expect(polled).toEqual([0, 1, 2, 4, 7, 10, 13, 14]);
  });
});
