import https from 'node:https';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { witfooAnalytics } from '../../functions/adapters/analytics.ts';
import { TokenRefusedError } from '../../functions/errors.ts';
import {
  HeavyReplyError,
  LoginRefusedError,
  PermissionRefusedError,
  RequestRefusedError,
} from '../../functions/forward/errors.ts';
import type { Analytics, Search } from '../../functions/forward/ports.ts';
import { startAnalytics } from '../../local/analytics/analytics.ts';
import { type Artifact, isArtifact } from '../../local/analytics/artifact.ts';
import { faults } from '../../local/analytics/faults.ts';
import { FakeAnalytics } from '../fakes/analytics.ts';

const start = Date.UTC(2026, 2, 1, 12);
const [email, password] = ['collector@example.com', 'a-good-password'];
const hour = 3_600_000;

/** An Analytics, and the doors behind it that only a test has. */
interface Subject {
  readonly analytics: Analytics;
  pass(ms: number): void;
  revokeTokens(): void;
  permit(...permissions: ('signals:read' | 'signals:write')[]): void;
  /** Artifacts whose `fileName` is `reject` are rejected; one named `break` breaks its request. */
  poison(): void;
  largestBytes(bytes: number): void;
  /** The ids of what was accepted, in order. */
  accepted(): string[];
  close(): Promise<void>;
}

const named = (name: string) => (artifact: { metadata?: Readonly<Record<string, unknown>> }) =>
  artifact.metadata?.fileName === name;

function fake(): Subject {
  let now = start;
  const analytics = new FakeAnalytics(() => now);
  analytics.users.set(email, password);
  return {
    analytics,
    pass(ms) {
      now += ms;
    },
    revokeTokens: () => analytics.revokeTokens(),
    permit(...permissions) {
      analytics.permissions = new Set(permissions);
    },
    poison() {
      analytics.rejects = named('reject');
      analytics.breaks = named('break');
    },
    largestBytes(bytes) {
      analytics.largestBytes = bytes;
    },
    accepted: () => analytics.archive.map(({ metadata }) => String(metadata.id)),
    close: async () => {},
  };
}

/** The adapter as it is, at the stand-in, with the CA that a function gets from its environment. */
async function adapter(): Promise<Subject> {
  let now = start;
  const standIn = await startAnalytics({
    users: [{ email, password, permissions: ['signals:read', 'signals:write'] }],
    nowMs: () => now,
  });
  const agent = https.globalAgent;
  https.globalAgent = new https.Agent({ ca: standIn.caPem });
  return {
    analytics: witfooAnalytics(standIn.url),
    pass(ms) {
      now += ms;
    },
    revokeTokens: () => standIn.revokeTokens(),
    permit(...permissions) {
      standIn.users.splice(0, 1, { email, password, permissions });
    },
    poison() {
      const rule = { ...faults.rejecting(named('reject')), ...faults.refusing(named('break')) };
      standIn.faults.push(({ route }) => (route === 'ingest' ? rule : undefined));
    },
    largestBytes(bytes) {
      standIn.faults.unshift(({ route }) => (route === 'ingest' ? faults.tooLarge(bytes) : undefined));
    },
    accepted: () => standIn.accepted.map(({ metadata }) => String(metadata.id)),
    async close() {
      https.globalAgent = agent;
      await standIn.close();
    },
  };
}

function artifact(id: string, fields: Record<string, string> = {}, timestamp?: string): Artifact {
  const made = {
    source: 'sentinelone',
    raw: `{"name":"raw of ${id}"}`,
    ...(timestamp !== undefined && { timestamp }),
    metadata: { id, instance: 'acme', stream: 'threats', recordId: id, ...fields },
  };
  expect(isArtifact(made)).toBe(true);
  return made;
}

const body = (...artifacts: Artifact[]) => JSON.stringify({ artifacts });
const timeoutMs = 10_000;
const at = (ms: number) => new Date(start + ms).toISOString();

