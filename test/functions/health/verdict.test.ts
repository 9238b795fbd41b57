import { describe, expect, it } from 'vitest';
import { FleetSum } from '../../../functions/health/fleet.ts';
import { instanceHealth } from '../../../functions/health/instance-health.ts';
import type { Status } from '../../../functions/health/status.ts';
import {
  compareLights,
  forwarderVerdict,
  type Verdict,
  verdictOf,
} from '../../../functions/health/verdict.ts';
import { subjectOf } from '../../../functions/instances/subject.ts';
import { epoch } from '../../../functions/kit/time.ts';
import { defaultStreams as streams } from '../../../functions/streams/list.ts';
import { at, instance, settings, stream } from '../../fixtures/given.ts';
import { healthRows, healthyItem, nameOf } from '../../fixtures/health-rows.ts';
import { iso } from '../../fixtures/tokens.ts';

function sum(verdicts: readonly Verdict[]) {
  const fleet = new FleetSum(hour);
  for (const verdict of verdicts) fleet.add(verdict, now);
  return fleet.fleet;
}

const now = Date.parse(at(0));
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const good: Partial<Status> = {
  state: 'ok',
  lastPollAt: iso(now - 4 * minute),
  lastSuccessAt: iso(now - 4 * minute),
  nextPollAt: iso(now + 6 * minute),
  lastCount: 7,
  failures: 0,
  position: at(-300),
};

/** The cadence of the stream is 10 minutes. */
const judged = (status: object | undefined, record: object = {}, firstSeenAt = at(-86_400)) => {
  const subject = subjectOf(
    { instance: instance.instance, host: instance.host, ...record },
    stream,
    settings.instanceRules,
  );
  return verdictOf(subject, status && { firstSeenAt, status }, stream, now);
};
const failing = (state: string, sinceMs: number, more: object = {}) => ({
  ...good,
  state,
  failures: 3,
  failingSince: iso(now - sinceMs),
  lastError: 'it broke',
  remedy: 'fix it',
  ...more,
});

const rules = { allowedHostSuffixes: ['.sentinelone.net'], quietHours: { activities: 96, agents: 96 } };

describe('the one right answer', () => {
  it.each(healthRows(now).map((row) => [row.says, row] as const))('%s', (_, row) => {
    const name = nameOf(row.says);
    const health = instanceHealth(
      { instance: name, host: `${name}.sentinelone.net`, ...row.record },
      (stream) => (stream === row.stream ? row.item : healthyItem(now)),
      streams,
      rules,
      now,
    );
    const { light, word, since, lagSeconds, remedy = '' } = health.worst;
    expect({ light, word }).toEqual({ light: row.light, word: row.word });
    expect(since).toBe(row.sinceMs === undefined ? undefined : iso(now - row.sinceMs));
    expect(remedy).toMatch(row.remedy ?? /^/);
    if (row.lagSeconds !== undefined) expect(lagSeconds).toBe(row.lagSeconds);
    const { rejected, failing, silent, quiet, expiring } = sum(health.streams);
    const counts = { rejected, failing, silent, quiet, ...expiring };
    const none = { rejected: 0, failing: 0, silent: 0, quiet: 0, 1: 0, 7: 0, 14: 0 };
    expect(counts).toEqual(row.alarm === undefined ? none : { ...none, [row.alarm]: 1 });
  });
});

