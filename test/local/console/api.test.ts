import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { plainStream } from '../../../local/console/streams.ts';
import {
  activity,
  at,
  endpoint,
  host,
  idsOf,
  noon,
  pagesOf,
  putAll,
  type Query,
  startConsole,
  threat,
  token,
} from './harness.ts';

const limited = { token: 'no-threats', permissions: ['Activity Page.view', 'Endpoints.view'] };
const oddly = { token: 'oddly-refused', permissions: [], missingPermissionStatus: 401 as const };
const expired = { token: 'expired', createdAt: at(0), expiresAt: '2026-03-01T11:59:59Z' };
const ofOneSite = { token: 'one-site', sees: { siteIds: ['8'] } };

let given: Awaited<ReturnType<typeof startConsole>>;
beforeAll(async () => {
  const lasting = { token, createdAt: at(0), expiresAt: '2027-01-01T00:00:00.000000Z' };
  given = await startConsole({ tokens: [lasting, limited, oddly, expired, ofOneSite] });
  putAll(given.console, 'threats', [threat('101', at(1)), threat('102', at(2, 5)), threat('103', at(2, 6))]);
  putAll(given.console, 'activities', [
    activity('999999999999999999', at(1)),
    activity('1000000000000000000', at(1)),
    activity('1000000000000000001', at(3), { siteId: '8', activityType: 19 }),
  ]);
  given.console.put('activities', activity('5', at(2)), { hidden: true });
  putAll(given.console, 'agents', [
    endpoint('201', at(1)),
    endpoint('202', at(2), { isDecommissioned: true }),
    endpoint('203', at(3), { isUninstalled: true, groupId: '9' }),
  ]);
});
afterAll(() => given.close());
beforeEach(() => {
  given.console.requests.length = 0;
});

const asked = (authorization?: string) => ({ headers: authorization === undefined ? {} : { authorization } });
const errorOf = (body: string) => JSON.parse(body).errors[0];

describe('which records are answered', () => {
  // biome-ignore format: one case a line
  const shown: [what: string, path: string, query: Query, ids: string[]][] = [
    ['the last id first when no sort is asked for', '/threats', {}, ['103', '102', '101']],
    ['ids sorted as numbers', '/activities', { sortBy: 'id' }, ['999999999999999999', '1000000000000000000', '1000000000000000001']],
    ['ascending unless told', '/threats', { sortBy: 'updatedAt' }, ['101', '102', '103']],
    ['descending', '/threats', { sortBy: 'updatedAt', sortOrder: 'desc' }, ['103', '102', '101']],
    ['gte to the microsecond', '/threats', { sortBy: 'id', updatedAt__gte: at(2, 6) }, ['103']],
    ['gt to the microsecond', '/threats', { sortBy: 'id', updatedAt__gt: at(2, 5) }, ['103']],
    ['lt to the microsecond', '/threats', { sortBy: 'id', updatedAt__lt: at(2, 6) }, ['101', '102']],
    ['lte to the microsecond', '/threats', { sortBy: 'id', updatedAt__lte: at(2, 5) }, ['101', '102']],
    ['times by value, whatever their form', '/threats', { sortBy: 'id', updatedAt__gte: '2026-03-01T11:00:02.0+01:00' }, ['102', '103']],
    ['times that nest under threatInfo', '/threats', { sortBy: 'id', createdAt__gt: at(0) }, []],
    ['activities without the hidden', '/activities', { sortBy: 'createdAt', createdAt__gte: at(2) }, ['1000000000000000001']],
    ['hidden activities when asked', '/activities', { sortBy: 'createdAt', createdAt__gte: at(2), includeHidden: true }, ['5', '1000000000000000001']],
    ['activities of some types', '/activities', { activityTypes: '19,20' }, ['1000000000000000001']],
    ['agents that are neither decommissioned nor uninstalled', '/agents', { sortBy: 'id' }, ['201']],
    ['decommissioned agents', '/agents', { sortBy: 'id', isDecommissioned: 'True' }, ['202']],
    ['agents of every kind', '/agents', { sortBy: 'id', isDecommissioned: 'True,False', isUninstalled: 'True,False' }, ['201', '202', '203']],
    ['records of some sites', '/activities', { siteIds: '8,9' }, ['1000000000000000001']],
    ['records of some groups', '/agents', { groupIds: '9', isUninstalled: 'True' }, ['203']],
    ['the first page for an empty page token', '/threats', { sortBy: 'id', limit: 1, cursor: '' }, ['101']],
    ['records after a skip', '/threats', { sortBy: 'id', skip: 2 }, ['103']],
  ];
  it.each(shown)('%s: %s %j', async (_what, path, query, ids) => {
    const { statusCode, body } = await given.ask(path, query);
    expect(statusCode).toBe(200);
    expect(idsOf(body)).toEqual(ids);
  });

  it('ten records unless a limit is sent', async () => {
    given.console.serve('many', plainStream('/many'));
    putAll(
      given.console,
      'many',
      Array.from({ length: 12 }, (_, id) => activity(String(id), at(1))),
    );
    expect(idsOf((await given.ask('/many')).body)).toHaveLength(10);
  });

  it("only what the token's scope holds", async () => {
    const { body } = await given.ask('/activities', {}, asked('ApiToken one-site'));
    expect(idsOf(body)).toEqual(['1000000000000000001']);
    expect(JSON.parse(body).pagination.totalItems).toBe(1);
  });

  it("each record's own text, digits and escapes and spaces and all", async () => {
    const text =
      '{ "id":"301", "threatInfo":{"updatedAt":"2026-03-01T10:00:09Z"}, "n":123456789012345678, "x":[-0,1e400], "s":"\\u0041é\u2028", "a":1,"a":2 }';
    given.console.put('threats', text);
    const { body } = await given.ask('/threats', { ids: '301', skipCount: true });
    given.console.remove('threats', '301');
    expect(body).toBe(`{"data":[${text}],"pagination":{"nextCursor":null},"errors":null}`);
  });
});

