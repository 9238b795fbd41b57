import { describe, expect, it } from 'vitest';
import { MisconfiguredError, type State } from '../../../functions/errors.ts';
import { type Fleet, FleetSum, noticeMs } from '../../../functions/health/fleet.ts';
import type { CursorStatus } from '../../../functions/health/known-status.ts';
import type { Status } from '../../../functions/health/status.ts';
import { verdictOf } from '../../../functions/health/verdict.ts';
import type { Subject } from '../../../functions/instances/subject.ts';
import { epoch, fromMs } from '../../../functions/kit/time.ts';
import { instance, stream } from '../../fixtures/given.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const now = Date.UTC(2026, 2, 1, 12);
const ago = (ms: number) => new Date(now - ms).toISOString();

/** The stream's cadence is 10 minutes. */
const cycles = 20 * minute;
const late = 25 * minute;

const subject = (of: Subject['instance'] = instance): Subject => ({
  name: 'acme',
  configVersion: 'c1',
  instance: of,
});

interface Member {
  readonly subject: Subject;
  readonly item: CursorStatus | undefined;
}

function fleetOf(members: readonly Member[], of: typeof stream, at: number, quietMs?: number): Fleet {
  const sum = new FleetSum(noticeMs(of));
  for (const one of members) sum.add(verdictOf(one.subject, one.item, of, at, quietMs), at);
  return sum.fleet;
}

/** Seen a day ago, polled now, with nothing wrong. */
const member = (status: Partial<Status> = {}, firstSeenAgo = day): Member => ({
  subject: subject(),
  item: {
    firstSeenAt: fromMs(now - firstSeenAgo),
    status: { state: 'ok', lastPollAt: ago(0), lastSuccessAt: ago(0), failures: 0, ...status },
  },
});

const fleet = (...members: Member[]) => fleetOf(members, stream, now);
const failed = (state: State, failingMs: number): Partial<Status> => ({
  state,
  failures: 3,
  failingSince: ago(failingMs),
});

