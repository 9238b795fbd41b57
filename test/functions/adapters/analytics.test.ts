import { once } from 'node:events';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { witfooAnalytics } from '../../../functions/adapters/analytics.ts';
import type { Search } from '../../../functions/forward/ports.ts';
import { type Analytics, startAnalytics } from '../../../local/analytics/analytics.ts';
import { type Fault, faults } from '../../../local/analytics/faults.ts';
import type { Answer } from '../../../local/console/answer.ts';
import { createAuthority, createServerCertificate } from '../../../local/console/certificates.ts';

const [email, password, token] = ['collector@example.com', 'hunter2-password', 'hunter2.jwt.token'];
const body = '{"artifacts":[{"source":"sentinelone","raw":"hunter2-record"}]}';
const maxBytes = 512 * 1024;
const search: Search = { query: 'a', start: '2026-03-01', end: '2026-03-02', limit: 10, offset: 0, maxBytes };
const secrets = /hunter2/;

let standIn: Analytics;
const agent = https.globalAgent;

beforeAll(async () => {
  standIn = await startAnalytics({ users: [{ email, password, permissions: [] }] });
});
beforeEach(() => {
  https.globalAgent = new https.Agent({ ca: standIn.caPem });
});
afterEach(() => {
  https.globalAgent = agent;
  standIn.faults.length = 0;
});
afterAll(() => standIn.close());

const faultFor = (fault: Fault) => standIn.faults.push(() => fault);
const says = (status: number, reply: object | string, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: typeof reply === 'string' ? reply : JSON.stringify(reply),
});

/** Of each call at this address: what it throws. Nothing in that is a secret. */
async function errors(url: string, timeoutMs = 10_000) {
  const analytics = witfooAnalytics(url);
  const calls = {
    login: () => analytics.login({ email, password }, timeoutMs),
    ingest: () => analytics.ingest(token, body, timeoutMs),
    search: () => analytics.search(token, search, timeoutMs),
  };
  const found: Record<string, { name: string; message: string; state?: string; remedy?: string }> = {};
  for (const [name, call] of Object.entries(calls)) {
    const error = await call().then(
      () => new Error('it is taken'),
      (caught: unknown) => caught,
    );
    expect(inspect(error, { depth: null, showHidden: true })).not.toMatch(secrets);
    found[name] = error as Error;
  }
  return found;
}

async function allAre(url: string, expected: object, timeoutMs?: number): Promise<void> {
  for (const error of Object.values(await errors(url, timeoutMs))) expect(error).toMatchObject(expected);
}

describe('what keeps an answer from coming is unreachable, with a remedy of its own', () => {
  const unreachable = { name: 'UnreachableError', state: 'unreachable' };

  test('a certificate that nobody trusts', async () => {
    https.globalAgent = new https.Agent();
    await allAre(standIn.url, { ...unreachable, remedy: expect.stringMatching(/private CA/) });
  });

  test('a certificate of another host', async () => {
    const lookup: https.AgentOptions['lookup'] = (_host, _options, done) =>
      done(null, [{ address: '127.0.0.1', family: 4 }]);
    https.globalAgent = new https.Agent({ ca: standIn.caPem, lookup });
    const { port } = new URL(standIn.url);
    await allAre(`https://other.invalid:${port}`, {
      ...unreachable,
      message: expect.stringMatching(/certificate/),
      remedy: expect.stringMatching(/private CA/),
    });
  });

  test('a host without an address', async () => {
    const lookup: https.AgentOptions['lookup'] = (host, _options, done) =>
      done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }), '');
    https.globalAgent = new https.Agent({ lookup });
    await allAre('https://analytics.invalid', {
      ...unreachable,
      message: 'analytics.invalid has no address in DNS (ENOTFOUND)',
      remedy: expect.stringMatching(/analyticsUrl, and name resolution/),
    });
  });

  test('a port where nobody listens', async () => {
    await allAre('https://127.0.0.1:1', { ...unreachable, message: expect.stringMatching(/ECONNREFUSED/) });
  });

  test('a proxy where nobody listens', async () => {
    https.globalAgent = new https.Agent({ proxyEnv: { HTTPS_PROXY: 'http://127.0.0.1:1' } });
    await allAre('https://analytics.invalid', unreachable);
  });

  test('an answer that does not come in time', async () => {
    faultFor(faults.hang);
    await allAre(
      standIn.url,
      { ...unreachable, message: expect.stringMatching(/does not answer .* in time/) },
      200,
    );
  });

  test.each([
    ['cut before', faults.cut],
    ['cut after', faults.answerLost],
    ['truncated', { ...faults.status(200), ...faults.truncated(5) }],
  ])('an answer that is %s', async (_, fault) => {
    faultFor(fault);
    await allAre(standIn.url, { ...unreachable, remedy: expect.stringMatching(/Retried automatically/) });
  });

  test.each([408, 429, 500, 502, 503, 504])('a %i, with what it asks for', async (status) => {
    faultFor(faults.status(status, { 'retry-after': '7' }));
    await allAre(standIn.url, { ...unreachable, retryAfterMs: 7_000 });
  });
});

