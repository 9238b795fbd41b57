import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { MisconfiguredError, TokenRefusedError, UnreachableError } from '../../../functions/errors.ts';
import { LoginRefusedError } from '../../../functions/forward/errors.ts';
import type { Analytics } from '../../../functions/forward/ports.ts';
import { openSession } from '../../../functions/forward/session.ts';
import { FakeAnalytics } from '../../fakes/analytics.ts';
import { VirtualClock } from '../../fakes/clock.ts';
import { FakeSecrets } from '../../fakes/stores.ts';

const minute = 60_000;
const hour = 60 * minute;
const [email, password] = ['collector@example.com', 'a-good-password'];

function scene() {
  const clock = new VirtualClock(Date.UTC(2026, 2, 1, 12), () => 0);
  const analytics = new FakeAnalytics(() => clock.now());
  analytics.users.set(email, password);
  const secrets = new FakeSecrets();
  secrets.put('s', JSON.stringify({ email, password }));
  const session = openSession('s', { analytics, secrets, clock });
  const asks: [token: string, timeoutMs: number][] = [];
  return {
    clock,
    analytics,
    secrets,
    session,
    asks,
    /** Posts nothing, with a token. */
    use: (timeoutMs = () => 1000) =>
      session.with(async (token, ms) => {
        asks.push([token, ms]);
        await analytics.ingest(token, '{"artifacts":[]}');
      }, timeoutMs),
    pass: (ms: number) => clock.runUntil(clock.now() + ms),
  };
}

test('one login lasts for many requests', async () => {
  const { use, analytics, asks } = scene();
  for (let i = 0; i < 5; i++) await use();
  expect(analytics.logins).toHaveLength(1);
  expect(new Set(asks.map(([token]) => token)).size).toBe(1);
});

test('it is renewed before its 24 hours end, without a refusal', async () => {
  const { use, analytics, pass, asks } = scene();
  for (let i = 0; i < 300; i++) {
    await use();
    await pass(10 * minute);
  }
  expect(asks).toHaveLength(300);
  expect(analytics.logins).toHaveLength(3);
});

test.each([
  ['ends soon', 4 * minute, 30],
  ['ended already, by a clock that is wrong', -hour, 1],
])('a token that %s does not make each request log in', async (_, lifeMs, most) => {
  const { analytics, clock, secrets } = scene();
  const endsAt = () =>
    Buffer.from(JSON.stringify({ exp: (clock.now() + lifeMs) / 1000 })).toString('base64url');
  let logins = 0;
  const short: Analytics = {
    ingest: (token, body) => analytics.ingest(token, body),
    search: (token, search) => analytics.search(token, search),
    login: async () => {
      logins += 1;
      return `head.${endsAt()}.sign`;
    },
  };
  const session = openSession('s', { analytics: short, secrets, clock });
  for (let i = 0; i < 600; i++) {
    await session.with(
      async () => {},
      () => 1000,
    );
    await clock.runUntil(clock.now() + 6_000);
  }
  expect(logins).toBeLessThanOrEqual(most);
});

test.each(['', 'opaque', 'a.b.c', `a.${Buffer.from('null').toString('base64url')}.c`])(
  'a token that does not say when it ends (%j) is kept for almost 24 hours',
  async (token) => {
    const { clock, secrets, analytics } = scene();
    let logins = 0;
    const opaque: Analytics = {
      ingest: (as, body) => analytics.ingest(as, body),
      search: (as, search) => analytics.search(as, search),
      login: async () => {
        logins += 1;
        return token;
      },
    };
    const session = openSession('s', { analytics: opaque, secrets, clock });
    for (const ms of [23 * hour, 2 * hour, 0]) {
      await session.with(
        async () => {},
        () => 1000,
      );
      await clock.runUntil(clock.now() + ms);
    }
    await session.with(
      async () => {},
      () => 1000,
    );
    expect(logins).toBe(2);
  },
);

test('a refused token is renewed once, and the request made again', async () => {
  const { use, analytics, asks } = scene();
  await use();
  analytics.revokeTokens();
  await use();
  expect(analytics.logins).toHaveLength(2);
  expect(asks).toHaveLength(3);
  expect(analytics.posts).toHaveLength(2);
});

