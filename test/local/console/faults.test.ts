import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Fault, faultFor, faults } from '../../../local/console/faults.ts';
import { activity, at, idsOf, putAll, startConsole, threat } from './harness.ts';

let given: Awaited<ReturnType<typeof startConsole>>;
beforeAll(async () => {
  given = await startConsole({ rateLimits: true });
  putAll(given.console, 'threats', [threat('1', at(1)), threat('2', at(2))]);
  putAll(given.console, 'activities', [activity('1', at(1)), activity('2', at(2))]);
});
afterAll(() => given.close());
beforeEach(() => {
  given.console.faults.length = 0;
  given.console.requests.length = 0;
  given.clock.monotonicMs += 60_000;
});

const always = (fault: Fault) => given.console.faults.push(faultFor({}, fault));
const query = { sortBy: 'id', limit: 1 };

describe('answers that are not the console’s own', () => {
  // biome-ignore format: one case a line
  const answers: [name: string, fault: Fault, status: number, type: string, body: RegExp][] = [
    ['unauthorized', faults.unauthorized, 401, 'application/json', /4010010.*echoed-token/],
    ['forbidden', faults.forbidden, 403, 'application/json', /4030010/],
    ['serverError', faults.serverError, 500, 'application/json', /5000010/],
    ['badGateway', faults.badGateway, 502, 'text/html', /<html>/],
    ['unavailable', faults.unavailable('3'), 503, 'text/html', /<html>/],
    ['tooManyRequests', faults.tooManyRequests(), 429, 'text/html', /<html>/],
    ['refusedPageToken', faults.refusedPageToken, 400, 'application/json', /cursor/],
    ['htmlWithStatus200', faults.htmlWithStatus200, 200, 'text/html', /<html>/],
    ['brokenJson', faults.brokenJson, 200, 'application/json', /na$/],
    ['dataMissing', faults.dataMissing, 200, 'application/json', /^\{"pagination"/],
    ['dataNull', faults.dataNull, 200, 'application/json', /"data":null/],
  ];
  it.each(answers)('%s', async (_name, fault, status, type, text) => {
    always(fault);
    const { statusCode, headers, body } = await given.ask('/threats');
    expect([statusCode, headers['content-type']]).toEqual([status, type]);
    expect(body).toMatch(text);
  });

  it.each([undefined, '7', 'Sun, 01 Mar 2026 12:00:07 GMT', 'soon'])(
    '429 with Retry-After %j',
    async (retryAfter) => {
      always(faults.tooManyRequests(retryAfter));
      expect((await given.ask('/threats')).headers['retry-after']).toBe(retryAfter);
    },
  );

  it('a redirect to another host', async () => {
    always(faults.redirected('https://elsewhere.example/'));
    const { statusCode, headers } = await given.ask('/threats');
    expect([statusCode, headers.location]).toEqual([302, 'https://elsewhere.example/']);
  });

  it('a gzip bomb: little to send, much to unpack', async () => {
    always(faults.gzipBomb(8));
    const raw = {
      decompress: false,
      responseType: 'buffer',
      headers: { 'accept-encoding': 'gzip' },
    } as const;
    const { rawBody, headers } = await given.ask('/threats', {}, raw);
    expect(headers['content-encoding']).toBe('gzip');
    expect(rawBody.length).toBeLessThan(2 ** 17);
    expect(gunzipSync(rawBody).length).toBe(8 * 2 ** 20);
  });

  it('no Date', async () => {
    always(faults.withoutDate);
    expect((await given.ask('/threats')).headers.date).toBeUndefined();
  });
});

describe('answers that go wrong on the way', () => {
  const failure = (options = {}) =>
    given.ask('/threats', {}, options).then(
      () => 'answered',
      (error: { code: string }) => error.code,
    );

  it('a hang: asked, never answered', async () => {
    always(faults.hang);
    expect(await failure({ timeout: { response: 50 } })).toBe('ETIMEDOUT');
    expect(given.console.requests[0]).not.toHaveProperty('status');
  });

  it('a reset', async () => {
    always(faults.reset);
    expect(await failure()).toBe('ECONNRESET');
  });

  it('a body that is cut off', async () => {
    always(faults.truncated(20));
    expect(await failure()).not.toBe('answered');
    expect(given.console.requests[0]?.status).toBe(200);
  });

  it('parts combine: a late 503 in small pieces', async () => {
    always({ ...faults.unavailable('1'), ...faults.slow(5), ...faults.trickled(64, 1) });
    const { statusCode, body } = await given.ask('/threats');
    expect([statusCode, body.endsWith('</html>\r\n')]).toEqual([503, true]);
  });
});

describe('pages that lead astray', () => {
  const nextOf = async (more = {}) =>
    JSON.parse((await given.ask('/threats', { ...query, ...more })).body).pagination;

  it('the page token that was sent, again', async () => {
    const { nextCursor } = await nextOf();
    always(faults.nextPage('repeated'));
    expect((await nextOf({ cursor: decodeURIComponent(nextCursor) })).nextCursor).toBe(nextCursor);
    expect((await nextOf()).nextCursor).toBe(nextCursor);
  });

  it.each([
    ['empty', { nextCursor: '', totalItems: 2 }],
    ['null-string', { nextCursor: 'null', totalItems: 2 }],
    ['missing', { totalItems: 2 }],
    ['no-pagination', null],
  ] as const)('the end as %s', async (form, pagination) => {
    always(faults.nextPage(form));
    expect(await nextOf()).toEqual(pagination);
    expect(idsOf((await given.ask('/threats', query)).body)).toEqual(['1']);
  });
});

describe('which requests have a fault', () => {
  const statuses = async (paths: string[]) => {
    const all: number[] = [];
    for (const path of paths) all.push((await given.ask(path)).statusCode);
    return all;
  };

  it('the nth request to a path, so many times', async () => {
    given.console.faults.push(faultFor({ path: '/threats', nth: 2, times: 2 }, faults.serverError));
    expect(await statuses(['/threats', '/agents', '/threats', '/threats', '/threats'])).toEqual([
      200, 200, 500, 500, 200,
    ]);
  });

  it('later pages only, or first pages only', async () => {
    const { nextCursor } = JSON.parse((await given.ask('/threats', query)).body).pagination;
    const cursor = decodeURIComponent(nextCursor);
    given.console.faults.push(
      faultFor({ page: 'later' }, faults.refusedPageToken),
      faultFor({ page: 'first' }, faults.badGateway),
    );
    expect((await given.ask('/threats', { ...query, cursor })).statusCode).toBe(400);
    expect((await given.ask('/threats', query)).statusCode).toBe(502);
  });

  it('any rule of one’s own', async () => {
    given.console.faults.push(({ query }) => (query.limit === '7' ? faults.serverError : undefined));
    expect((await given.ask('/threats', { limit: 7 })).statusCode).toBe(500);
    expect((await given.ask('/threats', { limit: 8 })).statusCode).toBe(200);
  });
});

describe('request rates', () => {
  const burst = async (path: string, count: number) => {
    const answers = await Promise.all(
      Array.from({ length: count }, () => given.ask(path, { skipCount: true })),
    );
    return answers.filter(({ statusCode }) => statusCode === 429);
  };

  it.each([
    ['/threats', 50],
    ['/activities', 30],
    ['/agents', 25],
    ['/system/status', 1],
  ])('%s takes a burst of %i and answers the next in HTML', async (path, allowed) => {
    const refused = await burst(path, allowed + 1);
    expect(refused).toHaveLength(1);
    expect(refused[0]?.headers['content-type']).toBe('text/html');
    expect(refused[0]?.headers['retry-after']).toBeUndefined();
  });

  it('each path and token has a rate of its own', async () => {
    given.console.tokens.push({ token: 'another' });
    expect(await burst('/threats', 51)).toHaveLength(1);
    const other = await given.ask('/threats', {}, { headers: { authorization: 'ApiToken another' } });
    expect([other.statusCode, (await given.ask('/agents')).statusCode]).toEqual([200, 200]);
  });

  it('time brings more', async () => {
    await burst('/threats', 51);
    given.clock.monotonicMs += 500;
    expect(await burst('/threats', 6)).toHaveLength(1);
  });

  it.each([
    ['seconds', '1'],
    ['date', 'Sun, 01 Mar 2026 12:00:01 GMT'],
  ] as const)('a 429 can say when to come back, in %s', async (retryAfter, value) => {
    const other = await startConsole({ rateLimits: true, retryAfter });
    await other.ask('/system/status');
    expect((await other.ask('/system/status')).headers['retry-after']).toBe(value);
    await other.close();
  });
});
