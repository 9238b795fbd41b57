import { X509Certificate } from 'node:crypto';
import got from 'got';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAuthority } from '../../../local/console/certificates.ts';
import {
  answerOf,
  artifact,
  at,
  credentials,
  failure,
  type Given,
  held,
  idsIn,
  noon,
  startGiven,
} from './harness.ts';

let given: Given;
beforeEach(async () => {
  given = await startGiven();
});
afterEach(() => given.close());

const no = (status: number, message: string) => ({ status, body: { success: false, message } });
const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
const day = 24 * 60 * 60;

describe('the way to Analytics', () => {
  it('is trusted by its own authority, under its address and under localhost', async () => {
    const { port } = new URL(given.analytics.url);
    expect(given.analytics.url).toBe(`https://127.0.0.1:${port}`);
    expect(await failure(given.ask('/'))).toBe('answered');
    const https = { certificateAuthority: given.analytics.caPem };
    const retry = { limit: 0 };
    expect(
      (await got(`https://localhost:${port}/`, { https, retry, throwHttpErrors: false })).statusCode,
    ).toBe(404);
    expect(await failure(got(given.analytics.url, { retry }))).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    expect(new X509Certificate(given.analytics.caPem).ca).toBe(true);
  });

  it('takes an authority that it is given', async () => {
    const authority = await createAuthority('of the test');
    const other = await startGiven({ authority });
    expect(other.analytics.caPem).toBe(authority.cert);
    expect((await other.ask('/')).statusCode).toBe(404);
    await other.close();
  });

  it('leads nowhere but to what is documented, with /api before it or without', async () => {
    const login = { method: 'POST', json: credentials } as const;
    expect((await given.ask('/api/v1/auth/login', login)).statusCode).toBe(200);
    expect((await given.ask('/v1/auth/login', login)).statusCode).toBe(200);
    expect((await given.ask('/api/api/v1/auth/login', login)).statusCode).toBe(404);
    for (const path of ['/', '/v1', '/api', '/v1/auth/login', '/v1/threats'])
      expect(answerOf(await given.ask(path))).toEqual(no(404, 'not found'));
    expect(answerOf(await given.ask('/v1/artifacts', { method: 'DELETE' }))).toEqual(no(404, 'not found'));
  });

  it('says its own time', async () => {
    given.clock.ms = Date.UTC(2030, 0, 1);
    expect((await given.ask('/')).headers.date).toBe('Tue, 01 Jan 2030 00:00:00 GMT');
  });
});

describe('a login', () => {
  it('gives a token for 24 hours, with the documented claims', async () => {
    const { status, body } = await given.login();
    expect(status).toBe(200);
    expect(body).toMatchObject({
      success: true,
      data: { user: { email: credentials.email, role: 'collector' } },
    });
    const [head = ''] = body.data.token.split('.');
    expect(JSON.parse(Buffer.from(head, 'base64url').toString())).toEqual({ alg: 'HS256', typ: 'JWT' });
    expect(claimsOf(body.data.token)).toEqual({
      sub: body.data.user.id,
      email: credentials.email,
      org_id: 'witfoo',
      role: 'collector',
      permissions: ['signals:read', 'signals:write'],
      exp: noon / 1000 + day,
    });
  });

  it.each([
    { email: credentials.email, password: 'wrong' },
    { email: 'nobody@example.com', password: credentials.password },
  ])('is refused with %j', async (wrong) => {
    expect(await given.login(wrong)).toEqual(no(401, 'invalid email or password'));
  });

  it.each([{}, { email: credentials.email }, { email: 1, password: 2 }, []])(
    'cannot be read from %j',
    async (body) => {
      expect(await given.login(body)).toEqual(no(400, 'email and password are required'));
    },
  );

  it('is noted, without what is secret', async () => {
    await given.login();
    await given.login({ ...credentials, password: 'wrong' });
    expect(given.analytics.logins.map(({ at, email, status }) => ({ at, email, status }))).toEqual([
      { at: noon, email: credentials.email, status: 200 },
      { at: noon, email: credentials.email, status: 401 },
    ]);
    expect(JSON.stringify(given.analytics.requests)).not.toMatch(/secret-of-the-test|wrong|eyJ/);
  });

  it('is for those who are users at that moment', async () => {
    const [user] = given.analytics.users;
    if (user) user.password = 'changed';
    expect((await given.login()).status).toBe(401);
    expect((await given.login({ ...credentials, password: 'changed' })).status).toBe(200);
  });
});

