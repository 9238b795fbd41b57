import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  countLate,
  countListed,
  type LateCounts,
  latenessAfter,
  overlapToSet,
  readLateness,
} from '../../../functions/health/lateness.ts';
import { at, record } from '../../fixtures/given.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
const overlapMs = 10 * minute;
/** The start of a period of four days. */
const now = 5_000 * 4 * day;

const counted = (lateMs: readonly number[]) => {
  const counts: LateCounts = [];
  for (const ms of lateMs) countLate(counts, ms);
  return counts;
};
const stored = (lateMs: readonly number[], before?: string, time = now) =>
  latenessAfter(before, counted(lateMs), [], overlapMs, time) ?? '';
const shares = { p50Ms: 0.5, p99Ms: 0.99, p999Ms: 0.999, mostMs: 1 } as const;

/** The smallest value that so large a share of them does not exceed. */
const exact = (lateMs: readonly number[], share: number) =>
  lateMs.toSorted((a, b) => a - b)[Math.ceil(share * lateMs.length) - 1] ?? Number.NaN;

describe('the lateness of records', () => {
  it('is known within 10 %, however it is distributed over however many polls', () => {
    // Between 2 seconds and an hour, a few records much later than most.
    const ms = fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 2_000, max: 20_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: 2_000, max: 60 * minute }) },
    );
    const polls = fc.array(fc.array(ms, { minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(polls, (all) => {
        const text = all.reduce<string | undefined>((before, some) => stored(some, before), undefined);
        const lateness = readLateness(text);
        const late = all.flat();
        expect(lateness?.records).toBe(late.length);
        for (const [name, share] of Object.entries(shares)) {
          const ratio = Number(lateness?.[name as keyof typeof shares]) / exact(late, share);
          expect(ratio, name).toBeGreaterThan(0.9);
          expect(ratio, name).toBeLessThan(1.101);
        }
      }),
    );
  });

  it('is 0 where records come in time', () => {
    expect(readLateness(stored([0, 0, 1_999]))).toEqual({
      overlapMs,
      records: 3,
      p50Ms: 0,
      p99Ms: 0,
      p999Ms: 0,
      mostMs: 0,
    });
  });

  it('is counted from the start of the last listing, for records that are surely new', () => {
    const times = [at(-400), at(-300), at(-60), at(0), at(30), undefined];
    const records = times.map((time, i) => record(`${i}`, time));
    const counts: LateCounts = [];
    countListed(counts, records, at(0), at(-300));
    expect(counts.reduce((sum, count = 0) => sum + count, 0)).toBe(4);
    const { mostMs = 0, p50Ms } = readLateness(latenessAfter(undefined, counts, [], overlapMs, now)) ?? {};
    expect(Math.abs(mostMs / 300_000 - 1)).toBeLessThan(0.1);
    expect(p50Ms).toBe(0);
    const none: LateCounts = [];
    countListed(none, records, at(0), undefined);
    expect(none).toEqual([]);
  });

  it('is that of about a week: of the last four to eight days', () => {
    const first = stored([30 * minute]);
    const next = stored([0], first, now + 4 * day);
    expect(readLateness(next)).toMatchObject({ records: 2 });
    expect(readLateness(stored([0], next, now + 8 * day - 1))).toMatchObject({ records: 3 });
    expect(readLateness(stored([0], next, now + 8 * day))).toMatchObject({ records: 2, mostMs: 0 });
    expect(readLateness(stored([], next, now + 30 * day))).toBeUndefined();
    // A clock that was wrong once.
    expect(readLateness(stored([0], next, now - 30 * day))).toMatchObject({ records: 1 });
  });

  it('takes next to no room where records come in time, and never 400 characters', () => {
    expect(stored([0, 0, 0]).length).toBeLessThan(20);
    const all: LateCounts = [];
    for (let ms = 1_000; ms < 2 * 60 * minute; ms *= 1.2) countLate(all, ms, 40_000_000);
    const half = latenessAfter(undefined, all, [], 60 * minute, now);
    const whole = latenessAfter(half, all, [], 60 * minute, now + 4 * day) ?? '';
    expect(whole.length).toBeLessThan(400);
    const { p50Ms = 0, p999Ms = 0 } = readLateness(whole) ?? {};
    expect(p50Ms).toBeLessThan(p999Ms / 10);
  });

  it('keeps its shares where there are more records than it can count', () => {
    const counts: LateCounts = [];
    countLate(counts, 0, 9_980_000);
    countLate(counts, 5 * minute, 20_000);
    const { p99Ms, p999Ms = 0 } = readLateness(latenessAfter(undefined, counts, [], overlapMs, now)) ?? {};
    expect(p99Ms).toBe(0);
    expect(Math.abs(p999Ms / (5 * minute) - 1)).toBeLessThan(0.1);
  });

  it.each([undefined, null, 7, '', 'no', '10 x 1', `10 a 1 ${'1'.repeat(9999)} `, '10 a ... ..'])(
    'that is stored as %j says nothing, and heals',
    (damaged) => {
      expect(readLateness(damaged)).toBeUndefined();
      expect(latenessAfter(damaged, [], [], overlapMs, now)).toSatisfy(
        (text) => readLateness(text) === undefined,
      );
      expect(readLateness(stored([0], damaged as string))).toMatchObject({ records: 1 });
    },
  );

  it('that is stored never throws, and never has a number that is none', () => {
    const text = fc.oneof(
      fc.string(),
      fc.stringMatching(/^\d{1,5} [\da-z]{1,9} [\da-z]{1,9} [\da-z.]{0,210} [\da-z.]{0,210}$/),
    );
    fc.assert(
      fc.property(text, (damaged) => {
        const { overlapMs: _, ...numbers } = readLateness(damaged) ?? { overlapMs: 0 };
        for (const number of Object.values(numbers)) expect(number).toSatisfy(Number.isSafeInteger);
        const healed = latenessAfter(damaged, [1], [], overlapMs, now) ?? '';
        expect(healed.length).toBeLessThan(400);
        expect(readLateness(healed)?.records).toBeGreaterThan(0);
      }),
    );
  });
});