describe('what is refused', () => {
  const longList = Array.from({ length: 501 }, (_, id) => id).join();
  // biome-ignore format: one case a line
  const refused: [path: string, query: Query, detail: RegExp][] = [
    ['/threats', { nonsense: 1 }, /nonsense: Unknown field/],
    ['/activities', { updatedAt__gte: at(1) }, /updatedAt__gte: Unknown field/],
    ['/threats', { includeHidden: true }, /includeHidden: Unknown field/],
    ['/activities', { sortBy: 'updatedAt' }, /"updatedAt" is not a valid choice\./],
    ['/threats', { sortBy: 'lastActiveDate' }, /is not a valid choice\./],
    ['/threats', { sortBy: 'siteId' }, /is not a valid choice\./],
    ['/threats', { sortOrder: 'up' }, /is not a valid choice\./],
    ['/threats', { limit: 1001 }, /limit/],
    ['/threats', { limit: 0 }, /limit/],
    ['/threats', { limit: 'ten' }, /limit/],
    ['/threats', { skip: 1001 }, /skip/],
    ['/threats', { skipCount: 'maybe' }, /is not a valid choice\./],
    ['/threats', { updatedAt__gte: 'yesterday' }, /updatedAt__gte/],
    ['/threats', { siteIds: longList }, /siteIds/],
    ['/threats', { cursor: 'nonsense' }, /cursor/],
    ['/threats', { cursor: 'e30=' }, /cursor/],
    ['/threats', { cursor: 'eyJ+' }, /cursor/],
  ];
  it.each(refused)('400 for %s %j', async (path, query, detail) => {
    const { statusCode, body } = await given.ask(path, query);
    expect(statusCode).toBe(400);
    expect(errorOf(body).detail).toMatch(detail);
  });

  it('a page token that was encoded twice, holds anything else, or comes with another sort', async () => {
    const { body } = await given.ask('/threats', { sortBy: 'updatedAt', limit: 1 });
    const arrived = JSON.parse(body).pagination.nextCursor;
    const twice = await given.ask('/threats', { sortBy: 'updatedAt', limit: 1, cursor: arrived });
    const dressed = await given.ask('/threats', {
      sortBy: 'updatedAt',
      limit: 1,
      cursor: `${decodeURIComponent(arrived)}!`,
    });
    const unsorted = await given.ask('/threats', { limit: 1, cursor: decodeURIComponent(arrived) });
    expect([twice.statusCode, dressed.statusCode, unsorted.statusCode]).toEqual([400, 400, 400]);
  });

  it('a path that is not there', async () => {
    const { statusCode, body } = await given.ask('/nothing');
    expect([statusCode, errorOf(body).code]).toEqual([404, 4040010]);
  });
});