describe('a fleet', () => {
  it('that is well has nothing to say', () => {
    expect(fleet(member(), member())).toEqual({
      instances: 2,
      lights: { red: 0, yellow: 0, green: 2, grey: 0 },
      rejected: 0,
      failing: 0,
      silent: 0,
      quiet: 0,
      lagSeconds: undefined,
      latenessSeconds: undefined,
      expiring: { 1: 0, 7: 0, 14: 0 },
      tokenExpiryDays: undefined,
      notices: { rejected: 0, failing: 0, silent: 0, quiet: 0, expiring: { 1: 0, 7: 0, 14: 0 } },
    } satisfies Fleet);
    expect(fleet()).toMatchObject({ instances: 0, tokenExpiryDays: undefined });
  });

  it('leaves out what is switched off, however it was before', () => {
    const off = { ...member(failed('unauthorized', day)), subject: subject('disabled') };
    expect(fleet(off)).toMatchObject({ instances: 0, lights: { red: 0, grey: 1 }, rejected: 0, failing: 0 });
  });

  it('knows a refused token at once, and as nothing else', () => {
    const broken = member({ ...failed('unauthorized', 10 * day), lastPollAt: ago(day) });
    expect(fleet(broken)).toMatchObject({ rejected: 1, failing: 0, silent: 0 });
    expect(fleet(member(failed('unauthorized', 0)))).toMatchObject({ rejected: 1 });
  });

  it.each<State>([
    'misconfigured',
    'forbidden',
    'rate-limited',
    'unreachable',
    'refused',
    'unreadable',
    'undelivered',
    'failed',
  ])('finds %s failing after more than two cycles', (state) => {
    expect(fleet(member(failed(state, cycles)))).toMatchObject({ failing: 0, silent: 0 });
    expect(fleet(member(failed(state, cycles + 1)))).toMatchObject({ failing: 1, silent: 0, quiet: 0 });
  });

  it('waits for the cadence where the record is wrong', () => {
    const wrong = new MisconfiguredError('host', 'is missing', 'mend it');
    const misconfigured = { ...member(failed('misconfigured', cycles + 1)), subject: subject(wrong) };
    expect(fleet(misconfigured)).toMatchObject({ instances: 1, failing: 1 });
  });

  it('finds silent what no poll has reached, though nothing failed', () => {
    expect(fleet(member({ lastPollAt: ago(late) }))).toMatchObject({ silent: 0 });
    expect(fleet(member({ lastPollAt: ago(late + 1) }))).toMatchObject({ silent: 1, failing: 0 });
  });

  it('does not find late what it has not seen yet', () => {
    expect(fleet({ subject: subject(), item: undefined })).toMatchObject({
      instances: 1,
      lights: { yellow: 1 },
      failing: 0,
      silent: 0,
    });
  });

  it('finds quiet what succeeds and brings nothing for longer than is usual', () => {
    const quiet = (status: Partial<Status>) => fleetOf([member(status)], stream, now, hour).quiet;
    expect(quiet({ lastRecordAt: ago(hour) })).toBe(0);
    expect(quiet({ lastRecordAt: ago(hour + 1) })).toBe(1);
    expect(quiet({})).toBe(1);
    expect(fleet(member({})).quiet).toBe(0);
    expect(quiet({ state: 'backlogged' })).toBe(0);
    expect(fleetOf([member(failed('unreachable', day))], stream, now, hour)).toMatchObject({
      failing: 1,
      quiet: 0,
    });
  });

  it.each<[string, number, (age: number) => Member]>([
    ['a refused token', 0, (age) => member(failed('unauthorized', age))],
    ['a failing poll', cycles, (age) => member(failed('unreachable', age))],
    ['a silent stream', late, (age) => member({ lastPollAt: ago(age) })],
    ['a quiet stream', hour, (age) => member({ lastRecordAt: ago(age) })],
    ['a token about to expire', 0, (age) => member({ tokenExpiresAt: ago(age - 14 * day) })],
    ['a token that has expired', 0, (age) => member({ tokenExpiresAt: ago(age + day) })],
  ])('has alarms notice %s when it is new, and at the same time of each later day', (_, after, of) => {
    const noticed = (age: number) => {
      const { expiring, ...causes } = fleetOf([of(after + age)], stream, now, hour).notices;
      return Object.values({ ...causes, ...expiring }).reduce((sum, one) => sum + one, 0);
    };
    for (const days of [0, 1, 5]) {
      expect(noticed(days * day + 1)).toBe(1);
      expect(noticed(days * day + hour)).toBe(1);
      expect(noticed(days * day + hour + 1)).toBe(0);
      expect(noticed(days * day + day - 1)).toBe(0);
    }
  });

  it('has alarms notice the next instance that fails, while another fails for good', () => {
    const forGood = member(failed('unreachable', 10 * day + 7 * hour));
    expect(fleet(forGood)).toMatchObject({ failing: 1, notices: { failing: 0 } });
    const next = member(failed('unreachable', cycles + 1));
    expect(fleet(forGood, next)).toMatchObject({ failing: 2, notices: { failing: 1 } });
  });

  it('has alarms always notice what does not say since when it is', () => {
    const item = { status: { state: 'unreachable', failures: 3, lastPollAt: ago(0) } } as const;
    const unknown = { subject: subject(), item };
    expect(fleet(unknown)).toMatchObject({ failing: 1, notices: { failing: 1 } });
  });

  it.each([
    [5, hour],
    [10, hour],
    [60, 1.5 * hour],
  ])('takes a cause for new long enough for a run every %d minutes to see it', (cadenceMinutes, newForMs) => {
    expect(noticeMs({ cadenceMinutes })).toBe(newForMs);
  });

  it('is as far behind as the furthest of those whose polls succeed', () => {
    const behind = (seconds: number, status: Partial<Status> = {}) =>
      member({ position: fromMs(now - seconds * 1000), ...status });
    expect(fleet(behind(5), behind(90, { state: 'backlogged' }), behind(7)).lagSeconds).toBe(90);
    expect(fleet(behind(5), behind(90, failed('unreachable', 0))).lagSeconds).toBe(5);
    const off = { ...behind(90), subject: subject('disabled') };
    expect(fleet(behind(5), off).lagSeconds).toBe(5);
    const silent = behind(90_000, { lastPollAt: ago(hour) });
    expect(fleet(behind(5), silent).lagSeconds).toBe(5);
    expect(fleet(behind(60, { lastPollAt: ago(60_000) })).lagSeconds).toBe(0);
    expect(fleet(behind(0, { position: epoch })).lagSeconds).toBeUndefined();
  });

  it('has records as late as the latest of those that are collected', () => {
    const late = (digits: string, more: object = {}) => ({
      ...member({ lateness: `10 0 3r ${digits} ` }),
      ...more,
    });
    const off = late(`${'.'.repeat(30)}1`, { subject: subject('disabled') });
    const { latenessSeconds = 0 } = fleet(late('1'), late('5..............1'), member(), off);
    expect(latenessSeconds).toBeGreaterThan(20);
    expect(latenessSeconds).toBeLessThan(60);
  });

  it('counts each token that expires under the first bound that it meets', () => {
    const expires = (days: number, status: Partial<Status> = {}) =>
      member({ tokenExpiresAt: ago(-days * day), ...status });
    const found = fleet(expires(0.5), expires(1), expires(1.1), expires(7), expires(13), expires(14.1));
    expect(found.expiring).toEqual({ 1: 2, 7: 2, 14: 1 });
    expect(found.tokenExpiryDays).toBe(0.5);
    expect(fleet(expires(14.1))).toMatchObject({
      expiring: { 1: 0, 7: 0, 14: 0 },
      tokenExpiryDays: expect.closeTo(14.1),
    });
  });

  it('counts a token that has expired and is still accepted under the last bound', () => {
    const past = member({ tokenExpiresAt: ago(day) });
    expect(fleet(past)).toMatchObject({ expiring: { 1: 1, 7: 0, 14: 0 }, tokenExpiryDays: 0 });
  });

  it('says nothing of the expiry of a token that is refused, or of a time that is none', () => {
    const refused = member({ ...failed('unauthorized', 0), tokenExpiresAt: ago(-hour) });
    const nonsense = member({ tokenExpiresAt: 'never' });
    expect(fleet(refused, nonsense)).toMatchObject({
      expiring: { 1: 0, 7: 0, 14: 0 },
      tokenExpiryDays: undefined,
    });
  });
});