describe.each([
  ['the fake', fake],
  ['the adapter', adapter],
] as [string, () => Subject | Promise<Subject>][])('%s', (_, make) => {
  let subject: Subject;
  let analytics: Analytics;
  const login = () => analytics.login({ email, password }, timeoutMs);
  const search = async (token: string, more: Partial<Search>) =>
    analytics.search(
      token,
      { query: '', start: at(-hour), end: at(hour), limit: 50, offset: 0, maxBytes: 10_000_000, ...more },
      timeoutMs,
    );

  beforeAll(async () => {
    subject = await make();
    analytics = subject.analytics;
  });
  afterAll(() => subject.close());

  test('gives a token whose claims say when it ends', async () => {
    const [, claims = ''] = (await login()).split('.');
    const { exp } = JSON.parse(Buffer.from(claims, 'base64url').toString());
    expect(exp * 1000).toBe(start + 24 * hour);
  });

  test('refuses a wrong password without saying either', async () => {
    for (const wrong of [
      { email, password: 'a-wrong-password' },
      { email: 'nobody@example.com', password },
    ]) {
      const error = await analytics.login(wrong, timeoutMs).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(LoginRefusedError);
      expect(inspect(error)).not.toMatch(/a-wrong-password|a-good-password/);
    }
  });

  test('takes artifacts, and says how many', async () => {
    const receipt = await analytics.ingest(await login(), body(artifact('t1'), artifact('t2')), timeoutMs);
    expect(receipt).toMatchObject({ accepted: 2, rejected: 0 });
    expect(subject.accepted().slice(-2)).toEqual(['t1', 't2']);
  });

  test('takes the same artifact twice: it has no idempotency key', async () => {
    const token = await login();
    for (let i = 0; i < 2; i++) await analytics.ingest(token, body(artifact('again')), timeoutMs);
    expect(subject.accepted().filter((id) => id === 'again')).toHaveLength(2);
  });

  test('finds by text in record and metadata, in capitals or not, and by no other', async () => {
    const token = await login();
    await analytics.ingest(
      token,
      body(artifact('find-me', { userName: 'Ada Lovelace' }), artifact('not-me')),
      timeoutMs,
    );
    expect(await search(token, { query: 'ada love' })).toEqual(['find-me']);
    expect(await search(token, { query: 'RAW OF FIND-ME' })).toEqual(['find-me']);
    expect(await search(token, { query: 'nowhere' })).toEqual([]);
  });

  test('finds by event time to 30 days back, older ones and those without by arrival', async () => {
    const token = await login();
    const day = 24 * hour;
    await analytics.ingest(
      token,
      body(
        artifact('e-now', { tag: 'era' }),
        artifact('e-29', { tag: 'era' }, at(-29 * day)),
        artifact('e-31', { tag: 'era' }, at(-31 * day)),
      ),
      timeoutMs,
    );
    expect((await search(token, { query: 'era' })).toSorted()).toEqual(['e-31', 'e-now']);
    expect(await search(token, { query: 'era', start: at(-30 * day), end: at(-28 * day) })).toEqual(['e-29']);
    expect(await search(token, { query: 'era', start: at(-32 * day), end: at(-30 * day) })).toEqual([]);
  });

  test('finds the newest first, by pages', async () => {
    const token = await login();
    const many = Array.from({ length: 7 }, (_, i) => artifact(`p${i}`, { tag: 'paged' }, at(-i * 60_000)));
    await analytics.ingest(token, body(...many), timeoutMs);
    const page = (offset: number) => search(token, { query: 'paged', limit: 3, offset });
    expect(await page(0)).toEqual(['p0', 'p1', 'p2']);
    expect(await page(6)).toEqual(['p6']);
    expect(await page(7)).toEqual([]);
  });

  test('answers no more bytes than there is room for', async () => {
    const token = await login();
    const many = Array.from({ length: 4 }, (_, i) => ({
      ...artifact(`l${i}`, { tag: 'large' }),
      raw: 'x'.repeat(300_000),
    }));
    await analytics.ingest(token, body(...many), timeoutMs);
    const asked = { query: 'large', maxBytes: 1_000_000 };
    await expect(search(token, asked)).rejects.toBeInstanceOf(HeavyReplyError);
    expect(await search(token, { ...asked, limit: 3 })).toHaveLength(3);
  });

  test('refuses a token that is none, ended or revoked, to both', async () => {
    const token = await login();
    const refused = async (as: string) => {
      await expect(analytics.ingest(as, body(artifact('x')), timeoutMs)).rejects.toBeInstanceOf(
        TokenRefusedError,
      );
      await expect(search(as, {})).rejects.toBeInstanceOf(TokenRefusedError);
    };
    await refused('not.a.token');
    subject.pass(24 * hour);
    await refused(token);
    subject.pass(-24 * hour);
    subject.revokeTokens();
    await refused(token);
    expect(subject.accepted()).not.toContain('x');
  });

  test('lets nobody do what the user may not', async () => {
    subject.permit('signals:write');
    const writer = await login();
    await analytics.ingest(writer, body(artifact('w')), timeoutMs);
    await expect(search(writer, {})).rejects.toBeInstanceOf(PermissionRefusedError);
    subject.permit('signals:read');
    const reader = await login();
    await expect(analytics.ingest(reader, body(artifact('r')), timeoutMs)).rejects.toBeInstanceOf(
      PermissionRefusedError,
    );
    await search(reader, {});
    subject.permit('signals:read', 'signals:write');
    expect(subject.accepted()).not.toContain('r');
  });

  test('rejects one among others, or refuses the request as a whole and takes nothing of it', async () => {
    subject.poison();
    const token = await login();
    const partly = body(artifact('good-1'), artifact('bad-1', { fileName: 'reject' }));
    expect(await analytics.ingest(token, partly, timeoutMs)).toMatchObject({ accepted: 1, rejected: 1 });
    const broken = body(artifact('good-2'), artifact('bad-2', { fileName: 'break' }));
    await expect(analytics.ingest(token, broken, timeoutMs)).rejects.toBeInstanceOf(RequestRefusedError);
    expect(subject.accepted()).toContain('good-1');
    for (const id of ['bad-1', 'bad-2', 'good-2']) expect(subject.accepted()).not.toContain(id);
  });

  test('refuses a request that is too large', async () => {
    subject.largestBytes(1_000);
    const large = body({ ...artifact('large'), raw: 'x'.repeat(1_000) });
    const token = await login();
    await expect(analytics.ingest(token, large, timeoutMs)).rejects.toBeInstanceOf(RequestRefusedError);
    expect(await analytics.ingest(token, body(artifact('small')), timeoutMs)).toMatchObject({ accepted: 1 });
  });
});
