import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activity, at, pagesOf, startConsole } from './harness.ts';

let given: Awaited<ReturnType<typeof startConsole>>;
beforeAll(async () => {
  given = await startConsole();
});
afterAll(() => given.close());

/** Few different times, so that many records share one; ids of different lengths. */
const listed = fc.uniqueArray(
  fc.record({ id: fc.bigInt(1n, 2n ** 63n).map(String), second: fc.integer({ min: 0, max: 3 }) }),
  { selector: ({ id }) => id, maxLength: 60 },
);

describe('a listing in which nothing changes', () => {
  it('visits every record exactly once and in order, whatever the limit, the sort and the ties', async () => {
    await fc.assert(
      fc.asyncProperty(
        listed,
        fc.integer({ min: 3, max: 70 }),
        fc.constantFrom('asc', 'desc'),
        fc.constantFrom('id', 'createdAt'),
        async (records, limit, sortOrder, sortBy) => {
          given.console.serve('activities');
          for (const { id, second } of records) given.console.put('activities', activity(id, at(second)));

          const seen: { id: string; createdAt: string }[] = [];
          for await (const { data, pagination } of pagesOf(given.ask, '/activities', {
            limit,
            sortOrder,
            sortBy,
            skipCount: true,
          })) {
            seen.push(...data);
            expect(pagination.nextCursor ?? '%3D').toMatch(/%3D$/);
          }

          const place = ({ id, createdAt }: { id: string; createdAt: string }) =>
            `${sortBy === 'id' ? '' : createdAt} ${id.padStart(20, '0')}`;
          const ascending = records
            .map(({ id, second }) => ({ id, createdAt: at(second) }))
            .map(place)
            .sort();
          expect(seen.map(place)).toEqual(sortOrder === 'asc' ? ascending : ascending.reverse());
        },
      ),
      { numRuns: 40 },
    );
  });

  it('visits records without a time or an id last, each once', async () => {
    given.console.serve('activities');
    const texts = ['{"createdAt":"?"}', '{}', '{"id":"1"}', activity('2', at(2)), activity('3', at(1))];
    for (const text of texts) given.console.put('activities', text);
    const seen: unknown[] = [];
    const query = { limit: 2, sortBy: 'createdAt', createdAt__gte: at(1) };
    for await (const { data } of pagesOf(given.ask, '/activities', query)) seen.push(...data);
    expect(seen.map((record) => JSON.stringify(record)).sort()).toEqual([...texts].sort());
    expect(seen.slice(0, 2)).toMatchObject([{ id: '3' }, { id: '2' }]);
  });
});