describe('a stream', () => {
  it('is grey without a licence, and raises no alarm while it is asked for once a day', () => {
    const unlicensed = failing('not-licensed', 9 * day, {
      lastPollAt: iso(now - day + minute),
      nextPollAt: iso(now + minute),
    });
    const verdict = judged(unlicensed);
    expect(verdict).toMatchObject({
      light: 'grey',
      word: 'not-licensed',
      error: 'it broke',
      remedy: 'fix it',
    });
    const { instances, failing: count, silent } = sum([verdict]);
    expect({ instances, count, silent }).toEqual({ instances: 0, count: 0, silent: 0 });
    expect(judged({ ...unlicensed, nextPollAt: iso(now - 16 * minute) }).word).toBe('silent');
    // A wait of years is none, here as for polls.
    expect(
      judged({ ...unlicensed, lastPollAt: iso(now - hour), nextPollAt: '9999-01-01T00:00:00Z' }).word,
    ).toBe('silent');
  });

  it('is green where polls reach the end, and says how far it is', () => {
    expect(judged(good)).toEqual({
      stream: 'sightings',
      light: 'green',
      word: 'ok',
      lastPollAt: iso(now - 4 * minute),
      lastRecordAt: undefined,
      lastCount: 7,
      position: at(-300),
      lagSeconds: 60,
      tokenExpiresAt: undefined,
    });
  });

  it.each(['forbidden', 'misconfigured', 'refused', 'unreadable', 'undelivered', 'failed'])(
    'that is %s needs someone at once, and has an alarm after two cycles',
    (state) => {
      const shared = { light: 'red', word: state, cause: 'failing', error: 'it broke', remedy: 'fix it' };
      expect(judged(failing(state, 20 * minute))).toMatchObject({ ...shared, alarm: false });
      expect(judged(failing(state, 20 * minute + 1))).toMatchObject({ ...shared, alarm: true });
    },
  );

  it.each(['unreachable', 'rate-limited'])('that is %s needs someone after two cycles', (state) => {
    const shared = { word: state, cause: 'failing', error: 'it broke', remedy: 'fix it' };
    expect(judged(failing(state, 20 * minute))).toMatchObject({ ...shared, light: 'yellow', alarm: false });
    expect(judged(failing(state, 20 * minute + 1))).toMatchObject({ ...shared, light: 'red', alarm: true });
  });

  it('has cycles as long as its interval', () => {
    const record = { pollingInterval: 60 };
    expect(judged(failing('unreachable', 120 * minute), record)).toMatchObject({ light: 'yellow' });
    expect(judged(failing('unreachable', 120 * minute + 1), record)).toMatchObject({ light: 'red' });
  });

  it('fails since its last success, or since it was first seen, where no item says since when', () => {
    const without = { ...failing('unreachable', 0), failingSince: undefined };
    expect(judged({ ...without, lastSuccessAt: iso(now - 21 * minute) })).toMatchObject({
      light: 'red',
      since: iso(now - 21 * minute),
    });
    expect(judged({ ...without, lastSuccessAt: undefined })).toMatchObject({ since: iso(now - day) });
  });

  it.each([
    ['enabled: false', { enabled: false }],
    ['streams without it', { streams: ['others'] }],
  ])('is grey with %s, whatever its last state was', (_, record) => {
    const off = judged(failing('failed', day), record);
    expect(off).toMatchObject({ light: 'grey', word: 'disabled' });
    expect(off.error).toBeUndefined();
  });

  it('that waits for a poll is told how long, at the speed of the schedule', () => {
    const remedyOf = (cadenceMinutes: number, speed?: number) => {
      const one = { ...stream, cadenceMinutes };
      const subject = subjectOf({ instance: 'acme', host: instance.host }, one, settings.instanceRules);
      return verdictOf(subject, undefined, one, now, undefined, speed).remedy;
    };
    expect(remedyOf(10)).toBe('Wait: the next poll starts within 10 minutes.');
    expect(remedyOf(1)).toBe('Wait: the next poll starts within 60 seconds.');
    expect(remedyOf(10, 60)).toBe('Wait: the next poll starts within 10 seconds.');
    expect(remedyOf(600, 60)).toBe('Wait: the next poll starts within 10 minutes.');
  });

  it('that was claimed and never polled is never polled, and silent once that is late', () => {
    const seen = (ms: number) => judged({ state: 'pending' }, {}, iso(now - ms));
    expect(seen(15 * minute)).toMatchObject({ light: 'yellow', word: 'never polled' });
    expect(seen(15 * minute + 1)).toMatchObject({ light: 'red', word: 'silent', alarm: true });
  });

  it('whose record is invalid says which attribute before any poll does, and since when polls have failed', () => {
    expect(judged(good, { lookbackHours: 'x' })).toMatchObject({
      light: 'red',
      word: 'misconfigured',
      alarm: false,
      since: undefined,
      error: 'lookbackHours: must be a number of hours (N)',
      remedy: 'Correct lookbackHours in the instance record. Run: collector set acme --lookback-hours HOURS',
    });
    expect(judged(failing('misconfigured', day), { enabled: 'x' })).toMatchObject({
      alarm: true,
      since: iso(now - day),
      remedy: 'Correct enabled in the instance record.',
    });
  });

  it('is silent once a poll has been due for one and a half cadences', () => {
    const polled = (ms: number, more = {}, record = {}) =>
      judged(
        { ...good, lastPollAt: iso(now - ms), nextPollAt: iso(now - ms + 10 * minute), ...more },
        record,
      );
    expect(polled(25 * minute)).toMatchObject({ light: 'green' });
    expect(polled(25 * minute + 1)).toMatchObject({ light: 'red', word: 'silent', alarm: true });
    expect(polled(75 * minute, {}, { pollingInterval: 60 })).toMatchObject({ light: 'green' });
    expect(polled(75 * minute + 1, {}, { pollingInterval: 60 })).toMatchObject({ word: 'silent' });
    const waits = { state: 'unreachable', failures: 1, failingSince: iso(now), nextPollAt: iso(now) };
    expect(polled(day, waits)).toMatchObject({ light: 'yellow', word: 'unreachable' });
    // What a poll that succeeded planned does not count: the interval may have become shorter since.
    expect(polled(day, { nextPollAt: iso(now + day) })).toMatchObject({ word: 'silent' });
  });

  it('keeps saying what needs someone when nothing polls any more', () => {
    const stale = failing('forbidden', day, { lastPollAt: iso(now - day), nextPollAt: iso(now - day) });
    expect(judged(stale)).toMatchObject({ word: 'forbidden', cause: 'failing' });
  });

  it.each([
    [14 * day + 1, 'green', 'ok'],
    [14 * day, 'yellow', 'token expires'],
    [day + 1, 'yellow', 'token expires'],
    [day, 'red', 'token expires'],
    [0, 'red', 'token expired'],
  ])('whose token ends in %i ms is %s: %s', (left, light, word) => {
    const tokenExpiresAt = iso(now + left);
    expect(judged({ ...good, tokenExpiresAt })).toMatchObject({ light, word, tokenExpiresAt });
  });

  it('says the worst of several things', () => {
    const tokenExpiresAt = iso(now + day);
    expect(judged(failing('forbidden', 0, { tokenExpiresAt }))).toMatchObject({ word: 'forbidden' });
    expect(judged(failing('unreachable', 0, { tokenExpiresAt }))).toMatchObject({ word: 'token expires' });
    expect(judged({ ...good, state: 'backlogged', tokenExpiresAt })).toMatchObject({ light: 'red' });
  });

  it('that has read nothing yet, or only what is older than itself, has no lag', () => {
    expect(judged({ ...good, position: epoch })).toMatchObject({
      position: undefined,
      lagSeconds: undefined,
    });
    const history = judged({ ...good, position: at(-9_000_000) }, {}, at(-840));
    expect(history).toMatchObject({ position: at(-9_000_000), lagSeconds: 600 });
  });

  it('believes nothing that is not what it should be', () => {
    const odd = judged({
      state: '__proto__',
      lastPollAt: 'May 5',
      failures: '9',
      lastCount: {},
      position: 'x',
      tokenExpiresAt: '5',
      lastError: 7,
    });
    expect(odd).toMatchObject({ light: 'red', word: 'silent', lastPollAt: undefined, lastCount: undefined });
    expect(odd).toMatchObject({ position: undefined, lagSeconds: undefined, tokenExpiresAt: undefined });
    const error = judged(failing('failed', 0, { lastError: 'x'.repeat(9999) })).error;
    expect(error).toHaveLength(400);
  });
});