describe('pages', () => {
  const query = { sortBy: 'updatedAt', sortOrder: 'asc', limit: 1 };

  it('name their successor in base64 JSON that is percent-encoded already and holds no filters', async () => {
    const { body } = await given.ask('/threats', { ...query, updatedAt__gte: at(2) });
    const { nextCursor } = JSON.parse(body).pagination;
    expect(nextCursor).toMatch(/%3D$/);
    const held = JSON.parse(Buffer.from(decodeURIComponent(nextCursor), 'base64').toString());
    expect(Object.keys(held)).toEqual(['id_column', 'id_value', 'sort_by_column', 'sort_by_value']);
    expect(held).toMatchObject({ id_value: '102', sort_by_column: 'updatedAt' });
    const unfiltered = await given.ask('/threats', {
      ...query,
      limit: 2,
      cursor: decodeURIComponent(nextCursor),
    });
    expect(idsOf(unfiltered.body)).toEqual(['103']);
  });

  it('end with an empty one when the last full page held the last record', async () => {
    const sizes: number[] = [];
    for await (const { data } of pagesOf(given.ask, '/threats', query)) sizes.push(data.length);
    expect(sizes).toEqual([1, 1, 1, 0]);
  });

  it('end without a token when the last page is not full', async () => {
    const { body } = await given.ask('/threats', { ...query, limit: 4 });
    expect(JSON.parse(body).pagination.nextCursor).toBeNull();
  });

  it('count on the first page only', async () => {
    const totals: number[] = [];
    for await (const { pagination } of pagesOf(given.ask, '/threats', query))
      totals.push(pagination.totalItems);
    expect(totals).toEqual([3, 0, 0, 0]);
  });

  it('count no further than the stream counts', async () => {
    given.console.serve('capped', plainStream('/capped', { totalCap: 2 }));
    putAll(given.console, 'capped', [activity('1', at(1)), activity('2', at(1)), activity('3', at(1))]);
    expect(JSON.parse((await given.ask('/capped')).body).pagination.totalItems).toBe(2);
  });

  it('count nothing when told to skip it, and nothing else when told to count', async () => {
    const skipped = JSON.parse((await given.ask('/threats', { ...query, skipCount: true })).body);
    const counted = JSON.parse((await given.ask('/threats', { ...query, countOnly: true })).body);
    expect(skipped.pagination).not.toHaveProperty('totalItems');
    expect(counted).toEqual({ data: [], pagination: { nextCursor: null, totalItems: 3 }, errors: null });
  });

  it('are without a record that was removed', async () => {
    given.console.put('threats', threat('402', at(1)));
    expect(idsOf((await given.ask('/threats')).body)).toContain('402');
    given.console.remove('threats', '402');
    expect(idsOf((await given.ask('/threats')).body)).not.toContain('402');
  });

  it('show a record again, once it has changed behind the place reached', async () => {
    given.console.put('threats', threat('401', at(1)));
    const ids: string[] = [];
    for await (const { data } of pagesOf(given.ask, '/threats', query)) {
      ids.push(...data.map(({ id }: { id: string }) => id));
      if (ids.at(-1) === '401') given.console.put('threats', threat('401', at(30)));
      if (ids.filter((id) => id === '401').length === 2) break;
    }
    given.console.remove('threats', '401');
    expect(ids).toEqual(['101', '401', '102', '103', '401']);
  });
});

