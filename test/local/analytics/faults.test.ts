import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Fault, faultFor, faults, type RequestMatch } from '../../../local/analytics/faults.ts';
import { artifact, failure, type Given, held, idsIn, startGiven } from './harness.ts';

let given: Given;
let token: string;
beforeEach(async () => {
  given = await startGiven();
  token = await given.token();
});
afterEach(() => given.close());

const spoil = (fault: Fault, which: RequestMatch = {}) => given.analytics.faults.push(faultFor(which, fault));
const artifacts = ['1', '2', '3'].map((id) => artifact(id));
const named =
  (id: string) =>
  ({ metadata }: { metadata?: Record<string, unknown> }) =>
    metadata?.id === id;
const postRaw = (options = {}) =>
  given.ask('/v1/artifacts', {
    method: 'POST',
    json: { artifacts },
    headers: { authorization: `Bearer ${token}` },
    ...options,
  });

describe('which requests have a fault', () => {
  it('those of a route, from the nth on, so many', async () => {
    spoil(faults.status(503), { route: 'ingest', nth: 2, times: 2 });
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await given.post(artifacts, token)).status);
    expect(statuses).toEqual([200, 503, 503, 200]);
    expect((await given.find({}, token)).status).toBe(200);
    expect(given.analytics.posts.map(({ status }) => status)).toEqual(statuses);
  });

  it('those while a switch is on', async () => {
    let isOn = true;
    spoil(faults.status(500), { while: () => isOn });
    expect((await given.find({}, token)).status).toBe(500);
    expect((await given.login()).status).toBe(500);
    isOn = false;
    expect((await given.find({}, token)).status).toBe(200);
  });

  it('the first rule that names a fault wins', async () => {
    spoil(faults.status(502), { route: 'login' });
    spoil(faults.status(503));
    expect([(await given.login()).status, (await given.find({}, token)).status]).toEqual([502, 503]);
  });
});

describe('faults of an answer', () => {
  // biome-ignore format: one case a line
  const answers: [name: string, fault: Fault, status: number, message: string][] = [
    ['wrongCredentials', faults.wrongCredentials, 401, 'invalid email or password'],
    ['tokenExpired', faults.tokenExpired, 401, 'token expired'],
    ['forbidden', faults.forbidden, 403, 'permission denied'],
    ['status', faults.status(429), 429, 'status 429 on purpose'],
  ];
  it.each(answers)(
    '%s takes the place of its own, and nothing is stored',
    async (_name, fault, status, message) => {
      spoil(fault);
      expect(await given.post(artifacts, token)).toEqual({ status, body: { success: false, message } });
      expect(held(given.analytics)).toEqual([]);
    },
  );

  it('a status has the headers that it is given', async () => {
    spoil(faults.status(503, { 'retry-after': '7' }));
    expect((await postRaw()).headers['retry-after']).toBe('7');
  });

  it('a page of HTML with status 200', async () => {
    spoil(faults.html);
    const { statusCode, headers, body } = await postRaw();
    expect([statusCode, headers['content-type']]).toEqual([200, 'text/html']);
    expect(body).toMatch(/<html>/);
    expect(held(given.analytics)).toEqual([]);
  });

  it('a redirect to another host', async () => {
    spoil(faults.redirected('https://elsewhere.example/', 307));
    const { statusCode, headers } = await postRaw();
    expect([statusCode, headers.location]).toEqual([307, 'https://elsewhere.example/']);
  });

  it('413 above so many bytes', async () => {
    const bytes = JSON.stringify({ artifacts }).length;
    spoil(faults.tooLarge(bytes), { nth: 1, times: 1 });
    spoil(faults.tooLarge(bytes - 1));
    expect((await postRaw()).statusCode).toBe(200);
    expect((await postRaw()).statusCode).toBe(413);
    expect(held(given.analytics)).toEqual(['1', '2', '3']);
  });
});

describe('faults on the way', () => {
  it('cut: nothing is stored and nothing answered', async () => {
    spoil(faults.cut);
    expect(await failure(postRaw())).toBe('ECONNRESET');
    expect(held(given.analytics)).toEqual([]);
    expect(given.analytics.posts.map(({ status, artifacts }) => [status, artifacts])).toEqual([
      [undefined, 3],
    ]);
  });

  it('answerLost: all is stored and nothing answered', async () => {
    spoil(faults.answerLost);
    expect(await failure(postRaw())).toBe('ECONNRESET');
    expect(held(given.analytics)).toEqual(['1', '2', '3']);
    expect(given.analytics.posts.map(({ status, accepted }) => [status, accepted])).toEqual([[undefined, 3]]);
  });

  it.each([
    ['before', []],
    ['after', ['1', '2', '3']],
  ] as const)('hang %s the effect: no answer, and closing ends it', async (hang, stored) => {
    spoil({ hang });
    expect(await failure(postRaw({ timeout: { request: 300 } }))).toBe('ETIMEDOUT');
    expect(held(given.analytics)).toEqual(stored);
    const hanging = failure(postRaw());
    await expect.poll(() => given.analytics.posts.length).toBe(2);
    await given.analytics.close();
    expect(await hanging).toBe('ECONNRESET');
    given = await startGiven();
  });

  it('slow: the answer comes, and not at once', async () => {
    spoil(faults.slow(400), { nth: 1, times: 1 });
    expect(await failure(postRaw({ timeout: { request: 200 } }))).toBe('ETIMEDOUT');
    spoil(faults.slow(50));
    expect((await postRaw()).statusCode).toBe(200);
  });

  it('truncated: the answer ends in its middle', async () => {
    spoil(faults.truncated(5));
    expect(await failure(postRaw({ decompress: false }))).not.toBe('answered');
  });
});

describe('faults of artifacts', () => {
  it('rejecting: those are counted and not stored, with status 200', async () => {
    spoil(faults.rejecting(named('2')));
    const { status, body } = await given.post(artifacts, token);
    expect([status, body.data]).toEqual([200, { accepted: 2, rejected: 1 }]);
    expect(held(given.analytics)).toEqual(['1', '3']);
  });

  it('refusing: one has the whole request refused', async () => {
    spoil(faults.refusing(named('2')));
    expect((await given.post(artifacts, token)).status).toBe(400);
    expect(held(given.analytics)).toEqual([]);
    expect((await given.post([artifact('1')], token)).status).toBe(200);
  });

  it('hidden: accepted at once, found only after so many searches', async () => {
    spoil(faults.hidden(2), { route: 'ingest', nth: 1, times: 1 });
    await given.post([artifact('late')], token);
    await given.post([artifact('at once')], token);
    expect(held(given.analytics)).toEqual(['late', 'at once']);
    const found = [];
    for (let i = 0; i < 3; i++) found.push(idsIn(await given.find({}, token)));
    expect(found).toEqual([['at once'], ['at once'], ['at once', 'late']]);
  });
});
