import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cursor, firstCursor } from '../../../../functions/collect/cursor.ts';
import { cursorAfterPage, openListing } from '../../../../functions/collect/listing/position.ts';
import { recover, withoutToken } from '../../../../functions/collect/listing/recovery.ts';
import type { Listing } from '../../../../functions/console/query.ts';
import { createdListing, queryOf } from '../../../../functions/console/query.ts';
import type { PageRead } from '../../../../functions/console/record.ts';
import {
  CollectorError,
  HeavyPageError,
  RateLimitedError,
  RefusedRequestError,
  UnreadableAnswerError,
} from '../../../../functions/errors.ts';
import { epoch, type Timestamp } from '../../../../functions/kit/time.ts';
import { streams as allStreams } from '../../../../functions/streams/list.ts';
import { at, instance, record, stream } from '../../../fixtures/given.ts';

const streams = allStreams.filter((one) => 'query' in one);

const overlapMs = 600_000;
const refused = new RefusedRequestError('400');
const heavy = new HeavyPageError('slow');

const listing = (given: Partial<Listing> = {}): Listing => ({
  from: at(-600),
  began: at(5000),
  read: at(-600),
  token: undefined,
  ordered: true,
  sorted: true,
  ...given,
});
const cursorOf = (open: Listing | undefined, position = at(0), given: Partial<Cursor> = {}): Cursor => ({
  scope: 'here',
  position,
  limit: 1000,
  roomyPages: 0,
  listing: open,
  ...given,
});
const page = (times: readonly (Timestamp | undefined)[], given: Partial<PageRead> = {}): PageRead => ({
  records: times.map((time, i) => record(`${i}`, time)),
  next: 'next',
  sentAt: at(5000),
  roomy: false,
  ...given,
});

/** The cursor after pages of these times in turn, each with a next one. */
function cursorAfter(
  pages: readonly (readonly (Timestamp | undefined)[])[],
  open = listing(),
  position = at(0),
): Cursor {
  return pages.reduce<Cursor>(
    (cursor, times) => cursorAfterPage(cursor, openListing(cursor, overlapMs), page(times), overlapMs),
    cursorOf(open, position),
  );
}

/**
 * A console, and a collector that keeps nothing but a cursor: records become visible late, change while they are
 * listed and share timestamps; page tokens are refused; requests take long; runs are killed before they commit.
 */
interface World {
  readonly records: readonly {
    readonly changes: readonly { readonly second: number; readonly late: number }[];
  }[];
  readonly pageSize: number;
  /** For each request in turn. */
  readonly requests: readonly {
    readonly tookSeconds: number;
    readonly refusesToken: boolean;
    readonly heavy: boolean;
    readonly killed: boolean;
    readonly pauseSeconds: number;
  }[];
}

const second = fc.integer({ min: -900, max: 4000 });
const tied = fc.constantFrom(0, 100, 101, 700, 1300);
const late = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 590 }), fc.constant(590));
const worlds: fc.Arbitrary<World> = fc.record({
  records: fc.array(
    fc.record({
      changes: fc.array(fc.record({ second: fc.oneof(second, tied), late }), { minLength: 1, maxLength: 6 }),
    }),
    { minLength: 1, maxLength: 25 },
  ),
  pageSize: fc.integer({ min: 1, max: 5 }),
  requests: fc.array(
    fc.record({
      tookSeconds: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200 })),
      refusesToken: fc.nat(4).map((n) => n === 0),
      heavy: fc.nat(9).map((n) => n === 0),
      killed: fc.nat(9).map((n) => n === 0),
      pauseSeconds: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 400 })),
    }),
    { minLength: 1, maxLength: 80 },
  ),
});

interface Version {
  readonly id: string;
  readonly second: number;
}