describe('what is answered by something else than the API', () => {
  test('as a redirect is not followed: the address is wrong', async () => {
    faultFor(faults.redirected('https://hunter2.example.com/login'));
    await allAre(standIn.url, {
      name: 'MisconfiguredError',
      attribute: 'analyticsUrl',
      state: 'misconfigured',
    });
    expect(new Set(standIn.requests.slice(-3).map(({ path }) => path))).toEqual(
      new Set(['/v1/auth/login', '/v1/artifacts']),
    );
  });

  test('as a 404 or 405: the address is wrong', async () => {
    for (const status of [404, 405]) {
      standIn.faults.length = 0;
      faultFor(faults.status(status));
      await allAre(standIn.url, {
        name: 'MisconfiguredError',
        remedy: expect.stringMatching(/analyticsUrl/),
      });
    }
  });

  test.each([
    ['a page of HTML', faults.html],
    ['nothing', { answer: says(200, '') }],
    ['null', { answer: says(200, 'null') }],
    ['no success', { answer: says(200, { success: false, message: 'hunter2.jwt.token' }) }],
    ['success alone', { answer: says(200, { success: true }) }],
    [
      'other types',
      { answer: says(200, { success: true, data: { token: 7, accepted: '1', artifacts: {} } }) },
    ],
  ])('as %s can not be read', async (_, fault) => {
    faultFor(fault);
    await allAre(standIn.url, { name: 'UnreadableReplyError', state: 'unreadable' });
  });
});

describe('an answer without end', () => {
  /** Packed, it is small. */
  const endless = 'x'.repeat(32 * maxBytes);

  test('is not read on: a search asks for less, anything else is answered by something else', async () => {
    faultFor({ answer: says(200, `{"success":true,"data":{},"x":"${endless}"}`) });
    const { login, ingest, search } = await errors(standIn.url);
    for (const error of [login, ingest])
      expect(error).toMatchObject({
        name: 'UnreadableReplyError',
        message: expect.stringMatching(/1048576 bytes/),
      });
    expect(search).toMatchObject({
      name: 'HeavyReplyError',
      message: expect.stringMatching(/524288 bytes/),
    });
  });

  test('counts by its status where it is none of success', async () => {
    faultFor({ answer: says(503, endless) });
    await allAre(standIn.url, { name: 'UnreachableError', message: expect.stringMatching(/answers 503 to/) });
  });

  test('has its connection cut, and most of it is never sent', async () => {
    let sent = 0;
    const authority = await createAuthority('an authority of tests');
    const pair = await createServerCertificate(authority, ['127.0.0.1']);
    const server = https.createServer(pair, (request, response) => {
      request.resume();
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 'x'))) sent += 65_536;
      };
      response.on('drain', more).writeHead(200);
      more();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    https.globalAgent = new https.Agent({ ca: authority.cert });
    const { port } = server.address() as AddressInfo;
    const closed = new Promise((resolve) => {
      server.once('secureConnection', (socket) => socket.on('error', () => undefined).once('close', resolve));
    });
    await expect(
      witfooAnalytics(`https://127.0.0.1:${port}`).search(token, search, 10_000),
    ).rejects.toMatchObject({ name: 'HeavyReplyError' });
    await closed;
    server.close();
    expect(sent).toBeLessThan(32 * maxBytes);
  });
});

test.each([200, 302, 400, 401, 403, 404, 409, 413, 422, 423, 429, 500, 503])(
  'a %i that echoes what was sent tells neither password nor token',
  async (status) => {
    standIn.faults.push(({ route }) => {
      const message = `you sent ${route === 'login' ? password : token}`;
      return { answer: says(status, { success: false, message, data: { message } }) };
    });
    await errors(standIn.url);
  },
);