it('lights go from the worst to those that are off', () => {
  const lights = ['green', 'grey', 'red', 'yellow', 'red'] as const;
  expect([...lights].sort(compareLights)).toEqual(['red', 'red', 'yellow', 'green', 'grey']);
});

describe('the forwarder', () => {
  const broken = { lastError: 'it broke', remedy: 'fix it', failures: 1 };
  const since = (minutes: number) => ({ ...broken, failingSince: iso(now - minutes * minute) });
  it.each<[Partial<Status>, string, string]>([
    [{ state: 'ok', lastCount: 7 }, 'green', 'ok'],
    [{ state: 'ok', lastCount: 7, lastPollAt: iso(now - 90 * day) }, 'green', 'ok'],
    [{ state: 'backlogged' }, 'yellow', 'backlogged'],
    [{ state: 'unreachable', ...since(30) }, 'yellow', 'unreachable'],
    [{ state: 'unreachable', ...since(31) }, 'red', 'unreachable'],
    [{ state: 'unauthorized', ...since(0) }, 'red', 'unauthorized'],
  ])('with %o is %s: %s', (status, light, word) => {
    expect(forwarderVerdict(status, now)).toMatchObject({
      stream: 'forwarder',
      light,
      word,
      lastPollAt: status.lastPollAt,
      lastCount: status.lastCount,
      ...(status.lastError && { error: status.lastError, remedy: status.remedy }),
    });
  });
});
