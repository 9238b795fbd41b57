import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cursor } from '../../../../functions/collect/cursor.ts';
import { type ListedPage, pages, type Reading } from '../../../../functions/collect/listing/pages.ts';
import type { Listing } from '../../../../functions/console/query.ts';
import type { PageRead } from '../../../../functions/console/record.ts';
import { HeavyPageError, MalformedPageError, RefusedRequestError } from '../../../../functions/errors.ts';
import { at, record } from '../../../fixtures/given.ts';

const overlapMs = 600_000;
const start: Cursor = { scope: 'here', position: at(0), limit: 1000, roomyPages: 0, listing: undefined };

const page = (second: number, next?: string): PageRead => ({
  records: [record(`${second}`, at(second))],
  next,
  sentAt: at(5000),
  roomy: false,
});

const unbounded: Reading = { overlapMs, takeRequest: () => true, commit: async () => {} };

/** A console that answers when it is told to. */
function console() {
  const asked: { listing: Listing; signal: AbortSignal; answer: PromiseWithResolvers<PageRead> }[] = [];
  const events: string[] = [];
  const fetch = (listing: Listing, _: number, signal: AbortSignal) => {
    const answer = Promise.withResolvers<PageRead>();
    asked.push({ listing, signal, answer });
    events.push(`asked ${asked.length}`);
    return answer.promise;
  };
  const at = (i: number) => {
    const request = asked[i - 1];
    if (request === undefined) throw new Error(`request ${i} was not made`);
    return request;
  };
  return {
    events,
    fetch,
    asked,
    token: (i: number) => at(i).listing.token,
    aborted: (i: number) => at(i).signal.aborted,
    answers: (i: number, read: PageRead) => at(i).answer.resolve(read),
    fails: (i: number, error: unknown) => at(i).answer.reject(error),
  };
}

