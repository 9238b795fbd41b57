import { describe, expect, it } from 'vitest';
import { pageQuery, usualSpelling } from '../../../functions/console/sources/graphql-query.ts';
import { alerts } from '../../../functions/streams/alerts.ts';
import { createGraphql, type GraphqlOptions } from '../../../local/console/graphql/graphql.ts';
import { createStore } from '../../../local/console/store.ts';
import { streams } from '../../../local/console/streams.ts';
import { at, instance } from '../../fixtures/given.ts';

const time = (ms: number) => new Date(Date.parse(at(0)) + ms).toISOString();
const node = (id: string, ms: number, more: object = {}) =>
  JSON.stringify({ id, createdAt: time(ms), updatedAt: time(ms), ...more }, null, 1);

function serving(texts: readonly string[] = [], options: GraphqlOptions = {}) {
  if (streams.alerts === undefined) throw new Error('no stream');
  const store = createStore(streams.alerts);
  for (const text of texts) store.put(text);
  const { answer, schema } = createGraphql(store, options);
  const ask = (query: string, variables: object = {}, sees?: Record<string, string[]>) => {
    const { status, body } = answer(JSON.stringify({ query, variables }), sees);
    expect(status).toBe(200);
    return { text: String(body), ...JSON.parse(String(body)) };
  };
  return { ask, schema };
}

const list = (
  given: string,
  fields = 'edges { node { id } } pageInfo { hasNextPage endCursor } totalCount',
) => `query ($first: Int, $after: String) { alerts(first: $first, after: $after${given}) { ${fields} } }`;
// biome-ignore lint/suspicious/noExplicitAny: the answer is looked at from outside
const ids = ({ data }: any) => data.alerts.edges.map((edge: any) => edge.node.id);
const ascending = ', sort: { by: "updatedAt", order: ASC }';

