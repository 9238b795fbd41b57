import { describe, expect, it } from 'vitest';
import {
  countsAccepted,
  type LedgerRow,
  lastChecked,
  lostAfterQueue,
  receiptLine,
  receiptOf,
} from '../../../functions/health/receipt.ts';
import { activities } from '../../../functions/streams/activities.ts';
import { agents } from '../../../functions/streams/agents.ts';
import { threats } from '../../../functions/streams/threats.ts';
import { noon } from '../../fixtures/collect-setup.ts';
import { at } from '../../fixtures/given.ts';

const hour = 3600;
const row = (i: number, more: Partial<LedgerRow> = {}): LedgerRow => ({
  hour: at(i * hour),
  console: 5,
  queue: 5,
  resent: 0,
  checkedAt: noon / 1000,
  ...more,
});
const range = { from: at(0), to: at(3 * hour) };
const receipt = (rows: readonly LedgerRow[], isForwarded = false, stream = activities) =>
  receiptOf({ instance: 'acme', stream }, rows, range, isForwarded);

describe('a receipt', () => {
  it('is complete where the queue has at least what the console counted', () => {
    const all = receipt([row(0), row(1, { console: 3 }), row(2)]);
    expect(all).toMatchObject({ complete: 3, console: 13, queue: 15, accepted: undefined });
    expect(receiptLine(all)).toBe('3 of 3 hours complete: 13 activities at the console, 15 in the queue');
    expect(all.hours[0]).toEqual({
      hour: at(0),
      state: 'complete',
      console: 5,
      queue: 5,
      accepted: undefined,
      checkedAt: new Date(noon).toISOString(),
    });
  });

  it('says which hours are not complete, and which were never checked', () => {
    const some = receipt([row(0, { queue: 4 }), row(2), { hour: at(hour), accepted: 7 }]);
    expect(some.hours.map(({ state }) => state)).toEqual(['missing', 'not checked', 'complete']);
    expect(some.complete).toBe(1);
  });

  it('counts what Analytics accepted, each record once, where it is forwarded', () => {
    const rows = [
      row(0, { accepted: 5 }),
      row(1, { accepted: 9, resent: 5 }),
      row(2, { accepted: 12, resent: 5 }),
    ];
    const some = receipt(rows, true);
    expect(some.hours.map(({ state, accepted }) => [state, accepted])).toEqual([
      ['complete', 5],
      ['not accepted', 4],
      ['complete', 5],
    ]);
    expect(receiptLine(some)).toMatch(/, 14 accepted by Analytics$/);
    expect(receipt([row(0)], true).hours[0]).toMatchObject({ state: 'not accepted', accepted: 0 });
  });

  it('is complete where one was found: that one was sent once, and the others twice', () => {
    const found = row(0, { console: 3, queue: 3, resent: 2, accepted: 2 + 3 });
    expect(receipt([found], true).hours[0]).toMatchObject({ state: 'complete', accepted: 3 });
  });

  it('counts only what was accepted since the hour was read again for Analytics', () => {
    const again = [
      row(0, { accepted: 3 + 5, base: 3 }),
      row(1, { accepted: 3 + 4, base: 3 }),
      row(2, { accepted: 3 + 5 + 4, base: 3, resent: 5 }),
    ];
    expect(receipt(again, true).hours.map(({ state, accepted }) => [state, accepted])).toEqual([
      ['complete', 5],
      ['not accepted', 4],
      ['not accepted', 4],
    ]);
  });

  it('knows records as lost once the hour that follows is accepted, and not again after they were resent', () => {
    const whole = row(1, { accepted: 5 });
    expect(lostAfterQueue(row(0, { accepted: 3 }), whole)).toBe(2);
    expect(lostAfterQueue(row(0, { accepted: 5 }), whole)).toBe(0);
    // The queue may hold them still.
    expect(lostAfterQueue(row(0, { accepted: 3 }), row(1, { accepted: 4 }))).toBe(0);
    expect(lostAfterQueue(row(0, { accepted: 3 }), row(1, { console: 0, queue: 0 }))).toBe(0);
    expect(lostAfterQueue(row(0, { accepted: 3 }), undefined)).toBe(0);
    expect(lostAfterQueue(row(0, { accepted: 6, base: 3 }), whole)).toBe(0);
    expect(lostAfterQueue(undefined, whole)).toBe(0);
  });

  it('says nothing of what Analytics accepted of records with versions', () => {
    expect([activities, threats, agents].map(countsAccepted)).toEqual([true, false, false]);
    expect(receipt([row(0)], true, threats).hours[0]).toMatchObject({
      state: 'complete',
      accepted: undefined,
    });
  });

  it('has whole hours only', () => {
    const { hours } = receiptOf(
      { instance: 'acme', stream: activities },
      [],
      { from: at(1), to: at(3 * hour - 1) },
      false,
    );
    expect(hours.map((one) => one.hour)).toEqual([at(hour)]);
  });

  it('ends with the last hour that polls have checked by now', () => {
    expect(lastChecked(noon + 30 * 60_000)).toBe(at(0));
    expect(lastChecked(noon + 30 * 60_000 - 1)).toBe(at(-hour));
    expect(lastChecked(noon + 79 * 60_000, 60)).toBe(at(-hour));
    expect(lastChecked(noon + 80 * 60_000, 60)).toBe(at(0));
    expect(lastChecked(noon + 30 * 60_000, 'x')).toBe(at(0));
  });
});