/** Answers each request at once, from the list. */
function script(answers: readonly (PageRead | Error)[], goOn = () => true) {
  const listings: Listing[] = [];
  const limits: number[] = [];
  const committed: (Cursor | undefined)[] = [];
  const reading: Reading = {
    overlapMs,
    takeRequest: goOn,
    commit: async (cursor) => {
      committed.push(cursor);
    },
  };
  const source = {
    page: async (listing: Listing, limit: number) => {
      listings.push(listing);
      limits.push(limit);
      const answer = answers[listings.length - 1] ?? new Error('asked too often');
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  return { listings, limits, committed, source, reading };
}

async function all(steps: AsyncIterable<ListedPage>): Promise<{ steps: ListedPage[]; error?: unknown }> {
  const read: ListedPage[] = [];
  try {
    for await (const step of steps) read.push(step);
    return { steps: read };
  } catch (error) {
    return { steps: read, error };
  }
}

const idsOf = (steps: readonly ListedPage[]) =>
  steps.map(({ records }) => records.map(({ recordId }) => recordId));
const settled = () => new Promise((resolve) => setImmediate(resolve));

const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);
beforeEach(() => {
  unhandled.length = 0;
  process.on('unhandledRejection', note);
});
afterEach(async () => {
  await settled();
  await settled();
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

describe('the pages of a listing', () => {
  it('come in order, each once, with the cursor to commit; only the one that nothing follows is the last', async () => {
    const answers = fc.array(fc.constantFrom('page', 'heavy', 'refused'), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(answers, fc.nat(10), async (kinds, allowed) => {
        const made = kinds.map((kind, i) =>
          kind === 'page'
            ? page(i + 1, `token ${i}`)
            : kind === 'heavy'
              ? new HeavyPageError('slow')
              : new RefusedRequestError('400'),
        );
        let asks = 0;
        const { source, reading, listings } = script([...made, page(100)], () => asks++ < allowed);
        const { steps, error } = await all(pages(start, source, reading));
        expect(listings.length).toBeLessThanOrEqual(allowed + 1);
        const ends = steps.map(({ endsTurn }) => endsTurn);
        expect(ends.slice(0, -1)).not.toContain(true);
        expect(ends.at(-1) === true).toBe(error === undefined);
        expect(idsOf(steps).flat()).toEqual(
          made
            .slice(0, listings.length)
            .flatMap((one) => ('records' in one ? one.records.map((r) => r.recordId) : []))
            .concat(listings.length > made.length ? ['100'] : []),
        );
        for (const [i, { cursor }] of steps.entries()) {
          if (listings[i + 1] !== undefined) expect(listings[i + 1]).toEqual(cursor.listing);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('are fetched one ahead, while the one before is being delivered', async () => {
    const { events, fetch, answers, asked, token } = console();
    const steps = pages(start, { page: fetch }, unbounded);
    const first = steps.next();
    expect(events).toEqual(['asked 1']);
    answers(1, page(1, 'second'));
    expect((await first).value).toMatchObject({ records: [{ recordId: '1' }], sentAt: at(5000) });
    events.push('delivering 1');
    await settled();
    expect(events).toEqual(['asked 1', 'asked 2', 'delivering 1']);
    expect(token(2)).toBe('second');
    answers(2, page(2, 'third'));
    await settled();
    // Not two ahead, though it has arrived.
    expect(asked).toHaveLength(2);
    expect((await steps.next()).value?.records[0]?.recordId).toBe('2');
    expect(asked).toHaveLength(3);
    answers(3, page(3));
    expect((await steps.next()).value).toMatchObject({
      endsTurn: true,
      cursor: { position: at(5000), listing: undefined },
    });
    expect(await steps.next()).toEqual({ done: true, value: undefined });
    expect(asked).toHaveLength(3);
  });

  it('end with a request that is stopped, when whoever reads them stops early', async () => {
    const { fetch, answers, fails, aborted } = console();
    const steps = pages(start, { page: fetch }, unbounded);
    const first = steps.next();
    answers(1, page(1, 'second'));
    await first;
    expect(aborted(2)).toBe(false);
    await steps.return();
    expect(aborted(2)).toBe(true);
    fails(2, new DOMException('stopped', 'AbortError'));
    await settled();
  });

  it('stop the request ahead where delivering throws', async () => {
    const { fetch, answers, fails, aborted } = console();
    const reading = (async () => {
      for await (const _ of pages(start, { page: fetch }, unbounded)) throw new Error('undelivered');
    })();
    answers(1, page(1, 'second'));
    await expect(reading).rejects.toThrow('undelivered');
    expect(aborted(2)).toBe(true);
    fails(2, new Error('stopped'));
  });

  it('stop no request that they still wait for', async () => {
    const { fetch, answers, aborted } = console();
    const steps = pages(start, { page: fetch }, unbounded);
    const first = steps.next();
    await settled();
    expect(aborted(1)).toBe(false);
    answers(1, page(1));
    await first;
  });

  it('throw an error only after the page before it was handed out, though it came earlier', async () => {
    const { fetch, answers, fails } = console();
    const steps = pages(start, { page: fetch }, unbounded);
    const first = steps.next();
    answers(1, page(1, 'second'));
    const step = await first;
    fails(2, new Error('broken'));
    await settled();
    expect(step.value).toMatchObject({
      endsTurn: false,
      cursor: { position: at(1), listing: { token: 'second' } },
    });
    await expect(steps.next()).rejects.toThrow('broken');
    expect(await steps.next()).toEqual({ done: true, value: undefined });
  });

  it('throw at once where the first request fails, and hand out nothing', async () => {
    const { source, reading } = script([new Error('broken')]);
    expect(await all(pages(start, source, reading))).toEqual({ steps: [], error: new Error('broken') });
  });

  it('end where no other page may be asked for, with the listing open', async () => {
    const { source, reading, listings } = script(
      [page(1, 'second'), page(2, 'third')],
      () => listings.length < 2,
    );
    const { steps } = await all(pages(start, source, reading));
    expect(steps.map(({ endsTurn }) => endsTurn)).toEqual([false, true]);
    expect(steps[1]?.cursor.listing?.token).toBe('third');
    expect(listings).toHaveLength(2);
  });

  it('are at least one, and whether another may be asked for is asked once for each', async () => {
    let asks = 0;
    const { source, reading } = script([page(1, 'b'), page(2, 'c'), page(3)], () => ++asks > 0);
    expect((await all(pages(start, source, reading))).steps).toHaveLength(3);
    expect(asks).toBe(2);
    const none = script([page(1, 'b')], () => false);
    expect((await all(pages(start, none.source, none.reading))).steps).toHaveLength(1);
  });

  it('go on with the listing and token that the cursor has', async () => {
    const listing: Listing = {
      from: at(-9),
      began: at(9),
      read: at(5),
      token: 'kept',
      ordered: true,
      sorted: true,
    };
    const { source, reading, listings } = script([page(6)]);
    const { steps } = await all(pages({ ...start, listing }, source, reading));
    expect(listings).toEqual([listing]);
    expect(steps[0]?.cursor).toEqual({ ...start, position: at(9) });
  });
});

it('a page that is acknowledged commits its own cursor, unless it ends the turn', async () => {
  const { source, reading, committed } = script([page(1, 'second'), page(2, 'third'), page(3)]);
  const { steps } = await all(pages(start, source, reading));
  expect(committed).toEqual([]);
  for (const step of steps) await step.ack(1);
  expect(steps.map(({ endsTurn }) => endsTurn)).toEqual([false, false, true]);
  expect(committed).toEqual(steps.slice(0, 2).map(({ cursor }) => cursor));
});

it('a page that is not remembered only renews the claim', async () => {
  const { source, reading, committed } = script([page(1, 'second'), page(2, 'third'), page(3)]);
  const { steps } = await all(pages(start, source, reading));
  for (const [i, step] of steps.entries()) await step.ack(1, i > 0);
  expect(committed).toEqual([undefined, steps[1]?.cursor]);
});

describe('what the listing can recover from', () => {
  it('is a heavy page: a step without records says why, and half as many are asked for', async () => {
    const heavy = new HeavyPageError('slow');
    const { source, reading, listings, limits } = script([page(1, 'second'), heavy, heavy, page(2)]);
    const { steps, error } = await all(pages(start, source, reading));
    expect(error).toBeUndefined();
    expect(idsOf(steps)).toEqual([['1'], [], [], ['2']]);
    expect(steps.map((step) => step.heavy)).toEqual([undefined, heavy, heavy, undefined]);
    expect(listings.map(({ token }) => token)).toEqual([undefined, 'second', 'second', 'second']);
    expect(limits).toEqual([1000, 1000, 500, 250]);
  });

  it('is not a heavy page of one record', async () => {
    const heavy = new HeavyPageError('slow');
    const listing: Listing = {
      from: at(-9),
      began: at(9),
      read: at(5),
      token: 'kept',
      ordered: true,
      sorted: true,
    };
    const { source, reading } = script([heavy]);
    expect(await all(pages({ ...start, limit: 1, listing }, source, reading))).toEqual({
      steps: [],
      error: heavy,
    });
  });

  it('is a refused page token: it goes on from the last time read', async () => {
    const { source, reading, listings } = script([page(1, 'old'), new RefusedRequestError('400'), page(2)]);
    const { steps, error } = await all(pages(start, source, reading));
    expect(error).toBeUndefined();
    expect(idsOf(steps)).toEqual([['1'], [], ['2']]);
    expect(listings.map(({ from, token }) => [from, token])).toEqual([
      [at(-600), undefined],
      [at(-600), 'old'],
      [at(1), undefined],
    ]);
  });

  it('is a page token that is given again: its records are kept, and it goes on from the last time read', async () => {
    const { source, reading, listings } = script([page(1, 'same'), page(2, 'same'), page(3)]);
    const { steps, error } = await all(pages(start, source, reading));
    expect(error).toBeUndefined();
    expect(idsOf(steps)).toEqual([['1'], ['2'], ['3']]);
    expect(steps[1]?.cursor.position).toBe(at(2));
    expect(listings[2]).toMatchObject({ from: at(2), token: undefined });
  });

  it('is not a token without progress: the records are handed out, then it throws, and starts again next time', async () => {
    const { source, reading } = script([page(-600, 'same'), page(-600, 'same')]);
    const { steps, error } = await all(pages(start, source, reading));
    expect(error).toMatchObject({ name: 'StuckListingError', state: 'unreadable' });
    expect(idsOf(steps)).toEqual([['-600'], ['-600']]);
    expect(steps[1]).toMatchObject({
      endsTurn: false,
      cursor: { position: at(0), listing: { from: at(-600) } },
    });
    expect(steps[1]?.cursor.listing?.token).toBeUndefined();
  });

  it('is not the first request refused', async () => {
    const refused = new RefusedRequestError('400');
    const { source, reading } = script([refused]);
    expect(await all(pages(start, source, reading))).toEqual({ steps: [], error: refused });
  });

  it('ends with a token that is refused without end only where no other page may be asked for', async () => {
    let left = 20;
    let second = 0;
    const listings: Listing[] = [];
    const { steps, error } = await all(
      pages(
        start,
        {
          page: async (listing) => {
            listings.push(listing);
            if (listing.token !== undefined) throw new RefusedRequestError('400');
            return page(++second, 'refused');
          },
        },
        { ...unbounded, takeRequest: () => left-- > 0 },
      ),
    );
    expect(error).toBeUndefined();
    expect(steps.at(-1)?.endsTurn).toBe(true);
    expect(idsOf(steps).flat()).toEqual(Array.from({ length: second }, (_, i) => `${i + 1}`));
  });
});

describe('a listing that brings nothing new', () => {
  it('goes on through malformed records that were delivered before, however often its pages are halved', async () => {
    const asked: number[] = [];
    const source = {
      page: async ({ token = '0' }: Listing, limit: number): Promise<PageRead> => {
        asked.push(limit);
        if (limit > 1) throw new MalformedPageError();
        const next = token === '4' ? undefined : String(Number(token) + 1);
        return { ...page(0, next), records: [record(token, undefined)], isolated: true };
      },
    };
    const found: string[] = [];
    for await (const { records, ack } of pages(start, source, unbounded)) {
      found.push(...records.map(({ recordId }) => recordId));
      await ack(0);
    }
    expect(found).toEqual(['0', '1', '2', '3', '4']);
    expect(asked).toEqual(Array(5).fill([1000, 500, 250, 125, 62, 31, 15, 7, 3, 1]).flat());
  });

  /** Reads and acknowledges as a poll does that remembers all it delivers. */
  async function polled(answer: (listing: Listing, i: number) => PageRead, most = 200, from = start) {
    const delivered = new Set<string>();
    const listings: Listing[] = [];
    const source = {
      page: async (listing: Listing) => {
        listings.push(listing);
        return answer(listing, listings.length - 1);
      },
    };
    let cursor = from;
    let error: unknown;
    try {
      const reading = { ...unbounded, takeRequest: () => listings.length < most };
      for await (const { records, ack } of pages(from, source, reading)) {
        const fresh = records.filter(({ version }) => !delivered.has(version));
        for (const { version } of fresh) delivered.add(version);
        cursor = await ack(fresh.length);
      }
    } catch (thrown) {
      error = thrown;
    }
    return { listings, delivered, cursor, error };
  }
  const pageOf = (seconds: readonly number[], next?: string): PageRead => ({
    ...page(0, next),
    records: seconds.map((second, i) => record(`${second}-${i}`, at(second))),
  });

  it.each<[string, (i: number) => PageRead]>([
    ['empty pages and ever new page tokens', (i) => pageOf([], `token ${i}`)],
    ['the same page under ever new page tokens', (i) => pageOf([-600, -600], `token ${i}`)],
  ])('with %s is stuck, and is asked for from its start at the next poll', async (_, answer) => {
    const { listings, error, cursor } = await polled((_listing, i) => answer(i), 50_000);
    expect(error).toMatchObject({ name: 'StuckListingError', state: 'unreadable' });
    expect(String(error)).toMatch(/page tokens lead to nothing new/);
    expect(listings.length).toBeLessThan(11_000);
    expect(cursor.listing).toMatchObject({ from: at(-600), token: undefined });
  });

  it.each([
    ['A, B, A, B', ['A', 'B']],
    ['a longer circle', ['A', 'B', 'C', 'D', 'E']],
  ])('because page tokens go round (%s) goes on without one from what it has read', async (_, tokens) => {
    const { listings, delivered, error } = await polled(({ token, from }) => {
      if (from >= at(0)) return pageOf([5000, 6000]);
      const i = token === undefined ? 0 : tokens.indexOf(token) + 1;
      return pageOf([i * 60 + 1, i * 60 + 30], tokens[i % tokens.length]);
    });
    expect(error).toBeUndefined();
    expect(listings.at(-1)).toMatchObject({ token: undefined, from: at(tokens.length * 60 + 30) });
    expect(delivered).toContain(record('5000-0', at(5000)).version);
    expect(listings.length).toBeLessThan(160);
  });

  it('is noticed over several runs of a page each', async () => {
    let cursor = start;
    let error: unknown;
    let runs = 0;
    for (; error === undefined && runs < 50; runs++)
      ({ cursor, error } = await polled((_, i) => pageOf([], `token ${runs} ${i}`), 1, cursor));
    expect(error).toMatchObject({ name: 'StuckListingError' });
    expect(runs).toBeLessThan(25);
  });

  it('is not stuck over many repeats at one timestamp, nor over repeats that lead on', async () => {
    const ties = Array.from({ length: 100 }, () => 10);
    const known = await polled(({ token = '0' }) => {
      const i = Number(token);
      // A hundred pages of ties that were all delivered with the first, pages of repeats that lead on, and the end.
      if (i < 100) return pageOf(ties, String(i + 1));
      if (i < 150) return pageOf([i * 10], String(i + 1));
      return pageOf([5000]);
    });
    expect(known.error).toBeUndefined();
    expect(known.cursor.listing).toBeUndefined();
    expect(known.delivered).toContain(record('5000-0', at(5000)).version);
  });
});
