import { describe, expect, it } from 'vitest';
import {
  counted,
  countsFrom,
  doubted,
  type HourCounts,
  hoursToCheck,
  isKept,
  recounted,
  withRead,
} from '../../../../functions/collect/ledger/hour-counts.ts';
import type { Record } from '../../../../functions/console/record.ts';
import { epoch, hourMs, type Timestamp } from '../../../../functions/kit/time.ts';
import { at, record } from '../../../fixtures/given.ts';

const hour = 3600;
/** Noon of that day, the beginning of an hour. */
const noon = at(0);
const micro = (seconds: number) => at(seconds - 1, 999_999);
const none = (since: Timestamp): HourCounts => ({ since, delivered: {} });
const made = (id: string, created: Timestamp | undefined): Record => ({ ...record(id, created), created });
const when = (position: Timestamp, checkedUntil?: Timestamp) => ({ position, checkedUntil });

describe('counts', () => {
  it('are of hours', () => {
    expect(hourMs).toBe(3_600_000);
  });

  it('begin with the first whole hour after the start, and with all there is of an inventory', () => {
    expect(countsFrom(at(1), false)).toEqual(none(at(hour)));
    expect(countsFrom(micro(hour), false)).toEqual(none(at(hour)));
    expect(countsFrom(epoch, true)).toEqual({ ...none(epoch), ids: {} });
  });

  it('are by the hour in which the record was created', () => {
    const first = counted(none(noon), [made('a', at(0)), made('b', micro(hour))], when(at(hour)));
    expect(first).toMatchObject({ since: noon, delivered: { [noon]: 2 } });
    const second = counted(first, [made('c', at(5)), made('d', at(hour))], when(at(hour)));
    expect(second).toMatchObject({ since: noon, delivered: { [noon]: 3, [at(hour)]: 1 } });
    expect(first.delivered).toEqual({ [noon]: 2 });
  });

  it('count a record once, whatever its versions, as long as its hour is not checked, and then no more', () => {
    const counts = countsFrom(at(-1), true);
    const first = counted(counts, [made('a', at(1)), made('b', at(2))], when(at(10)));
    const again = counted(first, [made('a', at(1)), made('c', at(3))], when(at(hour + 10)));
    expect(again.delivered).toEqual({ [noon]: 3 });
    const checked = counted(again, [made('a', at(1)), made('d', at(4))], when(at(2 * hour), at(hour)));
    expect(checked.delivered).toEqual({ [noon]: 3 });
    expect(checked.again).toEqual({});
    expect(checked.ids).toEqual({});
  });

  it('stay as they were read, until the hour is checked, whatever versions follow of what was read', () => {
    const first = counted(countsFrom(at(-1), true), [made('a', at(1))], when(at(10)));
    const read = withRead(first, noon, 2, undefined);
    const later = counted(read, [made('found', at(2)), made('b', at(hour))], when(at(hour + 10)));
    expect(later.delivered).toEqual({ [noon]: 2, [at(hour)]: 1 });
    const again = counted(later, [made('found', at(2)), made('b', at(hour))], when(at(hour + 20)));
    expect(again.delivered).toEqual({ [noon]: 2, [at(hour)]: 1 });
    expect(counted(again, [], when(at(2 * hour), at(hour))).ids).not.toHaveProperty(noon);
  });

  it('begin anew where more records are waiting for their check than fit the item', () => {
    const many = Array.from({ length: 5_001 }, (_, i) => made(String(i), at(0)));
    const few = counted(countsFrom(at(-1), true), many.slice(1), when(at(10)));
    expect(few.delivered).toEqual({ [noon]: 5_000 });
    expect(few.ids?.[noon]).toHaveLength(5_000 * 8);
    expect(counted(few, many, when(at(10)))).toMatchObject({ since: at(hour), delivered: {}, ids: {} });
  });

  it('ask for another check of an hour where a late record changes it after its check', () => {
    const counts = { ...none(noon), delivered: { [noon]: 2 }, again: { [at(hour)]: 3 } };
    const late = counted(
      counts,
      [made('late', at(5)), made('new', at(2 * hour))],
      when(at(2 * hour), at(2 * hour)),
    );
    expect(late.delivered).toEqual({ [noon]: 3, [at(2 * hour)]: 1 });
    expect(late.again).toEqual({ [noon]: 0, [at(hour)]: 3 });
  });

  it('forget checked hours that began more than two days before the position', () => {
    const counts = { since: noon, delivered: { [noon]: 1, [at(hour)]: 2 }, again: { [noon]: 0 } };
    const until = at(50 * hour);
    expect(counted(counts, [], when(at(48 * hour), until)).delivered).toEqual({ [noon]: 1, [at(hour)]: 2 });
    const later = counted(counts, [], when(at(48 * hour, 1), until));
    expect(later.delivered).toEqual({ [at(hour)]: 2 });
    expect(later.again).toEqual({});
    expect(isKept(noon, at(48 * hour))).toBe(true);
    expect(isKept(noon, at(48 * hour, 1))).toBe(false);
  });

  it('keep hours that are not checked for 35 days, and incomplete ones as well', () => {
    const counts = { ...none(noon), delivered: { [noon]: 1 }, again: { [at(-hour)]: 2 } };
    const days = (count: number) => at(count * 24 * hour);
    expect(counted(counts, [], when(days(35), noon)).delivered).toEqual({ [noon]: 1 });
    expect(counted(counts, [], when(days(36), noon)).delivered).toEqual({});
    expect(counted(counts, [], when(days(34), days(34))).again).toEqual({ [at(-hour)]: 2 });
    expect(counted(counts, [], when(days(36), days(36))).again).toEqual({});
  });

  it('leave out what the console may count in any hour: without a time, or two days ahead', () => {
    const records = [made('a', undefined), made('b', at(48 * hour, 1)), made('c', at(48 * hour))];
    expect(counted(none(noon), records, when(noon))).toMatchObject({
      since: noon,
      delivered: { [at(48 * hour)]: 1 },
    });
  });

  it('begin anew after every hour that was counted when versions were forgotten, and never earlier than before', () => {
    const counts = { since: noon, delivered: { [noon]: 5, [at(3 * hour)]: 1 } };
    const anew = (since: Timestamp, skipped = noon) => ({ ...none(since), again: {}, skipped });
    expect(recounted(counts, when(at(2 * hour + 1)))).toEqual(anew(at(4 * hour)));
    expect(recounted(counts, when(at(5 * hour + 1), at(hour)))).toEqual(anew(at(6 * hour), at(hour)));
    expect(recounted({ ...none(noon) }, when(at(-5 * hour)))).toEqual({ ...none(noon), again: {} });
  });

  it('that begin anew keep which hours are incomplete, and the first one that was skipped, for 35 days', () => {
    const counts = { ...none(noon), delivered: { [noon]: 1 }, again: { [at(-hour)]: 2, [at(-2 * hour)]: 0 } };
    const once = recounted(counts, when(at(1)));
    expect(once).toMatchObject({ since: at(hour), skipped: noon });
    expect(once.again).toEqual({ [at(-hour)]: 2 });
    const twice = recounted(counted(once, [], when(at(9 * hour))), when(at(9 * hour), at(8 * hour)));
    expect(twice).toMatchObject({ since: at(10 * hour), skipped: noon });
    expect(counted(twice, [], when(at(36 * 24 * hour))).skipped).toBe(at(24 * hour));
  });

  it('are doubtful from where a listing starts before what is remembered', () => {
    const counts = { ...none(noon), delivered: { [noon]: 5, [at(hour)]: 1 }, remembered: at(hour + 100) };
    expect(doubted(counts, at(hour + 100))).toBe(counts);
    expect(doubted(counts, at(hour + 99)).doubtful).toEqual([at(hour)]);
    expect(doubted(counts, at(hour - 1)).doubtful).toEqual([noon, at(hour)]);
    // Records are told apart by their ids.
    expect(doubted({ ...counts, ids: {} }, noon).doubtful).toBeUndefined();
  });
});

describe('the hours to check', () => {
  const overlapMs = 600_000;
  const due = (since: Timestamp, checkedUntil: Timestamp | undefined, position: Timestamp) =>
    hoursToCheck(none(since), checkedUntil, position, overlapMs);

  it('ended an overlap before the position at the latest', () => {
    expect(due(noon, undefined, at(hour + 600))).toEqual([noon]);
    expect(due(noon, undefined, at(hour + 599))).toEqual([]);
    expect(due(noon, undefined, at(2 * hour + 600))).toEqual([noon, at(hour)]);
  });

  it('begin after those that were checked, and never before the counts', () => {
    expect(due(noon, at(hour), at(3 * hour + 600))).toEqual([at(hour), at(2 * hour)]);
    expect(due(at(2 * hour), at(hour), at(3 * hour + 600))).toEqual([at(2 * hour)]);
    expect(due(at(9 * hour), noon, at(3 * hour + 600))).toEqual([]);
  });

  it('reach back as far as the ledger', () => {
    const hours = due(noon, undefined, at(100 * 24 * hour + 900));
    expect(hours[0]).toBe(at(65 * 24 * hour + hour));
  });
});