describe('the simulated GraphQL API', () => {
  it('takes the collector’s own query, and sends nodes as they are', () => {
    const text = node('a', 5, { detectionSource: { product: 'EDR' } });
    const query = pageQuery(alerts, instance, { from: at(0) }, usualSpelling, []);
    const answer = serving([text]).ask(query.text, { first: 10 });
    expect(answer.errors).toBeUndefined();
    expect(answer.text).toContain(`{"node":${text}}`);
  });

  it('sends no field that was not requested, and no cursor of an edge', () => {
    const { ask } = serving([node('a', 5, { name: 'x', detectionSource: { product: 'EDR', vendor: 'y' } })]);
    const { data } = ask(
      list('', 'pageInfo { hasNextPage } edges { node { id detectionSource { vendor } } }'),
    );
    expect(data.alerts).toEqual({
      pageInfo: { hasNextPage: false },
      edges: [{ node: { id: 'a', detectionSource: { vendor: 'y' } } }],
    });
    expect(ask(list('', 'edges { cursor }')).data.alerts.edges).toEqual([{ cursor: expect.any(String) }]);
  });

  it('filters by milliseconds, sorts, and hands out pages with ties in order of id', () => {
    const { ask } = serving([node('c', 2), node('b', 2), node('a', 2), node('d', 1), node('e', 3)]);
    const start = Date.parse(at(0)) + 2;
    const filter = `, filters: [{ fieldId: "updatedAt", dateTimeRange: { start: ${start}, startInclusive: true } }]`;
    const first = ask(list(filter + ascending), { first: 2 });
    expect(ids(first)).toEqual(['a', 'b']);
    expect(first.data.alerts).toMatchObject({ totalCount: 4, pageInfo: { hasNextPage: true } });
    const { endCursor } = first.data.alerts.pageInfo;
    const second = ask(list(filter + ascending), { first: 2, after: endCursor });
    expect(ids(second)).toEqual(['c', 'e']);
    expect(second.data.alerts.pageInfo.hasNextPage).toBe(false);
  });

  it('takes ids of a scope, a view and a token that sees less', () => {
    const scoped = (id: string, site: string, product: string) =>
      node(id, 1, { realTime: { scope: { site: { id: site } } }, detectionSource: { product } });
    const { ask } = serving([scoped('a', '1', 'EDR'), scoped('b', '2', 'STAR')]);
    expect(ids(ask(list(', scope: { scopeIds: ["2"], scopeType: SITE }')))).toEqual(['b']);
    expect(ids(ask(list(', viewType: ENDPOINT')))).toEqual(['a']);
    expect(ids(ask(list(''), {}, { siteIds: ['1'] }))).toEqual(['a']);
    const { data } = ask(
      '{ alertsViewDataAvailability { viewDataAvailability { viewType dataAvailable } } }',
    );
    expect(data.alertsViewDataAvailability.viewDataAvailability).toContainEqual({
      viewType: 'STAR',
      dataAvailable: true,
    });
    expect(data.alertsViewDataAvailability.viewDataAvailability).toContainEqual({
      viewType: 'CLOUD',
      dataAvailable: false,
    });
  });

  it('answers no rows and no error to a value that no enum has', () => {
    const { ask } = serving([node('a', 1, { severity: 'HIGH' })]);
    const by = (value: string) =>
      list(`, filters: [{ fieldId: "severity", stringEqual: { value: "${value}" } }]`);
    expect(ids(ask(by('HIGH')))).toEqual(['a']);
    expect(ids(ask(by('High')))).toEqual([]);
  });

  it.each([
    [
      'a field that is not there',
      list('', 'edges { node { nothing } }'),
      /FieldUndefined@\[alerts\/edges\/node\/nothing\]/,
    ],
    ['no fields of an object', list('', 'edges { node { assets } }'), /Validation error/],
    [
      'an argument that is not there',
      list(', filter: []'),
      /WrongType@\[alerts\].*Unknown argument "filter"/,
    ],
    [
      'a comparator that is not there',
      list(', filters: [{ fieldId: "updatedAt", dateRange: { from: 1 } }]'),
      /dateRange/,
    ],
    ['an order in quotes', list(', sort: { by: "updatedAt", order: "ASC" }'), /SortOrderType/],
    [
      'a time in quotes where a number is needed',
      list(', filters: [{ fieldId: "updatedAt", dateTimeRange: { start: "1" } }]'),
      /Validation error|Long|updatedAt/,
    ],
    [
      'a field id that is not there',
      list(', filters: [{ fieldId: "nothing", stringEqual: { value: "1" } }]'),
      /Unknown fieldId/,
    ],
    ['no query', 'nonsense', /Syntax Error/],
  ])('refuses %s', (_, query, says) => {
    const { errors, data } = serving().ask(query);
    expect(data).toBeNull();
    expect(errors[0].message).toMatch(says);
  });

  it('refuses a page that is too large, and a cursor of its own making only', () => {
    const { ask } = serving([], { mostNodes: 100 });
    expect(ask(list(''), { first: 101 }).errors[0].message).toMatch(/'first' must be between 1 and 100/);
    expect(ask(list(''), { after: 'nonsense' }).errors[0].message).toBe('Invalid cursor');
  });

  it('can lack fields, spell otherwise, write as JavaScript does, and not be opted in to', () => {
    const lacking = serving([], { lacks: ['Alert.ticketId'], words: 'javascript' });
    expect(lacking.ask(list('', 'edges { node { ticketId } }')).errors[0]).toMatchObject({
      message: 'Cannot query field "ticketId" on type "Alert".',
      locations: [{ line: 1 }],
    });
    expect(String(lacking.schema().body)).not.toContain('ticketId');
    const other = serving([node('a', 1)], { spelling: 'choices and lists' });
    expect(other.ask(list(ascending)).errors).toHaveLength(1);
    const choice = ', orFilter: { or: [{ and: [{ fieldId: "updatedAt", dateTimeRange: { start: 1 } }] }] }';
    expect(ids(other.ask(list(`${choice}, sorts: [{ by: "updatedAt", order: ASC }]`)))).toEqual(['a']);
    expect(serving([], { optedIn: false }).ask(list('')).errors[0].message).toMatch(/opted in/);
    expect(() => serving([], { lacks: ['Alert.nothing'] })).toThrow(/no Alert.nothing/);
  });
});
