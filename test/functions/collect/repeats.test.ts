import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cursor } from '../../../functions/collect/cursor.ts';
import type { HourCounts } from '../../../functions/collect/ledger/hour-counts.ts';
import type { ListedPage } from '../../../functions/collect/listing/pages.ts';
import { Memory } from '../../../functions/collect/memory.ts';
import type { Memories } from '../../../functions/collect/ports.ts';
import { Repeats } from '../../../functions/collect/repeats.ts';
import type { Record } from '../../../functions/console/record.ts';
import { fromMs, type Timestamp } from '../../../functions/kit/time.ts';
import { at, record, settings } from '../../fixtures/given.ts';

const key = { instance: 'acme', stream: 'sightings', run: 'one' };
/** Keeps one memory, of the lineage that it was written for. */
function store(kept?: Uint8Array) {
  const counts = { since: at(-1), delivered: {} };
  const seen = { reads: 0, writes: 0, lineage: 'ours', memory: kept, counts };
  const memories: Memories = {
    readMemory: async (_, lineage) => {
      seen.reads++;
      const { memory } = seen;
      return lineage === seen.lineage && memory !== undefined
        ? { memory, counts: seen.counts, writer: undefined }
        : undefined;
    },
    writeMemory: async (_, lineage, { memory, counts }) => {
      seen.writes++;
      Object.assign(seen, { lineage, counts, memory: Uint8Array.from(memory) });
    },
  };
  return {
    seen,
    repeats: (lineage = 'ours', memoryEntries = 1000) =>
      new Repeats(
        {
          key,
          lineage,
          start: at(0),
          from: at(0),
          doubtFrom: at(0),
          hasVersions: false,
          checkedUntil: undefined,
          ignoresFilter: false,
        },
        { ...settings, memoryEntries },
        memories,
      ),
  };
}

/** Of a page that was asked for at `position`. */
function step(records: readonly Record[], position: Timestamp): ListedPage {
  const cursor: Cursor = { scope: '', position, limit: 1000, roomyPages: 0, listing: undefined };
  const oddities = { skewMs: 0, unasked: 0, isSmall: false };
  return {
    records,
    cursor,
    sentAt: position,
    oddities,
    endsTurn: false,
    heavy: undefined,
    ack: async () => cursor,
  };
}

async function pageWithout(repeats: Repeats, page: ListedPage): Promise<ListedPage> {
  async function* one() {
    yield page;
  }
  for await (const fresh of repeats.without(one())) return fresh;
  throw new Error('there is no page');
}

/** What is to be delivered of a page that is never acknowledged. */
async function fresh(repeats: Repeats, page: ListedPage): Promise<readonly Record[]> {
  return (await pageWithout(repeats, page)).records;
}

/** What is delivered of a page, which is acknowledged then. */
async function delivered(repeats: Repeats, page: ListedPage): Promise<readonly Record[]> {
  const { records, ack } = await pageWithout(repeats, page);
  await ack(records.length);
  return records;
}

const idsOf = (records: readonly Record[]) => records.map(({ recordId }) => recordId);

