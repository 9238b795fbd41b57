import { describe, expect, it } from 'vitest';
import {
  counted,
  countsFrom,
  type HourCounts,
  hourMs,
  hourToAudit,
  missing,
  recounted,
} from '../../../functions/collect/hour-counts.ts';
import { epoch, type Timestamp } from '../../../functions/kit/time.ts';
import { at, record } from '../../fixtures/given.ts';

const hour = 3600;
/** Noon of that day, the beginning of an hour. */
const noon = at(0);
const micro = (seconds: number) => at(seconds - 1, 999_999);
const none = (since: Timestamp): HourCounts => ({ since, delivered: {}, untimed: 0 });

describe('counts', () => {
  it('are of hours', () => {
    expect(hourMs).toBe(3_600_000);
  });

  it('begin with the first whole hour after the start, and with all there is of an inventory', () => {
    expect(countsFrom(at(1))).toEqual(none(at(hour)));
    expect(countsFrom(micro(hour))).toEqual(none(at(hour)));
    expect(countsFrom(epoch)).toEqual(none(epoch));
  });

  it('are by the hour of the record’s own time', () => {
    const first = counted(none(noon), [record('a', at(0)), record('b', micro(hour))], at(hour));
    expect(first).toEqual({ since: noon, delivered: { [noon]: 2 }, untimed: 0 });
    const second = counted(first, [record('c', at(5)), record('d', at(hour))], at(hour));
    expect(second).toEqual({ since: noon, delivered: { [noon]: 3, [at(hour)]: 1 }, untimed: 0 });
    expect(first.delivered).toEqual({ [noon]: 2 });
  });

  it('forget hours that began more than two days before the position', () => {
    const counts = { since: noon, delivered: { [noon]: 1, [at(hour)]: 2 }, untimed: 3 };
    expect(counted(counts, [], at(48 * hour)).delivered).toEqual({ [noon]: 1, [at(hour)]: 2 });
    expect(counted(counts, [], at(48 * hour, 1)).delivered).toEqual({ [at(hour)]: 2 });
    expect(counted(counts, [], at(48 * hour, 1)).untimed).toBe(3);
  });

  it('are without records of more than two days before the position', () => {
    const position = at(48 * hour + 60);
    expect(counted(none(noon), [record('a', micro(60))], position)).toEqual(none(noon));
    expect(counted(none(noon), [record('a', at(60))], position).delivered).toEqual({ [noon]: 1 });
  });

  it('hold apart what the console may count in any hour: without a time, or two days ahead', () => {
    const records = [record('a', undefined), record('b', at(48 * hour, 1)), record('c', at(48 * hour))];
    expect(counted({ ...none(noon), untimed: 1 }, records, noon)).toEqual({
      since: noon,
      delivered: { [at(48 * hour)]: 1 },
      untimed: 3,
    });
  });

  it('begin anew after the position when versions were forgotten, and never earlier than before', () => {
    const counts = { since: noon, delivered: { [noon]: 5 }, untimed: 2 };
    expect(recounted(counts, at(2 * hour + 1))).toEqual(none(at(3 * hour)));
    expect(recounted(counts, at(-5 * hour))).toEqual(none(noon));
  });
});

describe('the hour to audit', () => {
  const overlapMs = 600_000;
  const drawn = (since: Timestamp, position: Timestamp, chance: number) =>
    hourToAudit(none(since), position, overlapMs, () => chance);

  it('ended an overlap before the position at the latest', () => {
    expect(drawn(noon, at(hour + 600), 0.999)).toBe(noon);
    expect(drawn(noon, at(hour + 599), 0.999)).toBeUndefined();
    expect(drawn(noon, at(2 * hour + 600), 0.999)).toBe(at(hour));
  });

  it('is any of those since the counts are complete, the first as well as the last', () => {
    const position = at(4 * hour + 900);
    expect([0, 0.25, 0.5, 0.75].map((chance) => drawn(noon, position, chance))).toEqual(
      [0, 1, 2, 3].map((i) => at(i * hour)),
    );
    expect(drawn(noon, position, 0.2499)).toBe(noon);
  });

  it('is none that is not counted any more', () => {
    const position = at(100 * hour + 900);
    expect(drawn(noon, position, 0)).toBe(at(53 * hour));
    expect(drawn(noon, position, 0.9999)).toBe(at(99 * hour));
    // Its counts were kept from its first second on.
    const counts = counted(none(noon), [record('a', at(53 * hour))], position);
    expect(counts.delivered).toEqual({ [at(53 * hour)]: 1 });
  });
});

describe('what is missing', () => {
  it('is how many more the console has', () => {
    expect(missing(10, 7)).toBe(3);
    expect(missing(10, 10)).toBe(0);
    expect(missing(7, 10)).toBe(0);
  });

  it('is not known where the console’s total is capped', () => {
    expect(missing(49_999, 0)).toBe(49_999);
    expect(missing(50_000, 0)).toBe(0);
    expect(missing(50_001, 0)).toBe(0);
  });
});