test('requests side by side share one login, whether it is taken or refused', async () => {
  const { use, analytics } = scene();
  await Promise.all(Array.from({ length: 8 }, () => use()));
  expect(analytics.logins).toHaveLength(1);
  analytics.revokeTokens();
  await Promise.all(Array.from({ length: 8 }, () => use()));
  expect(analytics.logins).toHaveLength(2);
  analytics.users.set(email, 'another');
  analytics.revokeTokens();
  const ends = await Promise.allSettled(Array.from({ length: 8 }, () => use()));
  expect(ends.every(({ status }) => status === 'rejected')).toBe(true);
  expect(analytics.logins).toHaveLength(3);
});

test('an operation is not made again for another error', async () => {
  const { session } = scene();
  let times = 0;
  const failing = session.with(
    async () => {
      times += 1;
      throw new UnreachableError('503', '');
    },
    () => 1000,
  );
  await expect(failing).rejects.toBeInstanceOf(UnreachableError);
  expect(times).toBe(1);
});

test('the time that is left is asked before each request', async () => {
  const { use, asks, analytics } = scene();
  const left = [30, 20, 10, 5];
  await use();
  analytics.revokeTokens();
  await use(() => left.shift() ?? 0);
  expect(asks.map(([, ms]) => ms)).toEqual([1000, 30, 10]);
});

describe('refused credentials', () => {
  test('are tried once in ten minutes, however often they are asked for', async () => {
    const { use, analytics, pass } = scene();
    analytics.users.set(email, 'another');
    for (let i = 0; i < 60; i++) {
      await expect(use()).rejects.toBeInstanceOf(LoginRefusedError);
      await pass(minute);
    }
    expect(analytics.logins).toHaveLength(6);
  });

  test('that are replaced in the secret are taken within a minute', async () => {
    const { use, analytics, secrets, pass } = scene();
    analytics.users.set(email, 'the new one');
    await expect(use()).rejects.toBeInstanceOf(LoginRefusedError);
    secrets.put('s', JSON.stringify({ email, password: 'the new one' }));
    await pass(minute);
    await use();
    expect(analytics.logins.map(({ password }) => password)).toEqual(['a-good-password', 'the new one']);
  });

  test('of a secret that was replaced before are tried no second time: the new ones are at once', async () => {
    const { use, analytics, secrets } = scene();
    await use();
    analytics.users.set(email, 'the new one');
    analytics.revokeTokens();
    secrets.put('s', JSON.stringify({ email, password: 'the new one' }));
    await use();
    expect(analytics.logins.map(({ taken }) => taken)).toEqual([true, false, true]);
  });

  test('are a token too that is refused as soon as it is given', async () => {
    const { session, analytics, pass } = scene();
    const refused = () =>
      session.with(
        () => Promise.reject(new TokenRefusedError('401')),
        () => 1000,
      );
    for (let i = 0; i < 30; i++) {
      await expect(refused()).rejects.toBeInstanceOf(LoginRefusedError);
      await pass(minute);
    }
    expect(analytics.logins.length).toBeLessThanOrEqual(2 * 3);
  });

  test('of which nothing is known, because Analytics is down, are not refused', async () => {
    const { use, analytics } = scene();
    const login = analytics.login.bind(analytics);
    analytics.login = () => Promise.reject(new UnreachableError('503', ''));
    await expect(use()).rejects.toBeInstanceOf(UnreachableError);
    analytics.login = login;
    await use();
  });
});

describe('a secret without credentials', () => {
  test.each([
    [undefined, 'does not exist or may not be read'],
    ['', 'has no email and password'],
    ['hunter2', 'has no email and password'],
    ['{"email":"a@b.example"}', 'has no email and password'],
    ['{"email":"a@b.example","password":7}', 'has no email and password'],
    ['{"email":"","password":"hunter2"}', 'has no email and password'],
    ['{"__proto__":{"email":"a","password":"hunter2"}}', 'has no email and password'],
    ['["a@b.example","hunter2"]', 'has no email and password'],
  ])('(%j) is said, and never quoted', async (value, problem) => {
    const { clock, analytics } = scene();
    const secrets = new FakeSecrets();
    if (value !== undefined) secrets.put('s', value);
    const session = openSession('s', { analytics, secrets, clock });
    const error = await session
      .with(
        async () => {},
        () => 1000,
      )
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(MisconfiguredError);
    expect((error as Error).message).toBe(`forwarder.secretId: the secret s ${problem}`);
    expect(inspect(error)).not.toContain('hunter2');
    expect(analytics.logins).toEqual([]);
  });

  test('is taken as soon as it has some', async () => {
    const { use, secrets } = scene();
    secrets.put('s', '{}');
    await expect(use()).rejects.toBeInstanceOf(MisconfiguredError);
    secrets.put('s', JSON.stringify({ email, password }));
    await use();
  });
});