describe('who may ask', () => {
  it.each([undefined, 'ApiToken wrong', `Bearer ${token}`, token, 'ApiToken expired'])(
    '401 for %j',
    async (authorization) => {
      const { statusCode, body } = await given.ask('/threats', {}, asked(authorization));
      expect([statusCode, errorOf(body).code]).toEqual([401, 4010010]);
    },
  );

  it('a wrong token is echoed', async () => {
    const { body } = await given.ask('/threats', {}, asked('ApiToken wrong'));
    expect(errorOf(body).params).toEqual({ apiToken: 'wrong' });
  });

  it.each([
    ['/threats', 'no-threats', 403, 4030010],
    ['/threats', 'oddly-refused', 401, 4010010],
  ])('a missing permission refuses %s to %s with %i', async (path, asker, status, code) => {
    const { statusCode, body } = await given.ask(path, {}, asked(`ApiToken ${asker}`));
    expect([statusCode, errorOf(body).code]).toEqual([status, code]);
  });

  it.each(['/activities', '/agents', '/system/info'])('other permissions still hold for %s', async (path) => {
    expect((await given.ask(path, {}, asked('ApiToken no-threats'))).statusCode).toBe(200);
  });

  it('nobody needs a token for the system status', async () => {
    const { statusCode, body } = await given.ask('/system/status', {}, asked());
    expect([statusCode, JSON.parse(body)]).toEqual([200, { data: { health: 'ok' } }]);
  });

  it('a token can ask when it expires', async () => {
    const { body } = await given.ask(
      '/users/api-token-details',
      {},
      { method: 'POST', json: { data: { apiToken: token } } },
    );
    expect(JSON.parse(body)).toEqual({
      data: { createdAt: at(0), expiresAt: '2027-01-01T00:00:00.000000Z' },
    });
  });

  it.each(['{', '{"data":{"apiToken":"wrong"}}'])('the expiry of nothing is refused: %s', async (body) => {
    const { statusCode } = await given.ask('/users/api-token-details', {}, { method: 'POST', body });
    expect(statusCode).toBe(400);
  });
});

describe('around the answers', () => {
  it("the Date header tells the console's own time", async () => {
    expect((await given.ask('/threats')).headers.date).toBe(new Date(noon).toUTCString());
  });

  it('gzip for those who take it, and plain for others', async () => {
    const packed = await given.ask(
      '/threats',
      {},
      {
        decompress: false,
        responseType: 'buffer',
        headers: { ...asked(`ApiToken ${token}`).headers, 'accept-encoding': 'gzip' },
      },
    );
    const plain = await given.ask('/threats', {}, { decompress: false });
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(gunzipSync(packed.body).toString()).toBe(plain.body);
  });

  it('every request is remembered, with the token that was sent', async () => {
    await given.ask('/threats', { limit: 5 });
    await given.ask('/agents', {}, asked('ApiToken wrong'));
    expect(given.console.requests).toEqual([
      { at: noon, method: 'GET', path: '/threats', query: { limit: '5' }, token, status: 200 },
      { at: noon, method: 'GET', path: '/agents', query: {}, token: 'wrong', status: 401 },
    ]);
  });

  it('a made-up stream takes one line', async () => {
    given.console.serve('exclusions', plainStream('/exclusions', { permission: 'Exclusions.view' }));
    given.console.put('exclusions', activity('1', at(1)));
    expect(
      idsOf((await given.ask('/exclusions', { sortBy: 'updatedAt', updatedAt__gte: at(1) })).body),
    ).toEqual(['1']);
    expect((await given.ask('/exclusions', {}, asked('ApiToken no-threats'))).statusCode).toBe(403);
  });

  it('a host that is nobody is misdirected', async () => {
    const headers = { host: `not-${host}` };
    const { statusCode } = await given.ask('/threats', {}, { headers, https: { serverName: host } });
    expect(statusCode).toBe(421);
  });
});
