import { describe, expect, it } from 'vitest';
import type { Cursor } from '../../../../functions/collect/cursor.ts';
import type { HourCounts } from '../../../../functions/collect/ledger/hour-counts.ts';
import { checkHours, isCheckDue, type LedgerContext } from '../../../../functions/collect/ledger/ledger.ts';
import type { PageRead, Record } from '../../../../functions/console/record.ts';
import { ClaimLostError, OutOfTimeError, UnreachableError } from '../../../../functions/errors.ts';
import { FakeLedger } from '../../../fakes/ledger.ts';
import { at, record, standingClock } from '../../../fixtures/given.ts';

const hour = 3600;
const noon = at(0);
const one = at(hour);
/** The hour from noon can be checked. */
const cursor: Cursor = {
  scope: 'here',
  position: at(hour + 600),
  limit: 1000,
  roomyPages: 0,
  listing: undefined,
};

const created = (id: string, time: string | undefined): Record => ({
  ...record(id, time),
  created: time,
});

const page = (ids: readonly string[], next?: string, time: string | undefined = noon): PageRead => ({
  records: ids.map((id) => created(id, time)),
  next,
  sentAt: at(10_000),
  roomy: false,
});

/** A console with so many records in every hour, of which so many were delivered. */
function checking(
  total: number | Error | ((from: string, until: string) => number),
  { delivered = {}, since = noon, ...more }: Partial<HourCounts> = {},
  answers: readonly PageRead[] = [],
  { takeRequest = () => true, checkedUntil }: { takeRequest?: () => boolean; checkedUntil?: string } = {},
) {
  const did: unknown[][] = [];
  const ledger = new FakeLedger();
  let counts: HourCounts = { since, delivered, ...more };
  const context: LedgerContext = {
    key: { instance: 'acme', stream: 'sightings' },
    connection: {
      total: async (from, until) => {
        did.push(['total', from, until]);
        if (total instanceof Error) throw total;
        return typeof total === 'number' ? total : total(from, until);
      },
      page: async ({ createdFrom, createdBefore, token }) => {
        const asked = did.filter(([what]) => what === 'page').length;
        did.push(['page', createdFrom, createdBefore, token]);
        const answer = answers[asked];
        if (answer === undefined) throw new Error('asked too often');
        return answer;
      },
    },
    repeats: {
      counts: async () => counts,
      recount: async (of, count, left) => {
        did.push(['recount', of, count, left]);
        const { [of]: _, ...others } = counts.again ?? {};
        const again = left === undefined ? others : { ...others, [of]: left };
        counts = { ...counts, delivered: { ...counts.delivered, [of]: count }, again };
      },
    },
    ledger,
    overlapMs: 600_000,
    hoursPerPoll: 3,
    isForwarded: false,
    takeRequest,
    deliver: async (records) => {
      did.push(['send', ...records.map(({ recordId }) => recordId)]);
    },
    renewClaim: async () => {
      did.push(['renew']);
    },
  };
  const run = (from: Cursor = cursor) => checkHours(from, checkedUntil, context, standingClock(5_000));
  return { did, context, ledger, run };
}

