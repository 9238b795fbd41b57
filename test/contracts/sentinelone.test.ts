import https from 'node:https';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sentinelOne } from '../../functions/adapters/sentinelone.ts';
import type { SentinelOne } from '../../functions/console/api.ts';
import { readPage } from '../../functions/console/page.ts';
import {
  HeavyPageError,
  RefusedRequestError,
  TokenRefusedError,
  UnreachableError,
} from '../../functions/errors.ts';
import { type Consoles, startConsoles } from '../../local/console/consoles.ts';
import { FakeConsole } from '../fakes/console.ts';

const host = 'usea1-contract.sentinelone.net';
const token = 'a-good-token';

/** Two sites, ties across page edges, and ids that do not ascend with time. */
const records = Array.from({ length: 23 }, (_, i) => {
  const time = `2026-03-01T00:00:${String(Math.floor(i / 4)).padStart(2, '0')}.000${i % 2}00Z`;
  const id = String(10n ** 17n + BigInt((i * 7) % 23));
  const siteId = i % 3 === 0 ? '1' : '2';
  return {
    id,
    time,
    siteId,
    text: `{ "id":"${id}", "createdAt":"${time}", "activityType":1, "siteId":"${siteId}" }`,
  };
});
const inOrder = [...records].sort((a, b) =>
  a.time === b.time ? (a.id < b.id ? -1 : 1) : a.time < b.time ? -1 : 1,
);

let consoles: Consoles;
const agent = https.globalAgent;

/** The adapter as it is, through the proxy and the CA that a function gets from its environment. */
beforeAll(async () => {
  consoles = await startConsoles({ hosts: { [host]: { tokens: [{ token }], rateLimits: false } } });
  for (const { text } of records) consoles.console(host).put('activities', text);
  https.globalAgent = new https.Agent({ ca: consoles.caPem, proxyEnv: { HTTPS_PROXY: consoles.proxyUrl } });
});
afterAll(async () => {
  https.globalAgent = agent;
  await consoles.close();
});

const fake = () => new FakeConsole((path) => (path === '/activities' ? records : []), [token], Date.now);

describe.each<[string, () => SentinelOne]>([
  ['the fake', fake],
  ['the adapter', () => sentinelOne],
])('%s', (_, make) => {
  const ask = (query: Record<string, string>, path = '/activities', as = token) =>
    make().get({
      host,
      token: as,
      path,
      query,
      timeoutMs: 10_000,
      maxBytes: 1_000_000,
      whenLarge: async () => undefined,
      signal: new AbortController().signal,
    });
  const sorted = { sortBy: 'createdAt', sortOrder: 'asc', skipCount: 'true' };
  const page = async (query: Record<string, string>) =>
    readPage((await ask({ ...sorted, ...query })).body, Number(query.limit));

  async function all(query: Record<string, string>): Promise<string[]> {
    const texts: string[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const { records: some, next }: ReturnType<typeof readPage> = await page({
        ...query,
        ...(cursor && { cursor }),
      });
      texts.push(...some.map(({ bytes }) => bytes.toString()));
      cursor = next;
    }
    return texts;
  }

  test.each([1, 3, 4, 23, 1000])(
    'lists everything once, in order, byte for byte, with %i a page',
    async (limit) => {
      expect(await all({ limit: String(limit) })).toEqual(inOrder.map(({ text }) => text));
    },
  );

  test('lists from a time on, ties included, and to before a time', async () => {
    const from = inOrder[5]?.time ?? '';
    const before = inOrder[15]?.time ?? '';
    const expected = inOrder.filter(({ time }) => time >= from && time < before).map(({ text }) => text);
    expect(await all({ limit: '4', createdAt__gte: from, createdAt__lt: before })).toEqual(expected);
  });

  test('lists the sites that are asked for, on every page', async () => {
    const expected = inOrder.filter(({ siteId }) => siteId === '1').map(({ text }) => text);
    expect(await all({ limit: '2', siteIds: '1' })).toEqual(expected);
  });

  test('ends a listing without a token, if need be with an empty page', async () => {
    expect(await page({ limit: '1000' })).toMatchObject({ next: undefined });
    expect(await page({ limit: '10', createdAt__gte: '2030-01-01T00:00:00.000000Z' })).toEqual({
      records: [],
      next: undefined,
      split: true,
    });
  });

  test('counts without listing', async () => {
    const { body } = await ask({ limit: '1', countOnly: 'true', createdAt__gte: inOrder[7]?.time ?? '' });
    const { data, pagination } = JSON.parse(body.toString());
    expect(data).toEqual([]);
    expect(pagination.totalItems).toBe(inOrder.filter(({ time }) => time >= (inOrder[7]?.time ?? '')).length);
  });

  test('refuses a page token that it did not make', async () => {
    await expect(page({ limit: '5', cursor: 'not-a-token' })).rejects.toBeInstanceOf(RefusedRequestError);
  });

  test('refuses a wrong token everywhere, and answers a good one at /system/info', async () => {
    await expect(ask({ limit: '1' }, '/activities', 'wrong')).rejects.toBeInstanceOf(TokenRefusedError);
    await expect(ask({}, '/system/info', 'wrong')).rejects.toBeInstanceOf(TokenRefusedError);
    await expect(ask({}, '/system/info')).resolves.toBeDefined();
  });

  test('says when a token ends where it knows, and refuses a wrong one', async () => {
    const asked = { host, timeoutMs: 10_000, signal: new AbortController().signal };
    expect(await make().expiry({ ...asked, token })).toBeUndefined();
    await expect(make().expiry({ ...asked, token: 'wrong' })).rejects.toBeInstanceOf(TokenRefusedError);
  });

  test('says what time it is, in whole seconds', async () => {
    const answer = await ask({ ...sorted, limit: '3' });
    expect((answer.dateMs ?? 1) % 1000).toBe(0);
  });
});