describe('repeats', () => {
  it('never hides a version that was not delivered, and hides all of the overlap that were, over many polls', () => {
    const poll = fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 40 })), {
      maxLength: 8,
    });
    fc.assert(
      fc.asyncProperty(fc.array(poll, { maxLength: 8 }), async (polls) => {
        const { repeats } = store();
        const known = new Set<string>();
        let position = 0;
        for (const pages of polls) {
          const here = repeats();
          const records = pages.map(([id, minute]) => record(`${id}`, at(minute * 60)));
          position = Math.max(position, ...pages.map(([, minute]) => minute));
          const reading = step(records, at(position * 60));
          const { records: fresh, ack } = await pageWithout(here, reading);
          expect(new Set(fresh.map(({ version }) => version)).size).toBe(fresh.length);
          for (const { version, time } of records) {
            const hidden = !fresh.some((one) => one.version === version);
            if (hidden) expect(known).toContain(version);
            const inOverlap = time !== undefined && time >= at(position * 60 - 600);
            if (inOverlap && known.has(version)) expect(hidden).toBe(true);
          }
          for (const { version } of fresh) known.add(version);
          await ack(fresh.length);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('are remembered in no more bytes than one item of DynamoDB has, and it is known that some were forgotten', async () => {
    const lastMs = Date.UTC(9999, 11, 31);
    const spread = Array.from({ length: 20_000 }, (_, i) => {
      const ms = Date.UTC(2026, 5, 1) + Math.floor((i / 20_000) * (lastMs - Date.UTC(2026, 5, 1)));
      return record(`${i}`, fromMs(ms));
    });
    const { repeats, seen } = store();
    const first = repeats('ours', 20_000);
    expect(await delivered(first, step(spread, at(0)))).toHaveLength(20_000);
    expect(seen.memory?.byteLength).toBeLessThanOrEqual(300_000);
    expect(first.forgotten).toBeGreaterThan(0);
    expect(await delivered(repeats('ours', 20_000), step(spread.slice(-1000), at(0)))).toEqual([]);
  });

  it('are told within one page', async () => {
    const { repeats } = store();
    const [a, b] = [record('a', at(1)), record('b', at(1))];
    expect(idsOf(await fresh(repeats(), step([a, b, a, b], at(1))))).toEqual(['a', 'b']);
  });

  it('are told by version: a record that changed is delivered again', async () => {
    const { repeats } = store();
    const all = step([record('a', at(1)), record('a', at(2)), record('a', at(1))], at(2));
    expect((await fresh(repeats(), all)).map(({ time }) => time)).toEqual([at(1), at(2)]);
  });

  it('are told from page to page and from run to run', async () => {
    const { repeats } = store();
    const run = repeats();
    const first = step([record('a', at(1))], at(1));
    expect(idsOf(await delivered(run, first))).toEqual(['a']);
    const both = step([record('a', at(1)), record('b', at(1))], at(1));
    expect(idsOf(await fresh(run, both))).toEqual(['b']);
    expect(idsOf(await fresh(repeats(), both))).toEqual(['b']);
  });

  it('are remembered before the position moves, and only once a page is acknowledged', async () => {
    const { repeats, seen } = store();
    const writes: number[] = [];
    const page = step([record('a', at(1))], at(1));
    const ack = async () => {
      writes.push(seen.writes);
      return page.cursor;
    };
    const { ack: acknowledge } = await pageWithout(repeats(), { ...page, ack });
    expect(seen.writes).toBe(0);
    await acknowledge(1);
    expect(writes).toEqual([1]);
  });

  it('of a large memory are written when a share of it is new, and the cursor stays until then', async () => {
    const { repeats, seen } = store();
    const run = repeats('ours', 20_000);
    /** By page: how many records the stored counts have, and whether the cursor may move. */
    const acks: [counted: number, isRemembered: boolean | undefined][] = [];
    const deliver = async (ids: readonly string[]) => {
      const records = ids.map((id) => ({ ...record(id, at(3_700)), created: at(3_700) }));
      const page = step(records, at(1));
      const ack = async (_: number, isRemembered?: boolean) => {
        const counts: HourCounts = seen.counts;
        acks.push([counts.delivered[at(3_600)] ?? 0, isRemembered]);
        return page.cursor;
      };
      await (await pageWithout(run, { ...page, ack })).ack(ids.length);
    };
    await deliver(Array.from({ length: 2_100 }, (_, i) => `first ${i}`));
    for (let i = 0; i < 120; i++) await deliver([`later ${i}`]);
    expect(acks.slice(0, 2)).toEqual([
      [2_100, true],
      [2_100, false],
    ]);
    const remembered = acks.flatMap(([counted, isRemembered], i) => (isRemembered ? [[i, counted]] : []));
    // 5 % of what is remembered is new.
    expect(remembered).toEqual([
      [0, 2_100],
      [111, 2_100 + 111],
    ]);
  });

  it('are not told where delivering failed before they were remembered', async () => {
    const { repeats } = store();
    await fresh(repeats(), step([record('a', at(1))], at(1)));
    expect(idsOf(await fresh(repeats(), step([record('a', at(1))], at(1))))).toEqual(['a']);
  });

  it('without a time are told as long as they keep coming', async () => {
    const { repeats } = store();
    for (const [minute, expected] of [
      [0, ['timeless']],
      [8, []],
      [16, []],
      [24, []],
      [60, []],
      [90, []],
    ] as const) {
      const run = repeats();
      const reading = step([record('timeless', undefined)], at(minute * 60));
      expect(idsOf(await delivered(run, reading)), `minute ${minute}`).toEqual(expected);
    }
  });

  it('dated in the future stay known', async () => {
    const { repeats } = store();
    for (const expected of [['future'], [], []]) {
      const run = repeats();
      const reading = step([record('future', '9999-12-31T23:59:59.999999Z')], at(0));
      expect(idsOf(await delivered(run, reading))).toEqual(expected);
    }
  });

  it('of another lineage are not told: what an older cursor remembers is not this one’s', async () => {
    const { repeats } = store();
    const reading = step([record('a', at(1))], at(1));
    for (const lineage of ['ours', 'older', 'ours']) {
      const run = repeats(lineage);
      expect(idsOf(await delivered(run, reading)), lineage).toEqual(['a']);
    }
    expect(await fresh(repeats('ours'), reading)).toEqual([]);
  });

  it('cost neither reading nor writing where there is no record', async () => {
    const { repeats, seen } = store();
    const run = repeats();
    expect(await delivered(run, step([], at(1)))).toEqual([]);
    expect(run.forgotten).toBe(0);
    expect(seen).toMatchObject({ reads: 0, writes: 0 });
  });

  it('are read once and written only when something is new', async () => {
    const { repeats, seen } = store();
    const run = repeats();
    const reading = step([record('a', at(1))], at(1));
    for (let i = 0; i < 3; i++) {
      await delivered(run, reading);
    }
    expect(seen).toMatchObject({ reads: 1, writes: 1 });
  });

  it('beyond the bound are forgotten, the oldest first, and counted', async () => {
    const { repeats } = store();
    const run = repeats('ours', 2);
    const all = ['a', 'b', 'c', 'd', 'e'].map((id, i) => record(id, at(i)));
    const reading = step(all, at(5));
    await delivered(run, reading);
    expect(run.forgotten).toBe(3);
    expect(idsOf(await fresh(repeats('ours', 2), reading))).toEqual(['a', 'b', 'c']);
  });

  it.each([
    ['is cut off', Uint8Array.from([1, 2, 3])],
    ['is of another form', new TextEncoder().encode('{"versions":[]}')],
  ])('are delivered where the memory %s, and it heals', async (_, damaged) => {
    const { repeats } = store(damaged);
    const reading = step([record('a', at(1))], at(1));
    const run = repeats();
    expect(idsOf(await delivered(run, reading))).toEqual(['a']);
    expect(await fresh(repeats(), reading)).toEqual([]);
  });

  describe('of a long listing', () => {
    /** Pages of two records a minute each, read in order, long before the listing began. */
    const page = (minute: number, sorted = true): ListedPage => {
      const position = at(minute * 60);
      const listing = {
        from: at(0),
        began: at(100 * 3600),
        read: position,
        token: 'next',
        ordered: true,
        sorted,
      };
      const cursor: Cursor = { scope: '', position, limit: 1000, roomyPages: 0, listing };
      const records = [record(`a${minute}`, at(minute * 60)), record(`b${minute}`, at(minute * 60))];
      return { ...step(records, position), cursor, sentAt: at(100 * 3600) };
    };
    const read = async (pages: readonly ListedPage[]) => {
      const { repeats, seen } = store();
      const run = repeats();
      for (const one of pages) {
        await delivered(run, one);
      }
      return { seen, repeats };
    };
    const entries = (memory: Uint8Array | undefined) => Memory.decode(memory ?? new Uint8Array(), 1000).size;

    it('are remembered for the page that is not committed yet and the last timestamp before it, no more', async () => {
      const { repeats, seen } = await read([1, 2, 3, 4, 5].map((minute) => page(minute)));
      expect(entries(seen.memory)).toBe(4);
      // A kill before the commit: the page comes again, or from the last timestamp before it.
      expect(await fresh(repeats(), page(5))).toEqual([]);
      expect(await fresh(repeats(), page(4))).toEqual([]);
    });

    it('are remembered for a whole overlap where it is not in order, as it is then read from there', async () => {
      const { seen } = await read([1, 2, 3, 4, 5].map((minute) => page(minute, minute < 2)));
      expect(entries(seen.memory)).toBe(10);
    });

    it('are remembered from an overlap before it began, for the next listing', async () => {
      const near = [1, 2, 3, 4, 5].map((minute) => page(minute));
      const { seen } = await read(
        near.map((step) => ({
          ...step,
          cursor: {
            ...step.cursor,
            listing: step.cursor.listing && { ...step.cursor.listing, began: at(11 * 60) },
          },
        })),
      );
      expect(entries(seen.memory)).toBe(10);
    });
  });

  it('can’t be told where the memory can’t be read: then nothing is delivered as new', async () => {
    const { repeats, seen } = store();
    Object.defineProperty(seen, 'memory', {
      get: () => {
        throw new Error('throttled');
      },
    });
    await expect(fresh(repeats(), step([record('a', at(1))], at(1)))).rejects.toThrow('throttled');
  });
});