describe('a check', () => {
  it('is due when another whole hour is older than the overlap', () => {
    expect(isCheckDue(undefined, at(0), 600_000)).toBe(true);
    expect(isCheckDue(noon, at(hour + 599), 600_000)).toBe(false);
    expect(isCheckDue(noon, at(hour + 600), 600_000)).toBe(true);
    expect(isCheckDue(one, at(hour + 600), 600_000)).toBe(false);
  });

  it('of an hour of which everything was delivered reads nothing again', async () => {
    const { did, run, ledger } = checking(7, { delivered: { [noon]: 7, [one]: 99 } });
    expect(await run()).toEqual({
      checkedUntil: one,
      completeUntil: one,
      hours: 1,
      missed: [],
      error: undefined,
    });
    expect(did).toEqual([['total', noon, one], ['renew']]);
    expect(ledger.written).toEqual([{ hour: noon, console: 7, queue: 7, resent: 0 }]);
    expect(ledger.hours.get(`acme sightings ${noon}`)?.checkedAt).toBe(5_000);
  });

  it('of an hour from which records were deleted since is complete as well', async () => {
    const { did, run, ledger } = checking(5, { delivered: { [noon]: 7 } });
    expect(await run()).toMatchObject({ completeUntil: one, missed: [] });
    expect(did).toEqual([['total', noon, one], ['renew']]);
    expect(ledger.written).toEqual([{ hour: noon, console: 5, queue: 7, resent: 0 }]);
  });

  it('reads an hour of which the console has more again, delivers all of it, and reports it', async () => {
    const { did, run, ledger } = checking(3, { delivered: { [noon]: 2 } }, [
      page(['a', 'b'], 'next'),
      page(['c']),
    ]);
    expect(await run()).toMatchObject({
      checkedUntil: one,
      completeUntil: one,
      missed: [{ hour: noon, atConsole: 3, delivered: 2, found: 1, left: 0, lost: 0 }],
    });
    expect(did).toEqual([
      ['total', noon, one],
      ['page', noon, one, undefined],
      ['page', noon, one, 'next'],
      ['send', 'a', 'b'],
      ['renew'],
      ['send', 'c'],
      ['renew'],
      ['recount', noon, 3, undefined],
      ['renew'],
    ]);
    // Two of them once more.
    expect(ledger.written).toEqual([{ hour: noon, console: 3, queue: 3, resent: 2 }]);
  });

  it('counts each record of an hour once, however many pages it is in', async () => {
    const { run } = checking(3, { delivered: { [noon]: 1 } }, [page(['a', 'b'], 'next'), page(['b', 'c'])]);
    expect(await run()).toMatchObject({ missed: [{ found: 2, left: 0 }] });
  });

  it('reports once what the console counts and does not list, and reads it without delivering it until it is listed', async () => {
    const first = checking(3, { delivered: { [noon]: 2 } }, [page(['a', 'b'])]);
    expect(await first.run()).toMatchObject({
      checkedUntil: one,
      completeUntil: noon,
      missed: [{ hour: noon, atConsole: 3, delivered: 2, found: 0, left: 1, lost: 0 }],
    });
    expect(first.ledger.written).toEqual([{ hour: noon, console: 3, queue: 2, resent: 2 }]);

    const known = { delivered: { [noon]: 2 }, again: { [noon]: 1 } };
    const later = { ...cursor, position: at(2 * hour + 600) };
    const inNoon = (from: string) => (from === noon ? 3 : 0);
    const still = checking(inNoon, known, [page(['a', 'b'])], { checkedUntil: one });
    expect(await still.run(later)).toMatchObject({
      checkedUntil: at(2 * hour),
      completeUntil: noon,
      missed: [],
    });
    expect(still.did.filter(([what]) => what === 'send')).toEqual([]);

    const listed = checking(inNoon, known, [page(['a', 'b', 'c']), page(['a', 'b', 'c'])], {
      checkedUntil: one,
    });
    expect(await listed.run(later)).toMatchObject({
      completeUntil: at(2 * hour),
      missed: [{ hour: noon, found: 1, left: 0 }],
    });
    expect(listed.did).toContainEqual(['send', 'a', 'b', 'c']);
  });

  it('finds records that do not say when they were created by reading, and reports none of them', async () => {
    const answer = page(['a', 'b']);
    const withOdd = { ...answer, records: [...answer.records, created('odd', undefined)] };
    const { did, run, ledger } = checking(3, { delivered: { [noon]: 2 } }, [withOdd]);
    expect(await run()).toMatchObject({ completeUntil: one, missed: [] });
    expect(did).toContainEqual(['send', 'a', 'b', 'odd']);
    expect(ledger.written).toEqual([{ hour: noon, console: 3, queue: 3, resent: 3 }]);
    // The next check compares with all three.
    expect(did).toContainEqual(['recount', noon, 3, undefined]);
  });

  it('does not know an hour that was not read to its end, as little as what is missing in it', async () => {
    const tiny = (i: number) => page([`r${i}`], `next ${i}`);
    const answers = Array.from({ length: 200 }, (_, i) => tiny(i));
    const cut = checking(150, { delivered: { [noon]: 140 } }, answers);
    expect(await cut.run()).toEqual({
      checkedUntil: one,
      completeUntil: noon,
      hours: 0,
      missed: [],
      error: expect.objectContaining({ name: 'HourCutOffError', state: 'unreadable' }),
    });
    expect(cut.ledger.written).toEqual([]);

    // What was read before that is delivered, and is enough here.
    const enough = checking(100, { delivered: { [noon]: 40 } }, answers);
    expect(await enough.run()).toMatchObject({ completeUntil: one, missed: [{ left: 0 }], error: undefined });
    expect(enough.ledger.written).toMatchObject([{ hour: noon, console: 100 }]);

    // A count that may be too high proves nothing.
    const doubtful = checking(150, { delivered: { [noon]: 160 }, doubtful: [noon] }, answers);
    expect(await doubtful.run()).toMatchObject({ completeUntil: noon, hours: 0 });
  });

  it('does not trust a count that repeats may have raised, and reports nothing for it', async () => {
    const counts = { delivered: { [noon]: 4 }, doubtful: [noon] };
    const { run, did, ledger } = checking(3, counts, [page(['a', 'b', 'c'])]);
    expect(await run()).toMatchObject({ completeUntil: one, missed: [] });
    expect(did).toContainEqual(['recount', noon, 3, undefined]);
    expect(ledger.written).toEqual([{ hour: noon, console: 3, queue: 3, resent: 3 }]);
  });

  it('takes the oldest hours first, a few in a poll', async () => {
    const { run, did } = checking(0);
    const later = { ...cursor, position: at(5 * hour + 600) };
    expect(await run(later)).toMatchObject({ checkedUntil: at(3 * hour), hours: 3 });
    expect(did.flatMap(([what, from]) => (what === 'total' ? [from] : []))).toEqual([
      noon,
      one,
      at(2 * hour),
    ]);
  });

  it('checks an hour once more a day later, when it finds what became visible since', async () => {
    const day = 24 * hour;
    const inNoon = (from: string) => (from === noon ? 1 : 0);
    const { run, did } = checking(inNoon, {}, [page(['late'])], { checkedUntil: at(day) });
    expect(await run({ ...cursor, position: at(day + hour + 600) })).toMatchObject({
      checkedUntil: at(day + hour),
      missed: [{ hour: noon, found: 1 }],
    });
    expect(did.filter(([what]) => what === 'total').map(([, from]) => from)).toEqual([noon, at(day)]);
  });

  it('never checks an hour whose count is no longer kept', async () => {
    const position = at(60 * hour + 600);
    const { run, did } = checking(0, {}, [], { checkedUntil: at(30 * hour) });
    await run({ ...cursor, position });
    const counted = did.flatMap(([what, from]) => (what === 'total' ? [from] : []));
    expect(counted).toEqual([at(30 * hour), at(31 * hour), at(32 * hour)]);
  });

  it('ends with 64 parts where a console always answers with the cap, and keeps its claim', async () => {
    const { did, run } = checking(50_000, { delivered: { [noon]: 4_000_000 } });
    await run();
    expect(did.filter(([what]) => what === 'total')).toHaveLength(127);
    expect(did.filter(([what]) => what === 'renew')).toHaveLength(63 + 1);
  });

  it('counts the halves where the total looks capped', async () => {
    const most = 50_000;
    const half = at(hour / 2);
    const { run, did } = checking((from, until) => (from === noon && until === one ? most : 30_000), {
      delivered: { [noon]: 60_000 },
    });
    expect(await run()).toMatchObject({ completeUntil: one });
    expect(did).toEqual([
      ['total', noon, one],
      ['renew'],
      ['total', noon, half],
      ['total', half, one],
      ['renew'],
    ]);
  });

  it('has nothing to do where no whole hour is past', async () => {
    const { did, run } = checking(4);
    expect(await run({ ...cursor, position: at(hour + 599) })).toMatchObject({
      hours: 0,
      checkedUntil: noon,
    });
    expect(did).toEqual([]);
  });

  it('that runs out of requests or time goes on with the next poll', async () => {
    const none = checking(4, {}, [], { takeRequest: () => false });
    expect(await none.run()).toMatchObject({ hours: 0, checkedUntil: noon, error: undefined });

    // What was read of an hour is delivered, and the others are not held up by it.
    let requests = 0;
    const some = checking(4, {}, [page(['a'], 'next')], { takeRequest: () => requests++ < 1 });
    expect(await some.run()).toMatchObject({
      hours: 0,
      checkedUntil: one,
      completeUntil: noon,
      error: { name: 'HourCutOffError' },
    });
    expect(some.did).toContainEqual(['send', 'a']);
    expect(some.ledger.written).toEqual([]);
  });

  it('does not call hours complete whose counts were dropped because too many records were delivered, and says so once', async () => {
    const counts = { since: at(3 * hour), skipped: one };
    const first = checking(0, counts, [], { checkedUntil: one });
    const later = { ...cursor, position: at(4 * hour + 600) };
    expect(await first.run(later)).toMatchObject({
      checkedUntil: at(4 * hour),
      completeUntil: one,
      hours: 1,
      error: {
        name: 'HoursSkippedError',
        message: expect.stringContaining(`from ${one} to ${at(3 * hour)}`),
      },
    });
    const next = checking(0, counts, [], { checkedUntil: at(4 * hour) });
    expect(await next.run({ ...cursor, position: at(5 * hour + 600) })).toMatchObject({
      completeUntil: one,
      error: undefined,
    });
  });

  it('reads an hour again no further than the console’s own count allows', async () => {
    const many = (i: number) =>
      page(
        Array.from({ length: 600 }, (_, k) => `${i}.${k}`),
        `next ${i}`,
      );
    const { run, did } = checking(3, {}, [many(0), many(1), many(2)]);
    expect(await run()).toMatchObject({ checkedUntil: one, missed: [{ found: 1800 }] });
    // The next page is requested while one is delivered.
    expect(did.filter(([what]) => what === 'page')).toHaveLength(3);
  });

  it('that fails says why and what to do, keeps what it has checked, and throws where the claim is lost', async () => {
    const later = { ...cursor, position: at(3 * hour + 600) };
    const failing = checking((from) => {
      if (from === one) throw new UnreachableError('503', 'wait');
      return 0;
    });
    expect(await failing.run(later)).toEqual({
      checkedUntil: one,
      completeUntil: one,
      hours: 1,
      missed: [],
      error: { name: 'UnreachableError', state: 'unreachable', message: '503', remedy: 'wait' },
    });
    expect(await checking(new OutOfTimeError()).run()).toMatchObject({ error: { name: 'OutOfTimeError' } });
    await expect(checking(new ClaimLostError('taken')).run()).rejects.toThrow(ClaimLostError);
  });

  it('writes nothing where the claim is lost: the instance may be removed, or another run is newer', async () => {
    const { context, run, ledger } = checking(0, {}, [], { checkedUntil: noon });
    Object.assign(context, { renewClaim: () => Promise.reject(new ClaimLostError('removed')) });
    expect(await run()).toMatchObject({ checkedUntil: noon, hours: 0 });
    expect(ledger.written).toEqual([]);
  });

  it('that cannot be written to the ledger counts for nothing', async () => {
    const { context, run } = checking(0, {}, [], { checkedUntil: noon });
    Object.assign(context, { ledger: { write: () => Promise.reject(new Error('throttled')) } });
    expect(await run()).toMatchObject({
      checkedUntil: noon,
      completeUntil: undefined,
      hours: 0,
      error: { message: expect.stringContaining('throttled') },
    });
  });
});