describe('a token', () => {
  it('is good until it expires', async () => {
    given.analytics.tokenLifeMs = 60_000;
    const token = await given.token();
    given.clock.ms += 59_999;
    expect((await given.find({}, token)).status).toBe(200);
    given.clock.ms += 1;
    expect(await given.find({}, token)).toEqual(no(401, 'token expired'));
    expect(await given.post([], token)).toEqual(no(401, 'token expired'));
  });

  it('is none any more once all are revoked; the next one is', async () => {
    const token = await given.token();
    given.analytics.revokeTokens();
    expect(await given.find({}, token)).toEqual(no(401, 'invalid token'));
    expect((await given.find()).status).toBe(200);
  });

  it('must be there and unchanged', async () => {
    const [head, body, signature] = (await given.token()).split('.');
    const claims = { ...claimsOf(`.${body}`), exp: noon };
    const forged = Buffer.from(JSON.stringify(claims)).toString('base64url');
    for (const wrong of [`${head}.${forged}.${signature}`, `${head}.${body}.`, `${head}.${body}`, 'x'])
      expect(await given.find({}, wrong)).toEqual(no(401, 'invalid token'));
    const headers = [{}, { authorization: 'Bearer' }, { authorization: `Basic ${credentials.password}` }];
    for (const header of headers)
      expect(answerOf(await given.ask('/v1/artifacts', { headers: header }))).toEqual(
        no(401, 'missing authorization'),
      );
  });

  it('allows what its user may do', async () => {
    const [user] = given.analytics.users;
    if (user) user.permissions = ['signals:read'];
    expect(await given.post([artifact('1')])).toEqual(no(403, 'permission denied'));
    expect((await given.find()).status).toBe(200);
    if (user) user.permissions = ['signals:write'];
    expect(await given.find()).toEqual(no(403, 'permission denied'));
    expect((await given.post([artifact('1')])).status).toBe(200);
  });
});