test('what it says about a receipt holds no token, and is short', async () => {
  const message = `${token} `.repeat(100);
  faultFor({ answer: says(200, { success: true, message, data: { accepted: 0, rejected: 1 } }) });
  const receipt = await witfooAnalytics(standIn.url).ingest(token, body, 10_000);
  expect(receipt).toMatchObject({ accepted: 0, rejected: 1 });
  expect(receipt.message).not.toMatch(secrets);
  expect(receipt.message.length).toBeLessThanOrEqual(300);
});

test('a login that is refused in any way says so, and how to mend it', async () => {
  for (const status of [400, 401, 403, 422, 423]) {
    standIn.faults.length = 0;
    faultFor(faults.status(status));
    const { login } = await errors(standIn.url);
    expect(login).toMatchObject({ name: 'LoginRefusedError', state: 'unauthorized' });
    expect(login?.remedy).toMatch(/email and password in the secret/);
  }
});

test.each([
  [401, 'TokenRefusedError'],
  [403, 'PermissionRefusedError'],
  [400, 'RequestRefusedError'],
  [413, 'RequestRefusedError'],
  [422, 'RequestRefusedError'],
])('a %i to ingest and search is a %s, in the words of Analytics', async (status, name) => {
  faultFor({ answer: says(status, { success: false, message: 'because' }) });
  const { ingest, search } = await errors(standIn.url);
  expect(ingest).toMatchObject({ name, message: expect.stringMatching(/ to POST \/artifacts: because$/) });
  expect(search).toMatchObject({ name, message: expect.stringMatching(/ to GET \/artifacts: because$/) });
});

test('an address with a path is taken as it is, before /v1', async () => {
  for (const base of ['', '/', '/api']) await errors(`${standIn.url}${base}`);
  expect(new Set(standIn.requests.slice(-9).map(({ path }) => path))).toEqual(
    new Set(['/v1/auth/login', '/v1/artifacts']),
  );
  await errors(`${standIn.url}/elsewhere`);
  expect(standIn.requests.at(-1)?.path).toBe('/elsewhere/v1/artifacts');
});

describe('what something before Analytics answers', () => {
  /** It echoes what was sent. */
  const page = (status: number) =>
    standIn.faults.push(({ route }) => {
      const text = `Blocked by policy 7, ${route === 'login' ? password : token}`;
      const html = `<html><title>${status}</title><script>x()</script>${text}</html>`;
      return { answer: says(status, html, { 'content-type': 'text/html' }) };
    });

  test.each([
    [403, /firewalls and proxies/],
    [451, /firewalls and proxies/],
    [407, /setting proxy/],
  ])('%i is a matter of the way there, in its words', async (status, remedy) => {
    page(status);
    await allAre(standIn.url, {
      name: 'UnreachableError',
      message: expect.stringMatching(/: \d+ Blocked by policy 7, /),
      remedy: expect.stringMatching(remedy),
    });
  });

  test('410 is an address that is wrong', async () => {
    page(410);
    await allAre(standIn.url, { name: 'MisconfiguredError', remedy: expect.stringMatching(/analyticsUrl/) });
  });
});

test.each([
  ['3.5', 4_000],
  ['900, 900', 900_000],
  // Never the fault of the message, also without a time.
  ['soon', 0],
])('Retry-After: %s is heard', async (value, retryAfterMs) => {
  faultFor({ answer: says(429, { success: false, message: 'slower' }, { 'retry-after': value }) });
  await allAre(standIn.url, { name: 'UnreachableError', retryAfterMs });
});

test('a status counts also where the body is odd', async () => {
  for (const headers of [
    { 'content-encoding': 'gzip' },
    { 'content-encoding': 'br', date: 'x', location: '::' },
  ]) {
    standIn.faults.length = 0;
    faultFor({ answer: says(401, 'neither gzip nor brotli', headers) });
    const { ingest, search } = await errors(standIn.url);
    for (const error of [ingest, search]) expect(error).toMatchObject({ name: 'TokenRefusedError' });
  }
  standIn.faults.length = 0;
  faultFor({ ...page401(), truncateAt: 5 });
  const { ingest } = await errors(standIn.url);
  expect(ingest).toMatchObject({ name: 'TokenRefusedError' });
});

const page401 = () => ({ answer: says(401, { success: false, message: 'a token that ended' }) });

test('a byte order mark before an answer does no harm', async () => {
  faultFor({
    answer: says(200, `\uFEFF${JSON.stringify({ success: true, data: { accepted: 1, rejected: 0 } })}`),
  });
  expect(await witfooAnalytics(standIn.url).ingest(token, body, 10_000)).toMatchObject({ accepted: 1 });
});
