import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  earlier,
  epoch,
  fromMs,
  later,
  shift,
  type Timestamp,
  timestamp,
  toMs,
} from '../../../functions/kit/time.ts';
import { instants, printed, strange, timestamps } from '../../fixtures/given.ts';

const shape = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

describe('reading a time', () => {
  it('gives the same text for the same time, in whatever form it is written', () => {
    const firstDay = BigInt(Date.UTC(1, 1, 1) - Date.UTC(1971, 0, 1)) * 1000n;
    const lastDay = BigInt(Date.UTC(9999, 11, 30)) * 1000n;
    fc.assert(
      fc.property(
        fc.oneof(fc.bigInt({ min: firstDay, max: lastDay }), fc.bigInt({ min: 0n, max: lastDay })),
        fc.integer({ min: -14 * 60, max: 14 * 60 }),
        fc.integer({ min: 0, max: 9 }),
        fc.constantFrom('Z', '', '+hh:mm', '+hhmm'),
        (micros, offset, digits, zone) => {
          const minutes = zone.startsWith('+') ? offset : 0;
          const local = printed(micros + BigInt(minutes) * 60_000_000n);
          const fraction = `${local.slice(20, 26)}789`.slice(0, digits);
          const sign = minutes < 0 ? '-' : '+';
          const hh = String(Math.floor(Math.abs(minutes) / 60)).padStart(2, '0');
          const mm = String(Math.abs(minutes) % 60).padStart(2, '0');
          const suffix = zone.replace('+', sign).replace('hh', hh).replace('mm', mm);
          const written = `${local.slice(0, 19)}${digits > 0 ? `.${fraction}` : ''}${suffix}`;
          const kept = `${printed(micros).slice(0, 19)}.${fraction.slice(0, 6).padEnd(6, '0')}Z`;
          expect(timestamp(written), written).toBe(kept);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('never throws, and gives undefined or a timestamp that reads as itself', () => {
    const almost = fc
      .tuple(timestamps, fc.nat(27), fc.nat(2), fc.string({ unit: 'binary', maxLength: 2 }))
      .map(([time, i, cut, put]) => time.slice(0, i) + put + time.slice(i + cut));
    fc.assert(
      fc.property(fc.oneof(strange, almost, fc.date().map(String)), (value) => {
        const time = timestamp(value);
        if (time === undefined) return;
        expect(time).toMatch(shape);
        expect(timestamp(time)).toBe(time);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads every day of a year, and no other', () => {
    for (const year of [2000, 2024, 2026]) {
      for (const month of Array(14).keys()) {
        const last = month === 0 || month === 13 ? 0 : new Date(Date.UTC(year, month, 0)).getUTCDate();
        for (const day of Array(33).keys()) {
          const [mm, dd] = [month, day].map((part) => String(part).padStart(2, '0'));
          const time = `${year}-${mm}-${dd}T23:59:59.257525Z`;
          expect([time, timestamp(time)]).toEqual([time, day >= 1 && day <= last ? time : undefined]);
        }
      }
    }
  });

  const read: [written: string, time: Timestamp][] = [
    ['2024-02-29T04:49:26Z', '2024-02-29T04:49:26.000000Z'],
    ['2018-02-27T04:49:26.257525Z', '2018-02-27T04:49:26.257525Z'],
    ['2018-02-27T04:49:26Z', '2018-02-27T04:49:26.000000Z'],
    ['2018-02-27T04:49:26.25Z', '2018-02-27T04:49:26.250000Z'],
    ['2018-02-27T04:49:26.257525', '2018-02-27T04:49:26.257525Z'],
    ['2018-02-27T04:49:26.257525+00:00', '2018-02-27T04:49:26.257525Z'],
    ['2018-02-27T01:49:26.257525+05:30', '2018-02-26T20:19:26.257525Z'],
    ['2018-12-31T23:30:00.000001-0100', '2019-01-01T00:30:00.000001Z'],
    ['2018-02-27T04:49:26.257525999Z', '2018-02-27T04:49:26.257525Z'],
  ];
  it.each(read)('reads %s as %s', (written, time) => {
    expect(timestamp(written)).toBe(time);
  });

  const unread: unknown[] = [
    undefined,
    null,
    0,
    1_519_706_966_257,
    true,
    [],
    {},
    ['2018-02-27T04:49:26Z'],
    '',
    'null',
    'yesterday',
    '2018-02-27',
    '2018-02-27 04:49:26Z',
    '2018-02-27t04:49:26z',
    '2018-13-01T00:00:00Z',
    '2018-02-32T00:00:00Z',
    '2018-02-30T00:00:00Z',
    '2026-02-29T12:00:00+05:30',
    '2026-04-31T23:59:59.5Z',
    '2018-02-27T25:00:00Z',
    '2018-02-27T04:60:00Z',
    '2018-02-27T04:49:61Z',
    '2018-02-27T04:49Z',
    '2018-02-27T04:49:26.Z',
    '2018-02-27T04:49:26,5Z',
    ' 2018-02-27T04:49:26Z',
    '2018-02-27T04:49:26Z\n',
    '02018-02-27T04:49:26Z',
    '+002018-02-27T04:49:26Z',
    '0000-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
    '２018-02-27T04:49:26Z',
  ];
  it.each(unread.map((value) => [value]))('does not take %j for a time', (value) => {
    expect(timestamp(value as Parameters<typeof timestamp>[0])).toBeUndefined();
  });
});

describe('counting with times', () => {
  it('has the order of time as the order of text', () => {
    fc.assert(
      fc.property(instants, instants, (a, b) => {
        const [x, y] = [printed(a), printed(b)];
        expect(x < y).toBe(a < b);
        expect(earlier(x, y)).toBe(a < b ? x : y);
        expect(later(x, y)).toBe(a < b ? y : x);
      }),
      { numRuns: 300 },
    );
  });

  const ms = fc.oneof(fc.integer({ min: 0, max: 700_000 }), fc.integer({ min: 0, max: 87_600 * 3_600_000 }));
  it('shifts to the microsecond, and back again', () => {
    const days = BigInt(87_600 * 3_600_000) * 1000n;
    const instant = fc.bigInt({ min: days, max: 200_000_000_000_000_000n });
    fc.assert(
      fc.property(instant, ms, (micros, by) => {
        const time = printed(micros);
        expect(shift(time, by)).toBe(printed(micros + BigInt(by) * 1000n));
        expect(shift(time, -by)).toBe(printed(micros - BigInt(by) * 1000n));
        expect(shift(shift(time, by), -by)).toBe(time);
      }),
      { numRuns: 300 },
    );
  });

  it('never shifts to before 1970', () => {
    fc.assert(
      fc.property(timestamps, ms, (time, by) => {
        const moved = shift(time, -by);
        expect(moved).toMatch(shape);
        expect(moved >= epoch && moved <= time).toBe(true);
      }),
    );
    expect(shift('1970-01-01T00:10:00.000000Z', -600_000)).toBe(epoch);
    expect(shift('1970-01-01T00:10:00.000000Z', -600_001)).toBe(epoch);
    expect(shift(epoch, 0)).toBe(epoch);
  });

  it('turns into milliseconds rounded down, and back', () => {
    fc.assert(
      fc.property(instants, (micros) => {
        expect(toMs(printed(micros))).toBe(Number(micros / 1000n));
        expect(fromMs(Number(micros / 1000n))).toBe(printed((micros / 1000n) * 1000n));
      }),
    );
    expect(toMs(epoch)).toBe(0);
    expect(fromMs(0)).toBe(epoch);
  });
});