describe('an ingest', () => {
  it('says how many artifacts it accepted, and they are there as they came', async () => {
    const raw = '{"id":1234567890123456789, "text":"ünïcode \\u0000 \u202e", "n":1.0}';
    const sent = artifact('1', { tags: ['a', 'b'] }, { raw, timestamp: '2026-03-01T11:59:59.123456Z' });
    expect(await given.post([sent, artifact('2')])).toEqual({
      status: 200,
      body: {
        success: true,
        message: 'Artifacts accepted for processing',
        data: { accepted: 2, rejected: 0 },
      },
    });
    const { body } = await given.find({ query: '1234567890123456789' });
    expect(body.data.artifacts).toEqual([
      {
        ...sent,
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        org_id: 'witfoo',
        created_at: '2026-03-01T12:00:00.000000Z',
      },
    ]);
  });

  it('knows no repeats: each is stored, and counted by its id', async () => {
    await given.post([artifact('1'), artifact('2')]);
    await given.post([artifact('1'), { ...artifact('3'), metadata: {} }]);
    expect(held(given.analytics)).toEqual(['1', '2', '1', undefined]);
    expect([...given.analytics.times]).toEqual([
      ['1', 2],
      ['2', 1],
    ]);
    expect((await given.find()).body.data.total).toBe(4);
    expect(given.analytics.acceptedInAll).toBe(4);
  });

  it('gives an artifact without time the time of its arrival', async () => {
    const { timestamp: _, ...timeless } = artifact('1');
    await given.post([timeless]);
    expect((await given.find()).body.data.artifacts[0].timestamp).toBe('2026-03-01T12:00:00.000000Z');
  });

  const malformed: unknown[] = [
    null,
    'text',
    {},
    { ...artifact('x'), source: '' },
    { ...artifact('x'), raw: { id: 'x' } },
    { ...artifact('x'), timestamp: 'yesterday' },
    { ...artifact('x'), timestamp: 1_772_366_400 },
    { ...artifact('x'), metadata: { id: 7 } },
    { ...artifact('x'), metadata: { tags: [null] } },
    { ...artifact('x'), metadata: { clientIP: '' } },
  ];
  it.each(malformed)('rejects %j alone', async (wrong) => {
    const { status, body } = await given.post([artifact('1'), wrong, artifact('2')]);
    expect([status, body.data]).toEqual([200, { accepted: 2, rejected: 1 }]);
    expect(held(given.analytics)).toEqual(['1', '2']);
  });

  it.each(['', 'null', '[]', '{}', '{"artifacts":{}}', '{"artifacts":['])(
    'refuses the body %j',
    async (body) => {
      const headers = { authorization: `Bearer ${await given.token()}` };
      const answer = await given.ask('/v1/artifacts', { method: 'POST', body, headers });
      expect(answerOf(answer)).toEqual(no(400, 'invalid request body'));
    },
  );

  it('is noted with its size, its artifacts and what became of them', async () => {
    const artifacts = [artifact('1'), artifact('2'), {}];
    await given.post(artifacts);
    await given.post(artifacts, 'wrong');
    const bytes = JSON.stringify({ artifacts }).length;
    const seen = { at: noon, route: 'ingest', method: 'POST', path: '/v1/artifacts', bytes, artifacts: 3 };
    expect(given.analytics.posts).toEqual([
      { ...seen, accepted: 2, rejected: 1, status: 200 },
      { ...seen, status: 401 },
    ]);
  });
});

describe('what is held', () => {
  it('is bounded: the oldest go, and with them their counts', async () => {
    const small = await startGiven({ artifactsKept: 2 });
    await small.post([artifact('1'), artifact('2'), artifact('1'), artifact('3')]);
    expect(held(small.analytics)).toEqual(['1', '3']);
    expect([...small.analytics.times]).toEqual([
      ['1', 1],
      ['3', 1],
    ]);
    expect(small.analytics.acceptedInAll).toBe(4);
    await small.close();
  });

  it('is bounded by its text as well', async () => {
    const small = await startGiven({ charactersKept: 25 });
    const ten = (id: string) => artifact(id, {}, { raw: '0123456789' });
    await small.post([ten('1'), ten('2'), ten('3')]);
    expect(held(small.analytics)).toEqual(['2', '3']);
    await small.close();
  });
});