describe('the overlap to set', () => {
  const toSet = (lateMs: readonly number[], overlap = overlapMs) => {
    const lateness = readLateness(latenessAfter(undefined, counted(lateMs), [], overlap, now));
    return lateness && overlapToSet(lateness);
  };
  const missed = (overlap: number) => {
    const missed = [{ hour: at(0), found: 1 }];
    const lateness = readLateness(latenessAfter(undefined, [], missed, overlap, now));
    return lateness && overlapToSet(lateness);
  };

  it.each([
    ['none where records come in time', [0], 10, undefined],
    ['none where the overlap is long enough', [7 * minute], 10, undefined],
    ['a longer one where it is hardly long enough', [9.6 * minute], 10, 15],
    ['none for 25 minutes of 30', [25 * minute], 30, undefined],
    ['an hour at most', [58 * minute], 60, 60],
  ] as const)('is %s', (_, late, overlap, expected) => {
    expect(toSet(late, overlap * minute)).toBe(expected);
  });

  it('does not depend on fewer than one record in a thousand', () => {
    const few = [...Array<number>(2_000).fill(0), 9.9 * minute];
    expect(toSet(few)).toBeUndefined();
    expect(toSet([...few, 9.9 * minute, 9.9 * minute])).toBe(15);
  });

  it('is three times as long where records were later than it, up to an hour', () => {
    for (let minutes = 1; minutes <= 60; minutes++)
      expect(missed(minutes * minute), `${minutes}`).toBe(Math.min(60, Math.ceil((3 * minutes) / 5) * 5));
  });

  it('counts what was missed only of hours that the present overlap has been in force for', () => {
    const time = Date.parse(at(0)) + minute;
    const before = latenessAfter(undefined, [1], [], overlapMs, time);
    const missed = [0, 3600].map((seconds) => ({ hour: at(seconds), found: 3 }));
    const records = (overlap: number) =>
      readLateness(latenessAfter(before, [], missed, overlap, time))?.records;
    expect(records(overlapMs)).toBe(7);
    expect(records(2 * overlapMs)).toBe(4);
  });
});
