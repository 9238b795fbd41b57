import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Listing } from '../../../../functions/console/query.ts';
import { graphqlSource } from '../../../../functions/console/sources/graphql.ts';
import type { Ask, SourcePage } from '../../../../functions/console/sources/source.ts';
import {
  HeavyPageError,
  MalformedPageError,
  PermissionMissingError,
  RateLimitedError,
  RefusedRequestError,
  TokenRefusedError,
  UnreachableError,
  UnreadableAnswerError,
} from '../../../../functions/errors.ts';
import type { Instance } from '../../../../functions/instances/instance.ts';
import { alerts } from '../../../../functions/streams/alerts.ts';
import { at, instance, strange } from '../../../fixtures/given.ts';

const listing: Listing = {
  from: at(0),
  began: undefined,
  read: at(0),
  token: undefined,
  ordered: true,
  sorted: true,
};
const now = Date.UTC(2026, 2, 1, 12);

interface Sent {
  readonly path: string;
  readonly query: string;
  readonly variables: Record<string, unknown>;
}

/** A source whose console says these things in turn, the last one for ever. */
function source(
  says: readonly string[],
  { learned, of = instance }: { learned?: unknown; of?: Instance } = {},
) {
  const sent: Sent[] = [];
  const ask: Ask = async ({ path, json }, read) => {
    sent.push({ path, ...(json as unknown as Omit<Sent, 'path'>) });
    const body = Buffer.from(says[Math.min(sent.length, says.length) - 1] ?? '');
    const value = read(body, (words) => words.replaceAll('secret', '…'));
    return { body, tookMs: 1, dateMs: undefined, sentMs: 0, release: () => {}, value };
  };
  const made = graphqlSource(alerts, of, () => now, learned);
  return {
    sent,
    source: made,
    page: (limit = 500, more: Partial<Listing> = {}): Promise<SourcePage> =>
      made.page({ ...listing, ...more }, limit, ask),
    total: () => made.total(at(-3600), at(0), ask),
  };
}

const pageOf = (
  nodes: readonly string[],
  pageInfo: object | null = { hasNextPage: false, endCursor: null },
) =>
  `{"data":{"alerts":{"pageInfo":${JSON.stringify(pageInfo)},"edges":[${nodes.map((node) => `{"node":${node}}`).join(',')}]}}}`;
const errors = (...messages: (string | object)[]) =>
  JSON.stringify({
    errors: messages.map((one) => (typeof one === 'string' ? { message: one } : one)),
    data: null,
  });
const texts = ({ records }: SourcePage) => records.map(({ raw }) => raw.toString());