function simulate(world: World): { readonly wanted: Version[]; readonly delivered: Set<string> } {
  const start = firstCursor({ ...instance, lookbackHours: 0.25 }, stream, at(0));
  const delivered = new Set<string>();
  let now = 0;
  let cursor = start;

  const visible = (): Version[] =>
    world.records.flatMap(({ changes }, id) => {
      const seen = changes.filter((change) => change.second + change.late <= now && change.second <= now);
      const latest = Math.max(...seen.map((change) => change.second));
      return seen.length > 0 ? [{ id: `${id}`.padStart(3, '0'), second: latest }] : [];
    });
  const keyOf = ({ id, second: s }: Version) => `${String(s + 10_000).padStart(6, '0')}/${id}`;

  const answer = (query: Readonly<Record<string, string>>, tookSeconds: number): PageRead => {
    const sentAt = at(now);
    now += tookSeconds;
    const from = query.updatedAt__gte ?? epoch;
    const rest = visible()
      .filter((version) => at(version.second) >= from)
      .filter((version) => query.cursor === undefined || keyOf(version) > query.cursor)
      .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    const shown = rest.slice(0, Math.min(world.pageSize, Number(query.limit)));
    const last = shown.at(-1);
    return {
      records: shown.map((version) => record(version.id, at(version.second))),
      next: rest.length > shown.length && last !== undefined ? keyOf(last) : undefined,
      sentAt,
      roomy: true,
    };
  };
  const request = (how: World['requests'][number]): void => {
    const open = openListing(cursor, overlapMs);
    const query = queryOf(stream, instance, open, cursor.limit);
    if ((how.refusesToken && query.cursor !== undefined) || how.heavy) {
      now += how.tookSeconds;
      const recovery = recover(cursor, open, how.heavy ? heavy : refused, overlapMs);
      if (recovery !== undefined) cursor = recovery.cursor;
      return;
    }
    const read = answer(query, how.tookSeconds);
    for (const { version } of read.records) delivered.add(version);
    if (!how.killed) cursor = cursorAfterPage(cursor, open, read, overlapMs);
  };

  for (const how of world.requests) {
    request(how);
    now += how.pauseSeconds;
  }
  // Then all is quiet: whatever is listed now has been there for longer than the overlap.
  now += 5000;
  const quiet = { tookSeconds: 0, refusesToken: false, heavy: false, killed: false, pauseSeconds: 0 };
  for (let ends = 0, asked = 0; ends < 2; asked++) {
    expect(asked, 'requests to the end').toBeLessThan(500);
    request(quiet);
    if (cursor.listing === undefined) ends++;
  }
  return { wanted: visible().filter((version) => at(version.second) >= start.position), delivered };
}