test('the adapter reads when a token ends', async () => {
  const asked = { host, token, timeoutMs: 10_000, signal: new AbortController().signal };
  consoles.console(host).tokens = [{ token, expiresAt: '2036-05-06T07:08:09.123456Z' }];
  expect(await sentinelOne.expiry(asked)).toBe('2036-05-06T07:08:09.123Z');
  consoles.console(host).tokens = [{ token }];
});

describe('an answer of the adapter', () => {
  const body = Buffer.from(`{"data":["${'ä'.repeat(60_000)}"]}`);
  const get = async (encoding: string, packed: Buffer, maxBytes = 1_000_000) => {
    const headers = { 'content-type': 'application/json', 'content-encoding': encoding };
    const rules = consoles.console(host).faults;
    rules.push(() => ({ answer: { status: 200, headers, body: packed } }));
    let waited = 0;
    const request = { host, token, path: '/activities', query: {}, timeoutMs: 10_000, maxBytes };
    const whenLarge = async () => {
      waited += 1;
    };
    try {
      const answer = await sentinelOne.get({ ...request, whenLarge, signal: new AbortController().signal });
      return { answer, waited };
    } finally {
      rules.pop();
    }
  };

  test.each([
    ['gzip', gzipSync(body)],
    ['GZIP', gzipSync(body)],
    ['x-gzip', gzipSync(body)],
    ['deflate', deflateSync(body)],
    ['deflate', deflateRawSync(body)],
    ['deflate', gzipSync(body)],
    ['gzip', deflateSync(body)],
    ['constructor', body],
    ['br', brotliCompressSync(body)],
    ['identity', body],
  ])('may be packed as %s', async (encoding, packed) => {
    const { answer } = await get(encoding, packed);
    expect(answer.body.equals(body)).toBe(true);
  });

  test('waits for memory before more than 256 KiB of it are held, packed or unpacked', async () => {
    const large = Buffer.alloc(256 * 1024 + 1, ' ');
    for (const one of [body, large.subarray(1)]) {
      expect((await get('identity', one)).waited).toBe(0);
      expect((await get('gzip', gzipSync(one))).waited).toBe(0);
    }
    expect((await get('identity', large)).waited).toBeGreaterThan(0);
    expect((await get('gzip', gzipSync(large))).waited).toBeGreaterThan(0);
    expect((await get('br', brotliCompressSync(large))).waited).toBeGreaterThan(0);
  });

  test('that can’t be unpacked is no answer, and one that unpacks to too much is too heavy', async () => {
    await expect(get('gzip', Buffer.from('this is no gzip'))).rejects.toBeInstanceOf(UnreachableError);
    await expect(get('gzip', gzipSync(body).subarray(0, 60))).rejects.toBeInstanceOf(UnreachableError);
    await expect(get('deflate', Buffer.alloc(0))).rejects.toBeInstanceOf(UnreachableError);
    await expect(get('deflate', Buffer.from('x'))).rejects.toBeInstanceOf(UnreachableError);
    await expect(get('gzip', gzipSync(body), body.length - 1)).rejects.toBeInstanceOf(HeavyPageError);
    await expect(get('identity', body, body.length - 1)).rejects.toBeInstanceOf(HeavyPageError);
  });
});