describe('a page of a connection', () => {
  it('has each node’s own bytes, whatever is around and in them', async () => {
    const space = fc.stringMatching(/^[ \n\t]{0,2}$/);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(strange, space), { maxLength: 8 }),
        space,
        fc.boolean(),
        async (values, gap, cursorFirst) => {
          const nodes = values.map(([value, indent]) =>
            JSON.stringify({ id: 'x', value }, null, indent.length),
          );
          const edge = (node: string) =>
            cursorFirst
              ? `{${gap}"cursor"${gap}:"]}"${gap},"node":${gap}${node}${gap}}`
              : `{"node"${gap}:${node}, "cursor": null${gap}}`;
          const body = `${gap}{"extensions":{"edges":[1]},"data":${gap}{ "alerts" :{"edges":${gap}[${gap}${nodes
            .map(edge)
            .join(`${gap},`)}${gap}]${gap},"pageInfo":{"hasNextPage":false}}}}${gap}`;
          expect(texts(await source([body]).page())).toEqual(nodes);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('keeps what JSON.parse would change: long numbers, escapes, U+FFFF, and a name that comes twice', async () => {
    const nodes = [
      '{"id":"a","n":123456789012345678,"e":1.50e+2,"s":"\\u00e4\\/"}',
      '{ "id" : "b",\t"s":"\uffff{[\\"]}" }',
      '{"id":"c","id":"d"}',
    ];
    const read = await source([pageOf(nodes)]).page();
    expect(texts(read)).toEqual(nodes);
    expect(read.records.map(({ recordId }) => recordId)).toEqual(['a', 'b', 'd']);
  });

  it('names the next page, and ends only where the console says so', async () => {
    expect((await source([pageOf([], { hasNextPage: true, endCursor: 'n2' })]).page()).next).toBe('n2');
    expect((await source([pageOf([], { hasNextPage: false, endCursor: 'n2' })]).page()).next).toBeUndefined();
    for (const info of [
      {},
      { hasNextPage: 'false' },
      { hasNextPage: true, endCursor: 7 },
      { hasNextPage: null },
      null,
    ])
      await expect(source([pageOf(['{"id":"a"}'], info)]).page()).rejects.toThrow(UnreadableAnswerError);
    const long = { hasNextPage: true, endCursor: 'x'.repeat(5000) };
    await expect(source([pageOf([], long)]).page()).rejects.toThrow(/4096/);
  });

  it.each([null, '', undefined])(
    'goes on without a page token where the console gives none: %j',
    async (endCursor) => {
      const { page, sent } = source([pageOf(['{"id":"a"}'], { hasNextPage: true, endCursor })]);
      const { next } = await page();
      expect(next).toBeDefined();
      await expect(page(500, { token: next })).rejects.toThrow(RefusedRequestError);
      expect(sent).toHaveLength(1);
    },
  );

  it('is no page where it has no edges, is cut off, or is not JSON', async () => {
    for (const body of [
      '<html>429 Too Many Requests</html>',
      '{"data":null}',
      '{"data":{"alerts":null}}',
      '{"data":{"alerts":{"edges":null,"pageInfo":{"hasNextPage":false}}}}',
      '{"data":{"alerts":{"edges":{},"pageInfo":{"hasNextPage":false}}}}',
      '{}',
      '',
      '{"data":{"alerts":{"edges":[]}}}',
      `[${pageOf(['{"id":"a"}'])}]`,
      pageOf(['{"id":"a"}']).slice(0, -3),
      pageOf(['{"id":"a"}']).replace('{"data"', '{"data":{"alerts":{"edges":[]}},"data"'),
    ])
      await expect(source([body]).page(1), body).rejects.toThrow(UnreadableAnswerError);
  });

  it('is too large where it has more than was requested', async () => {
    await expect(source([pageOf(['1', '2', '3'])]).page(2)).rejects.toThrow(/more than the 2 records/);
  });

  it('isolates a malformed node by smaller pages, and delivers it by itself', async () => {
    const broken = pageOf(['{"id":"a"}', '{"id":"b"', '{"id":"c"}']);
    await expect(source([broken]).page(3)).rejects.toThrow(MalformedPageError);
    const alone = await source([pageOf(['{"id":"b", oops}'], { hasNextPage: true, endCursor: 'n' })]).page(1);
    expect(texts(alone)).toEqual(['{"id":"b", oops}']);
    expect(alone.records[0]?.malformed).toBe(true);
    const unclosed = await source([pageOf(['{"id":"b"'], { hasNextPage: true, endCursor: 'n' })]).page(1);
    expect(unclosed).toMatchObject({ next: 'n', isolated: true });
    expect(texts(unclosed).join()).toContain('"id":"b"');
  });

  it('isolates a node that comes with an error, and delivers it as it is', async () => {
    const ofNode = {
      message: 'Exception while fetching data',
      path: ['alerts', 'edges', 1, 'node', 'process'],
    };
    const body = pageOf(['{"id":"a"}', '{"id":"b","process":null}']).replace(
      '{"data"',
      `{"errors":[${JSON.stringify(ofNode)}],"data"`,
    );
    await expect(source([body]).page(2)).rejects.toThrow(MalformedPageError);
    const one = pageOf(['{"id":"b","process":null}']).replace(
      '{"data"',
      `{"errors":[${JSON.stringify(ofNode)}],"data"`,
    );
    expect(await source([one]).page(1)).toMatchObject({
      isolated: true,
      records: [{ recordId: 'b', malformed: false }],
    });
  });

  it.each([
    ['one object', { message: 'Internal error' }, UnreachableError],
    ['a text', 'Access denied', RefusedRequestError],
    ['true', true, RefusedRequestError],
  ])('is an error where errors is %s instead of a list, and not the last page', async (_, one, type) => {
    const body = pageOf([]).replace('{"data"', `{"errors":${JSON.stringify(one)},"data"`);
    await expect(source([body]).page()).rejects.toThrow(type);
    await expect(source([body]).total()).rejects.toThrow(type);
  });

  it('is an error where the one node that was asked for is missing because it failed', async () => {
    const ofNode = { message: 'Exception while fetching data', path: ['alerts', 'edges', 0, 'node'] };
    const body = pageOf([]).replace('{"data"', `{"errors":[${JSON.stringify(ofNode)}],"data"`);
    await expect(source([body]).page(2)).rejects.toThrow(MalformedPageError);
    await expect(source([body]).page(1)).rejects.toThrow(UnreachableError);
  });

  it('has each edge without a node as it is, and its neighbours', async () => {
    const body = pageOf(['{"id":"a"}', 'null', '{"id":"b"}']).replace(']', ',null,{},7]');
    expect(texts(await source([body]).page())).toEqual([
      '{"id":"a"}',
      'null',
      '{"id":"b"}',
      'null',
      '{}',
      '7',
    ]);
  });

  it('is an error where any other error comes with it, also with data', async () => {
    const body = pageOf([]).replace('{"data"', '{"errors":[{"message":"Internal error"}],"data"');
    await expect(source([body]).page()).rejects.toThrow(UnreachableError);
  });

  it('does not ask for more than a page holds', () => {
    expect(source([]).source.pageSize).toBe(500);
  });
});

describe('a page’s query', () => {
  const queryOf = async (more: Partial<Listing> = {}, of = instance) => {
    const { page, sent } = source([pageOf([])], { of });
    await page(20, more);
    return { ...sent[0], query: sent[0]?.query.replace(/\s+/g, ' ') };
  };

  it('asks for what changed since, oldest first, with the end of the page before its nodes', async () => {
    const { path, query, variables } = await queryOf();
    expect(path).toBe('/unifiedalerts/graphql');
    expect(variables).toEqual({ first: 20 });
    const ms = Date.parse(at(0));
    expect(query).toContain(
      `filters: [{ fieldId: "updatedAt", dateTimeRange: { start: ${ms}, startInclusive: true } }], sort: { by: "updatedAt", order: ASC }) { pageInfo { hasNextPage endCursor } edges { node { id externalId`,
    );
    expect(query).toContain('detectionSource { product vendor }');
    expect(query).toContain('assets { asset { ipV4 ipV6 domain');
    expect(query).not.toContain('scope:');
    expect((query?.match(/\{/g) ?? []).length).toBe((query?.match(/\}/g) ?? []).length);
  });

  it('rounds its bounds so that no record is left out', async () => {
    const from = '2026-03-01T12:00:00.123999Z';
    const { query } = await queryOf({
      from,
      createdFrom: '2026-03-01T13:00:00.000000Z',
      createdBefore: '2026-03-01T14:00:00.000001Z',
    });
    expect(query).toContain(`start: ${Date.parse('2026-03-01T12:00:00.123Z')},`);
    expect(query).toContain(
      `{ fieldId: "createdAt", dateTimeRange: { start: ${Date.parse('2026-03-01T13:00:00.000Z')}, startInclusive: true, end: ${Date.parse('2026-03-01T14:00:00.001Z')}, endInclusive: false } }`,
    );
  });

  it('has the page token as a variable, and the narrowest scope', async () => {
    const narrow = { ...instance, accountIds: ['1'], siteIds: ['2', '3'] };
    const { query, variables } = await queryOf({ token: 'n"2' }, narrow);
    expect(variables).toEqual({ first: 20, after: 'n"2' });
    expect(query).toContain('scope: { scopeIds: ["2","3"], scopeType: SITE }');
    expect((await queryOf({}, { ...narrow, groupIds: ['9'] })).query).toContain(
      'scopeIds: ["9"], scopeType: GROUP',
    );
    expect((await queryOf({}, { ...instance, accountIds: ['1'] })).query).toContain('scopeType: ACCOUNT');
  });
});

describe('errors in a 200', () => {
  it.each([
    [{ message: 'x', extensions: { code: 'UNAUTHENTICATED' } }, TokenRefusedError],
    [{ message: 'Access denied' }, PermissionMissingError],
    [{ message: 'x', extensions: { code: 'FORBIDDEN' } }, PermissionMissingError],
    [{ message: 'Account has not opted in to the Singularity Operations Center' }, PermissionMissingError],
    [{ message: 'Too many requests' }, RateLimitedError],
    [{ message: 'Argument "first" must be at most 100' }, HeavyPageError],
    [{ message: 'page size exceeds the maximum' }, HeavyPageError],
    [{ message: 'Invalid cursor' }, RefusedRequestError],
    [{ message: 'x', extensions: { classification: 'DataFetchingException' } }, UnreachableError],
    [{ message: 'Internal server error' }, UnreachableError],
    [{ message: 'Request timed out after 30000 ms' }, UnreachableError],
    [{ message: 'Service unavailable, try again after a minute' }, UnreachableError],
    [{ message: "Invalid value for argument 'after'" }, RefusedRequestError],
    [{ message: 'Variable "$after" is invalid' }, RefusedRequestError],
    [{ message: 'Something else' }, RefusedRequestError],
    [{}, RefusedRequestError],
    ['not an object', RefusedRequestError],
  ] as const)('%j is told apart', async (error, type) => {
    const { page, sent } = source([JSON.stringify({ errors: [error], data: null })]);
    await expect(page()).rejects.toThrow(type);
    expect(sent).toHaveLength(1);
  });

  it('name the host and the console’s words, cleaned', async () => {
    await expect(source([errors('Odd secret thing')]).page()).rejects.toThrow(
      'usea1-acme.sentinelone.net answers to /unifiedalerts/graphql with an error: Odd … thing',
    );
  });

  it('about the size of a page of one record are no reason for a smaller one', async () => {
    const { page } = source([errors('first must be at least 5 and at most 100')]);
    await expect(page(1)).rejects.toThrow(RefusedRequestError);
  });
});

describe('a schema with other fields', () => {
  const java = (path: string) =>
    `Validation error (FieldUndefined@[alerts/edges/node/${path}]) : Field 'x' in type 'Alert' is undefined`;

  it.each([
    ['as Java writes it', [java('ticketId'), java('indicators/title')], ['ticketId', 'indicators.title']],
    ['a whole object', [java('aiInvestigation')], ['aiInvestigation']],
    ['as JavaScript writes it', ['Cannot query field "ticketId" on type "Alert".'], ['ticketId']],
    ['without a path', ["Field 'storylineId' in type 'Alert' is undefined"], ['storylineId']],
    [
      'of another shape',
      ['Field "assignee" must not have a selection since type "String" has no subfields.'],
      ['assignee'],
    ],
  ])('is asked without them: %s', async (_, messages, leftOut) => {
    const { page, sent, source: made } = source([errors(...messages), pageOf(['{"id":"a"}'])]);
    expect(texts(await page())).toEqual(['{"id":"a"}']);
    expect(made.learned).toEqual({ host: instance.host, at: now, leftOut });
    expect(sent).toHaveLength(2);
    const [before = '', after = ''] = sent.map(({ query }) => query);
    expect(before.split('\n').length - after.split('\n').length).toBeGreaterThanOrEqual(leftOut.length);
  });

  it('is told by the line of the query which of two fields of one name it lacks', async () => {
    const first = source([pageOf([])]);
    await first.page();
    const lines = first.sent[0]?.query.split('\n') ?? [];
    const line = lines.indexOf('site {') + lines.slice(lines.indexOf('site {')).indexOf('name') + 1;
    const error = { message: 'Cannot query field "name" on type "Site".', locations: [{ line, column: 1 }] };
    const { page, source: made } = source([errors(error), pageOf([])]);
    await page();
    expect(made.learned?.leftOut).toEqual(['realTime.scope.site.name']);
  });

  it('is remembered for a day, for the same console', async () => {
    const learned = { host: instance.host, at: now - 1000, leftOut: ['assets', 'process.file'] };
    const known = source([pageOf([])], { learned });
    await known.page();
    expect(known.sent[0]?.query).not.toMatch(/\bassets \{\n(?:id|agentUuid)\n|\bfile \{|\bmd5\b/);
    expect(known.sent[0]?.query).toContain('detectionTime');
    expect(known.source.learned).toEqual(learned);
    for (const old of [
      { ...learned, at: now - 25 * 3_600_000 },
      { ...learned, at: now + 1000 },
      { ...learned, host: 'other' },
      { ...learned, leftOut: ['} mutation {'] },
      'nonsense',
      undefined,
    ])
      expect(source([], { learned: old }).source.learned).toBeUndefined();
  });

  it('that never takes the query is an error, after a few attempts', async () => {
    const { page, sent } = source([errors('Cannot query field "name" on type "Alert".')]);
    await expect(page()).rejects.toThrow(RefusedRequestError);
    expect(sent.length).toBeLessThanOrEqual(6);
  });

  it.each([java('id'), java('updatedAt'), 'Cannot query field "updatedAt" on type "Alert".'])(
    'without an id or a time is an error, for records could not be told apart: %s',
    async (message) => {
      const { page, sent, source: made } = source([errors(message), pageOf(['{"name":"a"}'])]);
      await expect(page()).rejects.toThrow(RefusedRequestError);
      expect(sent).toHaveLength(1);
      expect(made.learned).toBeUndefined();
    },
  );
});

describe('a schema with another spelling', () => {
  const schema = (
    filter: string,
    range: string,
    args = 'after: String, first: Int, filters: [FilterInput!], sort: SortInput',
  ) => `
    """ input FilterInput { fake: Long } """
    # type Query { alerts(nothing: Int): X }
    type Query {
      alert(id: ID!): Alert
      "All alerts (or some)"
      alerts(${args}): AlertConnection!
    }
    input FilterInput { fieldId: String!  stringEqual: EqualInput ${filter} isNegated: Boolean }
    input OrFilterSelectionInput { or: [AndFilterSelectionInput!]! }
    input AndFilterSelectionInput { and: [FilterInput!]! }
    input LongRange { start: Long end: Long }
    ${range}
    input SortInput { by: String! order: SortOrderType! }
    enum SortOrderType { ASC DESC }
  `;
  const refusal = errors(
    "Validation error (WrongType@[alerts]) : argument 'filters[0]' with value contains a field not in 'FilterInput': 'dateTimeRange'",
  );
  const old = schema('dateRange: DateRange', 'input DateRange { from: Long! to: Long }');

  it('is found out once from the schema, and kept', async () => {
    const { page, sent, source: made } = source([refusal, old, pageOf(['{"id":"a"}'])]);
    expect(texts(await page())).toEqual(['{"id":"a"}']);
    expect(sent.map(({ path }) => path)).toEqual([
      '/unifiedalerts/graphql',
      '/unifiedalerts/graphql/schema',
      '/unifiedalerts/graphql',
    ]);
    // It does not say whether its start is included.
    expect(sent[2]?.query).toContain(`dateRange: { from: ${Date.parse(at(0)) - 1} }`);
    const again = source([pageOf([])], { learned: made.learned });
    await again.page();
    expect(again.sent).toHaveLength(1);
    expect(again.sent[0]?.query).toContain('dateRange: {');
  });

  it.each([
    [
      'orFilter and sorts',
      'after: String, first: Int, orFilter: OrFilterSelectionInput, sorts: [SortInput!]',
      /orFilter: \{ or: \[\{ and: \[\{ fieldId.*sorts: \[\{ by: "updatedAt", order: ASC \}\]/,
    ],
    ['times as text', undefined, /dateTimeRange: \{ start: "2026-[^"]*Z", startInclusive: true \}/],
  ])('%s', async (_, args, expected) => {
    const iso = schema(
      'dateTimeRange: R',
      'input R { start: DateTime startInclusive: Boolean end: DateTime endInclusive: Boolean }',
      args,
    );
    const { page, sent } = source([refusal, iso, pageOf([])]);
    await page();
    expect(sent[2]?.query.replace(/\s+/g, ' ')).toMatch(expected);
  });

  it('is not asked for again within a day where it does not help', async () => {
    const endless = old.replace('ASC', `ASC${'x'.repeat(450_000)}`);
    // Each of these would take minutes to read if a search began again at each quote, type, letter or range.
    const long = [
      ...['"\\', 'type  '].map((part) => part.repeat(1_000_000 / part.length)),
      schema('x'.repeat(1_000_000), ''),
      schema(
        Array.from({ length: 30_000 }, (_, i) => `range${i}: R`).join(' '),
        `input R { ${'x: Int '.repeat(60_000)} }`,
      ),
    ];
    for (const text of ['type Query { x: Int }', '<html>', '', schema('', ''), endless, ...long]) {
      const { page, sent, source: made } = source([refusal, text]);
      await expect(page()).rejects.toThrow(RefusedRequestError);
      expect(sent).toHaveLength(2);
      expect(JSON.stringify(made.learned).length).toBeLessThan(1_000);
      const next = source([refusal], { learned: made.learned });
      await expect(next.page()).rejects.toThrow(RefusedRequestError);
      expect(next.sent).toHaveLength(1);
    }
  });
});

describe('a count', () => {
  it('is the total, of an hour', async () => {
    const { total, sent } = source(['{"data":{"alerts":{"totalCount":7}}}']);
    expect(await total()).toBe(7);
    expect(sent[0]?.variables).toEqual({ first: 1 });
    expect(sent[0]?.query).toContain(`end: ${Date.parse(at(0))}, endInclusive: false`);
  });

  it('is an error where there is none', async () => {
    await expect(source(['{"data":{"alerts":{}}}']).total()).rejects.toThrow(UnreadableAnswerError);
    await expect(source([errors('Access denied')]).total()).rejects.toThrow(PermissionMissingError);
  });
});