describe('listings, one after the other', () => {
  it('deliver the last version of every record, whatever the console does', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const { wanted, delivered } = simulate(world);
        const missed = wanted.filter(
          (version) => !delivered.has(record(version.id, at(version.second)).version),
        );
        expect(missed).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a cursor that advances', () => {
  it('does not go back with a page that has no date, of which the overlap before is forgotten', () => {
    const known = cursorOf(undefined, at(900));
    const undated = page([at(700)], { next: undefined, sentAt: at(600) });
    expect(cursorAfterPage(known, openListing(known, overlapMs), undated, overlapMs)).toEqual(
      cursorOf(undefined, at(900)),
    );
  });

  const seconds = fc.array(fc.option(fc.integer({ min: -600, max: 9000 }), { nil: undefined }), {
    maxLength: 6,
  });
  const opened = fc.record({
    began: fc.integer({ min: 0, max: 6000 }),
    pages: fc.array(fc.tuple(seconds, fc.boolean()), { minLength: 1, maxLength: 8 }),
  });

  it('never goes back while a listing goes on, nor past its began; and is at its began when it ends', () => {
    fc.assert(
      fc.property(opened, ({ began, pages }) => {
        let cursor = cursorOf(listing({ began: at(began) }));
        for (const [times, ends] of pages) {
          const before = cursor;
          const read = page(
            times.map((time) => (time === undefined ? time : at(time))),
            { next: ends ? undefined : 'next', sentAt: at(9000) },
          );
          cursor = cursorAfterPage(before, openListing(before, overlapMs), read, overlapMs);
          if (cursor.listing === undefined) {
            expect(cursor.position).toBe(at(began));
            break;
          }
          expect(cursor.position >= before.position).toBe(true);
          expect(cursor.position <= at(began)).toBe(true);
          expect(cursor.listing).toMatchObject({ from: at(-600), began: at(began), token: 'next' });
        }
      }),
    );
  });

  it('is moved by nothing that has no time or a time beyond the console’s clock and the overlap', () => {
    const odd = fc.oneof(
      fc.constant(undefined),
      fc.integer({ min: 5601, max: 99_999 }).map((s) => at(s)),
    );
    const ordinary = fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 4 });
    fc.assert(
      fc.property(ordinary, fc.array(odd, { maxLength: 4 }), (times, odds) => {
        const plain = times.sort((a, b) => a - b).map((s) => at(s));
        expect(cursorAfter([[...odds, ...plain, ...odds]])).toEqual(cursorAfter([plain]));
      }),
    );
  });

  it('stands at the last time delivered', () => {
    const cursor = cursorAfter([[at(-600), at(1), at(7, 123456)]]);
    expect(cursor.position).toBe(at(7, 123456));
    expect(cursor.listing).toMatchObject({ read: at(7, 123456), ordered: true, token: 'next' });
  });

  it('does not move within the overlap that it reads again', () => {
    expect(cursorAfter([[at(-500), at(-1)]]).position).toBe(at(0));
  });

  it('begins when the first page was asked for, not when later ones were', () => {
    const first = cursorAfterPage(
      cursorOf(undefined),
      openListing(cursorOf(undefined), overlapMs),
      page([at(1)]),
      overlapMs,
    );
    expect(first.listing?.began).toBe(at(5000));
    const open = openListing(first, overlapMs);
    expect(cursorAfterPage(first, open, page([at(2)], { sentAt: at(7000) }), overlapMs).listing?.began).toBe(
      at(5000),
    );
    const end = page([at(2)], { sentAt: at(7000), next: undefined });
    expect(cursorAfterPage(first, open, end, overlapMs)).toEqual(cursorOf(undefined, at(5000)));
  });

  it('stands at the beginning of a listing that ends on its first page, empty or not', () => {
    for (const times of [[], [at(1)], [at(4999)], [undefined]]) {
      expect(
        cursorAfterPage(
          cursorOf(undefined),
          listing({ began: undefined }),
          page(times, { next: undefined }),
          overlapMs,
        ),
      ).toEqual(cursorOf(undefined, at(5000)));
    }
  });

  it('with a console ahead of our clock goes on while its records are no further ahead', () => {
    const hour = 3_600_000;
    const ahead = { sentAt: at(5000), aheadMs: 23 * hour };
    const times = [at(23 * 3600 + 4000), at(23 * 3600 + 4900)];
    const cursor = cursorAfterPage(
      cursorOf(undefined),
      listing({ began: undefined }),
      page(times, ahead),
      overlapMs,
    );
    expect(cursor.position).toBe(at(5000));
    expect(cursor.listing).toMatchObject({ began: at(5000), token: 'next', read: times[1] });
  });

  it('goes on over an empty page that has a next one', () => {
    expect(cursorAfter([[]])).toEqual(cursorOf(listing({ token: 'next' })));
  });

  it('follows times that go back by no more than the overlap', () => {
    expect(cursorAfter([[at(1000), at(400), at(1100)]])).toMatchObject({
      position: at(1100),
      listing: { ordered: true },
    });
    expect(cursorAfter([[at(1000)], [at(400), at(1100)]])).toMatchObject({
      position: at(1100),
      listing: { ordered: true },
    });
  });

  it('waits for the end where times go back by more than the overlap', () => {
    for (const pages of [
      [[at(1000), at(399, 999999), at(1100)]],
      [[at(1000), at(500), at(10), at(1100)]],
      [[at(1000)], [at(399, 999999), at(1100)]],
      [[at(1000)], [at(399, 999999)], [at(1100)], [at(1200)]],
    ]) {
      expect(cursorAfter(pages).listing?.ordered, JSON.stringify(pages)).toBe(false);
    }
    expect(cursorAfter([[at(1000), at(399), at(1100)], [at(1200)]]).position).toBe(at(0));
  });

  it('waits for the end where times go back by more than the overlap in small steps, over two pages', () => {
    const cursor = cursorAfter([
      [at(1000), at(500)],
      [at(10), at(1100)],
    ]);
    expect(cursor.listing?.ordered).toBe(false);
    expect(cursor.position).toBe(at(1000));
  });

  it('takes records from before 1970 for the first of an inventory, not for disorder', () => {
    const cursor = cursorAfter(
      [['0001-01-01T00:00:00.000000Z', at(1)]],
      listing({ from: epoch, read: epoch }),
      epoch,
    );
    expect(cursor).toMatchObject({ position: at(1), listing: { read: at(1), ordered: true } });
  });

  it('ends a listing that is overtaken: all its times are more than one overlap past its began', () => {
    expect(cursorAfter([[at(5600, 1), at(5700)]], listing({ began: at(5000) })).listing).toBeDefined();
    const live = page([at(5600, 1), at(5700)], { sentAt: at(5800) });
    expect(cursorAfterPage(cursorOf(listing()), listing(), live, overlapMs)).toEqual(
      cursorOf(undefined, at(5000)),
    );
  });

  const notOvertaken: [what: string, times: (Timestamp | undefined)[]][] = [
    ['one time is within the overlap', [at(5600), at(5700)]],
    ['no record has a time', [undefined, undefined]],
    ['there is no record', []],
    ['all times are beyond the console’s clock', [at(9000)]],
  ];
  it.each(notOvertaken)('does not end a listing where %s', (_, times) => {
    const live = page(times, { sentAt: at(5800) });
    expect(cursorAfterPage(cursorOf(listing()), listing(), live, overlapMs).listing).toBeDefined();
  });

  it('does not take a listing out of order for overtaken: what it has not shown yet may be older', () => {
    const open = listing({ ordered: false });
    const live = page([at(5700)], { sentAt: at(5800) });
    expect(cursorAfterPage(cursorOf(open), open, live, overlapMs).listing).toBeDefined();
  });

  it('asks for twice as many after a hundred roomy pages in a row, up to 1000, whatever listing they are of', () => {
    const stretches = fc.array(fc.tuple(fc.integer({ min: 1, max: 150 }), fc.boolean()), { maxLength: 12 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), stretches, (first, pages) => {
        let cursor = cursorOf(undefined, at(0), { limit: first });
        let [limit, inRow] = [first, 0];
        for (const [count, roomy] of pages) {
          for (let i = 0; i < count; i++) {
            const read = page([], { roomy, next: i % 7 === 0 ? undefined : 'next' });
            cursor = cursorAfterPage(cursor, openListing(cursor, overlapMs), read, overlapMs);
            inRow = roomy && limit < 1000 ? inRow + 1 : 0;
            if (inRow === 100) [limit, inRow] = [Math.min(1000, limit * 2), 0];
            expect(cursor.limit).toBe(limit);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it('counts roomy pages anew after a heavy one', () => {
    const slow = cursorOf(listing({ token: 'next' }), at(0), { limit: 8, roomyPages: 99 });
    const recovery = recover(slow, openListing(slow, overlapMs), heavy, overlapMs)?.cursor;
    expect(recovery).toEqual({ ...slow, limit: 4, roomyPages: 0 });
  });
});

describe('a request', () => {
  it.each(streams.map((one) => [one.name, one] as const))(
    'for the first page of %s carries its bound, sort, filters and hidden defaults',
    (_, one) => {
      const query = queryOf(one, instance, openListing(cursorOf(undefined), overlapMs), 1000);
      expect(query).toEqual({
        ...one.query,
        limit: '1000',
        sortBy: one.sortBy ?? one.orderedBy,
        sortOrder: 'asc',
        skipCount: 'true',
        [`${one.orderedBy}__gte`]: at(-600),
      });
    },
  );

  it('sends only what the API of each stream knows', () => {
    const narrowed = { ...instance, accountIds: ['1', '2'], siteIds: ['3'], groupIds: ['4'] };
    const open = listing({ token: 'eyJ=' });
    const filters = { accountIds: '1,2', siteIds: '3', groupIds: '4', cursor: 'eyJ=' };
    const common = { limit: '1000', sortOrder: 'asc', skipCount: 'true', ...filters };
    expect(
      Object.fromEntries(streams.map((one) => [one.name, queryOf(one, narrowed, open, 1000)])),
    ).toMatchObject({
      threats: { ...common, sortBy: 'updatedAt', updatedAt__gte: at(-600) },
      'rule-alerts': { ...common, sortBy: 'alertInfoCreatedAt', createdAt__gte: at(-600) },
      activities: { ...common, sortBy: 'createdAt', createdAt__gte: at(-600), includeHidden: 'false' },
      agents: {
        ...common,
        sortBy: 'updatedAt',
        updatedAt__gte: at(-600),
        isDecommissioned: 'True,False',
        isUninstalled: 'True,False',
      },
    });
  });

  it('repeats bound, sort and filters with every page token', () => {
    const ids = fc.array(fc.constantFrom('1', '22', '333'), { maxLength: 3 });
    fc.assert(
      fc.property(
        fc.constantFrom(stream, ...streams),
        ids,
        ids,
        ids,
        fc.string({ minLength: 1 }),
        (one, a, s, g, token) => {
          const given = { ...instance, accountIds: a, siteIds: s, groupIds: g };
          const { cursor, ...rest } = queryOf(one, given, listing({ token }), 1000);
          expect(cursor).toBe(token);
          expect(rest).toEqual(queryOf(one, given, listing(), 1000));
          for (const value of Object.values(rest)) expect(value).not.toBe('');
        },
      ),
    );
  });

  it('has no upper bound, and no empty page token', () => {
    const query = queryOf(stream, instance, listing(), 1000);
    expect(Object.keys(query).filter((name) => /__(lt|lte)$/.test(name))).toEqual([]);
    expect(query).not.toHaveProperty('cursor');
  });

  it('for a whole inventory has no bound, for that would leave out records without a time', () => {
    const start = firstCursor(instance, { ...stream, wholeInventory: true }, at(0));
    const query = queryOf(stream, instance, openListing(start, overlapMs), 1000);
    expect(Object.keys(query).filter((name) => name.includes('__'))).toEqual([]);
  });

  it('asks for as many records as the cursor has come down to', () => {
    expect(queryOf(stream, instance, listing(), 7).limit).toBe('7');
  });
});

describe('opening a listing', () => {
  it('reads the overlap before the position again', () => {
    expect(openListing(cursorOf(undefined, at(7, 5)), overlapMs)).toEqual({
      from: at(-593, 5),
      began: undefined,
      read: at(-593, 5),
      token: undefined,
      ordered: true,
      sorted: true,
    });
  });

  it('goes on with the one that is open', () => {
    const open = listing({ token: 'next' });
    expect(openListing(cursorOf(open), overlapMs)).toBe(open);
  });
});

describe('a setback', () => {
  it('of a heavy page halves the limit down to 1, and changes nothing else', () => {
    const limits: number[] = [];
    const open = listing({ token: 'next' });
    let cursor = cursorOf(open);
    for (;;) {
      const recovery = recover(cursor, openListing(cursor, overlapMs), heavy, overlapMs);
      if (recovery === undefined) break;
      expect(recovery).not.toHaveProperty('error');
      cursor = recovery.cursor;
      limits.push(cursor.limit);
      expect(cursor).toEqual(cursorOf(open, at(0), { limit: cursor.limit }));
    }
    expect(limits).toEqual([500, 250, 125, 62, 31, 15, 7, 3, 1]);
    const two = cursorOf(open, at(0), { limit: 2 });
    expect(recover(two, open, heavy, overlapMs)?.cursor.limit).toBe(1);
  });

  it('of a heavy first page keeps the listing where it is', () => {
    const cursor = cursorOf(undefined);
    const open = openListing(cursor, overlapMs);
    expect(recover(cursor, open, heavy, overlapMs)?.cursor).toEqual({ ...cursor, limit: 500, listing: open });
  });

  it('of a refused page token goes on from the last time read, with neither position nor began changed', () => {
    const open = listing({ token: 'old', read: at(-100) });
    expect(recover(cursorOf(open), open, refused, overlapMs)).toEqual({
      cursor: cursorOf({ ...open, from: at(-100), token: undefined }),
    });
  });

  it('goes on from an overlap earlier where times went back, for not all before the last one was read', () => {
    const open = listing({ token: 'old', read: at(100), sorted: false });
    expect(recover(cursorOf(open), open, refused, overlapMs)?.cursor.listing?.from).toBe(at(-500));
    const tooEarly = listing({ token: 'old', read: at(-100), sorted: false });
    const { cursor, error } = withoutToken(cursorOf(tooEarly), tooEarly, overlapMs);
    expect(error).toMatchObject({ name: 'StuckListingError', state: 'unreadable' });
    expect(cursor.listing?.from).toBe(tooEarly.from);
  });

  it('is none where the first page is refused: no token is at fault', () => {
    expect(recover(cursorOf(listing()), listing(), refused, overlapMs)).toBeUndefined();
  });

  it.each([
    new CollectorError('forbidden', '403', { name: 'ForbiddenError' }),
    new RateLimitedError('429'),
    new UnreadableAnswerError('HTML'),
    new CollectorError('unreadable', 'stuck', { name: 'StuckListingError' }),
    new TypeError('a fault of our own'),
    undefined,
  ])('is not recovered by the listing: %s', (error) => {
    const open = listing({ token: 'next', read: at(1) });
    expect(recover(cursorOf(open), open, error, overlapMs)).toBeUndefined();
  });

  const stuck: [what: string, open: Listing][] = [
    ['no time was read after the one it started from', listing({ token: 'old' })],
    ['its last page went back to before where it started', listing({ token: 'old', read: at(-700) })],
    ['its records are not in order of time', listing({ token: 'old', read: at(700), ordered: false })],
  ];
  it.each(stuck)('is an error where %s; the listing starts again from where it started', (_, open) => {
    const { cursor, error } = withoutToken(cursorOf(open), open, overlapMs);
    expect(error).toMatchObject({ name: 'StuckListingError', state: 'unreadable' });
    expect(cursor).toEqual(cursorOf({ ...open, token: undefined }));
    expect(queryOf(stream, instance, openListing(cursor, overlapMs), 1000)).toEqual(
      queryOf(stream, instance, listing(), 1000),
    );
  });

  it('that goes on always goes on from later than before, so that it comes to an end', () => {
    fc.assert(
      fc.property(fc.integer({ min: -900, max: 900 }), fc.boolean(), (read, ordered) => {
        const open = listing({ token: 'old', read: at(read), ordered });
        const { cursor, error } = withoutToken(cursorOf(open), open, overlapMs);
        const from = cursor.listing?.from ?? '';
        if (error === undefined) expect(from > open.from).toBe(true);
        else expect(from).toBe(open.from);
      }),
    );
  });
});

describe('a listing without its page token', () => {
  const overlapMs = 600_000;
  const cursor: Cursor = { scope: 'here', position: at(0), limit: 1000, roomyPages: 0, listing: undefined };
  const from = (listing: Listing) => withoutToken(cursor, listing, overlapMs).cursor.listing?.from;

  describe('a listing whose page token is refused', () => {
    it('goes on from the last timestamp read where records share one: they did not go back', () => {
      const records = [record('a', at(60)), record('b', at(60)), record('c', at(61)), record('d', at(61))];
      const page = { records, next: 'next', sentAt: at(5000), roomy: false };
      const { listing } = cursorAfterPage(cursor, openListing(cursor, overlapMs), page, overlapMs);
      expect(listing).toMatchObject({ sorted: true, ordered: true, read: at(61) });
      expect(listing && from(listing)).toBe(at(61));
    });

    it('goes on an overlap before that where they went back, for as long as the listing lasts', () => {
      const pageOf = (seconds: readonly number[]) => ({
        records: seconds.map((second, i) => record(`${i}-${second}`, at(second))),
        next: `after ${seconds.at(-1)}`,
        sentAt: at(5000),
        roomy: false,
      });
      const wentBack = cursorAfterPage(
        cursor,
        openListing(cursor, overlapMs),
        pageOf([900, 890, 950]),
        overlapMs,
      );
      expect(wentBack.listing).toMatchObject({ sorted: false, ordered: true, read: at(950) });
      const later =
        wentBack.listing && cursorAfterPage(wentBack, wentBack.listing, pageOf([960, 970]), overlapMs);
      expect(later?.listing).toMatchObject({ sorted: false, ordered: true, read: at(970) });
      expect(later?.listing && from(later.listing)).toBe(at(970 - 600));
    });

    it('goes on from there also where it has an upper bound', () => {
      const listing = { ...createdListing(at(0), at(3600)), token: 'next', read: at(1200) };
      expect(from(listing)).toBe(at(1200));
    });
  });
});
