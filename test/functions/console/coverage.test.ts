import { describe, expect, it } from 'vitest';
import { coverageOf } from '../../../functions/console/coverage.ts';
import type { Ask } from '../../../functions/console/sources/source.ts';
import { instance } from '../../fixtures/given.ts';

const now = Date.UTC(2026, 2, 1, 12);
const schema = `
  type Query { alerts(first: Int, filters: [FilterInput!], sort: SortInput): AlertConnection! }
  input FilterInput { fieldId: String! dateRange: DateRange }
  input DateRange { from: Long to: Long }
  input SortInput { by: String! order: SortOrderType! }
  enum SortOrderType { ASC DESC }`;

/** Asks a console that says these things over GraphQL in turn, the last one for ever. */
async function counted(says: readonly object[], learned?: unknown) {
  const queries: string[] = [];
  const paths: string[] = [];
  const ask: Ask = async ({ path, json, query: { includeHidden } = {} }, read) => {
    paths.push(path);
    const isCount = path === '/unifiedalerts/graphql';
    if (isCount) queries.push(String((json as { query: string }).query));
    const totalItems = path === '/activities' ? (includeHidden === 'true' ? 9 : 2) : 5;
    const graphql = says[Math.min(queries.length, says.length) - 1];
    const body = Buffer.from(
      path.endsWith('/schema') ? schema : JSON.stringify(isCount ? graphql : { pagination: { totalItems } }),
    );
    const value = read(body, (words) => words);
    return { body, tookMs: 1, dateMs: undefined, sentMs: 0, release: () => {}, value };
  };
  const { alerts, views, ruleAlerts, hiddenActivities } = await coverageOf(instance, now, ask, learned);
  expect({ ruleAlerts, hiddenActivities }).toEqual({ ruleAlerts: 5, hiddenActivities: 7 });
  return { alerts, views, queries, paths };
}

const dataOf = (totalCount: unknown, viewDataAvailability: unknown) => ({
  data: { alerts: { totalCount }, alertsViewDataAvailability: { viewDataAvailability } },
});
const view = (viewType: unknown, dataAvailable: unknown = true) => ({ viewType, dataAvailable });
const refused = (message: string) => ({ errors: [{ message }], data: null });

describe('what a console has', () => {
  it('is asked by four requests', async () => {
    const all = [view('ALL'), view('STAR'), view('CLOUD', false)];
    const { paths, ...found } = await counted([dataOf(3, all)]);
    expect(found).toMatchObject({ alerts: 3, views: ['STAR'] });
    expect(paths).toHaveLength(4);
  });

  it('is asked in the spelling of its schema, which is learned, or known from the listing', async () => {
    const unknown = "Validation error (WrongType@[alerts]) : argument 'filters' has no 'dateTimeRange'";
    const learning = await counted([refused(unknown), dataOf(3, [view('STAR')])]);
    expect(learning).toMatchObject({ alerts: 3, views: ['STAR'] });
    expect(learning.queries.at(-1)).toMatch(/createdAt", dateRange: \{ from: \d+, to: \d+ \}/);
    const spelling = { filters: 'filters', sort: 'sort', ascending: 'ASC', range: 'dateRange' };
    const times = { from: 'from', until: 'to', isExplicit: false, isIso: false };
    const learned = { host: instance.host, at: now - 1000, leftOut: [], spelling: { ...spelling, ...times } };
    const knowing = await counted([dataOf(3, [])], learned);
    expect(knowing.queries).toEqual([expect.stringContaining('dateRange: {')]);
  });

  it('is counted without its views where the schema has none', async () => {
    for (const message of [
      "Validation error (FieldUndefined@[alertsViewDataAvailability]) : Field 'alertsViewDataAvailability' in type 'Query' is undefined",
      'Cannot query field "alertsViewDataAvailability" on type "Query".',
    ])
      expect(await counted([refused(message), { data: { alerts: { totalCount: 3 } } }])).toMatchObject({
        alerts: 3,
        views: [],
      });
  });

  it.each([
    ['an error', refused('Access denied')],
    ['one error with data', { ...dataOf(3, []), errors: { message: 'Internal error' } }],
    ['no data', { data: null }],
    ['numbers and views of another kind', dataOf('3', { STAR: true })],
    ['views that are none', dataOf(null, [null, 7, view(7), view('star'), view('STAR', 'true')])],
  ])('is not known from %s, and what its lists have is', async (_, answer) => {
    expect(await counted([answer])).toMatchObject({ alerts: undefined, views: [] });
  });
});