describe('a search', () => {
  it('is newest first; of the same time, what came last', async () => {
    const times = [3, 1, 4, 1, 5].map((seconds, i) => artifact(`${i}`, {}, { timestamp: at(-seconds) }));
    await given.post(times);
    const found = await given.find();
    expect(idsIn(found)).toEqual(['3', '1', '0', '2', '4']);
    expect(found.body).toMatchObject({
      success: true,
      message: 'OK',
      data: { total: 5, limit: 50, offset: 0 },
    });
  });

  it('is in pages of 50, or of up to 1,000', async () => {
    await given.post(Array.from({ length: 1001 }, (_, i) => artifact(`${i}`, {}, { timestamp: at(-i) })));
    const page = async (query: Record<string, number>) => {
      const found = await given.find(query);
      return [idsIn(found)[0], idsIn(found).length, found.body.data.limit, found.body.data.offset];
    };
    expect(await page({})).toEqual(['0', 50, 50, 0]);
    expect(await page({ offset: 50 })).toEqual(['50', 50, 50, 50]);
    expect(await page({ limit: 1000 })).toEqual(['0', 1000, 1000, 0]);
    expect(await page({ limit: 1000, offset: 1000 })).toEqual(['1000', 1, 1000, 1000]);
    expect(await page({ limit: 1, offset: 2000 })).toEqual([undefined, 0, 1, 2000]);
  });

  it('goes by source, exactly', async () => {
    await given.post([artifact('1'), artifact('2', {}, { source: 'suricata' })]);
    expect(idsIn(await given.find({ source: 'suricata' }))).toEqual(['2']);
    expect(idsIn(await given.find({ source: 'Suricata' }))).toEqual([]);
  });

  it('goes by text anywhere in the record, in a value or in a list, in capitals or not', async () => {
    await given.post([
      artifact('1', {}, { raw: 'ET MALWARE Trickbot' }),
      artifact('2', { message: 'a trickbot was found' }),
      artifact('3', { tags: ['none', 'TRICKBOT'] }),
      artifact('4', { trickbot: 'only the key' }),
    ]);
    expect(idsIn(await given.find({ query: 'trickBot' })).sort()).toEqual(['1', '2', '3']);
    expect(idsIn(await given.find({ query: 'malware trick' }))).toEqual(['1']);
  });

  it('goes by event time, the bounds included', async () => {
    await given.post([-2, -1, 0].map((seconds) => artifact(`${seconds}`, {}, { timestamp: at(seconds) })));
    expect(idsIn(await given.find({ start: at(-1) }))).toEqual(['0', '-1']);
    expect(idsIn(await given.find({ end: at(-1) }))).toEqual(['-1', '-2']);
    expect(idsIn(await given.find({ start: at(-1), end: at(-1) }))).toEqual(['-1']);
  });

  it('goes by arrival for events that are more than 30 days old', async () => {
    const limit = artifact('at the limit', {}, { timestamp: at(-30 * day) });
    const older = artifact('older', {}, { timestamp: at(-30 * day - 1) });
    await given.post([limit, older]);
    expect(idsIn(await given.find({ start: at(-1), end: at(1) }))).toEqual(['older']);
    const found = await given.find({ end: at(-day) });
    expect(idsIn(found)).toEqual(['at the limit']);
    const [first] = (await given.find({ start: at(-1) })).body.data.artifacts;
    expect(first.timestamp).toBe(older.timestamp);
  });

  it.each([
    ['limit', '0'],
    ['limit', '1001'],
    ['limit', 'all'],
    ['offset', '-1'],
    ['start', 'yesterday'],
    ['end', '2026-03-01'],
  ])('refuses %s=%s', async (name, value) => {
    expect(await given.find({ [name]: value })).toEqual(no(400, 'invalid query parameters'));
  });

  describe('from within the same process', () => {
    const one = { clientHostname: 'WS-1', userName: 'jane', fileHash: 'ab12', severityLabel: 'high' };
    beforeEach(async () => {
      await given.post([
        artifact('1', { ...one, stream: 'threats', streamName: 'sentinelone' }),
        artifact('2', {
          clientHostname: ['WS-2', 'WS-3'],
          stream: 'activities',
          streamName: 'sentinelone_mgmt',
        }),
      ]);
    });
    const found = (filters: Parameters<Given['analytics']['search']>[0]) =>
      given.analytics.search(filters).map(({ metadata }) => metadata.id);

    it.each([
      ['severity', 'high', 'hig'],
      ['stream', 'threats', 'threat'],
      ['stream', 'sentinelone', ''],
    ])('%s takes whole values: %s is found and %j is not', (field, right, wrong) => {
      expect(found({ [field]: right })).toEqual(['1']);
      expect(found({ [field]: wrong })).toEqual([]);
    });

    it('a list holds each of its entries, and all filters count', () => {
      expect(found({ host: 'WS-3' })).toEqual(['2']);
      expect(found({ host: 'WS-3', stream: 'sentinelone_mgmt' })).toEqual(['2']);
      expect(found({ host: 'WS-3', stream: 'threats' })).toEqual([]);
    });
  });
});
