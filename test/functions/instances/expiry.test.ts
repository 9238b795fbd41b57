import { describe, expect, it } from 'vitest';
import { isExpiryDue } from '../../../functions/collect/due.ts';
import { run } from '../../../functions/collect/run.ts';
import { expiryIn } from '../../../functions/instances/expiry.ts';
import { noon, scene } from '../../fixtures/collect-setup.ts';
import { instance, settings, stream } from '../../fixtures/given.ts';
import { iso, jwt } from '../../fixtures/tokens.ts';

const day = 24 * 60 * 60 * 1000;

describe('a token that is a JWT', () => {
  it('says itself when it ends', () => {
    expect(expiryIn(jwt({ sub: 'someone', exp: 1_772_366_400 }))).toBe('2026-03-01T12:00:00.000Z');
  });

  it.each([
    ['has no exp', jwt({ sub: 'someone' })],
    ['has an exp that is no number', jwt({ exp: 'tomorrow' })],
    ['has an exp beyond all dates', jwt({ exp: 1e300 })],
    ['is no JSON inside', 'aaa.bbb.ccc'],
    ['is no object inside', jwt(null)],
    ['has two parts', 'aaa.bbb'],
    ['is opaque', '123456789012345678Xabcdef'],
  ])('says nothing where it %s', (_, token) => {
    expect(expiryIn(token)).toBeUndefined();
  });
});

describe('the console is asked when a token ends', () => {
  const polled = { secretVersion: 'v1', lastSuccessAt: iso(noon) };
  const known = { ...polled, tokenCheckedAt: iso(noon) };
  const token = { secretVersion: 'v1', tokenExpiresAt: undefined, tokenChecked: false };

  it.each([
    ['never before, nor polled', {}, noon, false],
    ['never before', polled, noon, true],
    ['for another secret', { ...known, secretVersion: 'v0' }, noon + 1, true],
    ['a minute ago', known, noon + 60_000, false],
    ['a day ago', known, noon + day, true],
    ['at a time that is none', { ...known, tokenCheckedAt: 'x' }, noon, true],
  ])('or not, when it was asked %s', (_, status, now, due) => {
    expect(isExpiryDue(status, token, now)).toBe(due);
  });

  it('not at all where the token says it', () => {
    expect(isExpiryDue(polled, { ...token, tokenExpiresAt: iso(noon) }, noon)).toBe(false);
  });
});

describe('a poll', () => {
  const given = (token: string, expiry: () => Promise<string | undefined>) => {
    const world = scene();
    const asked: number[] = [];
    world.instances.put({ instance: instance.instance, host: instance.host });
    world.secrets.put(instance.secretId, token);
    world.consoles.set(instance.host, () => world.answer('{"data":[]}'));
    const ports = {
      ...world.ports,
      sentinelone: {
        ...world.ports.sentinelone,
        expiry: async () => {
          asked.push(world.clock.now());
          return expiry();
        },
      },
    };
    const poll = async (at: number) => {
      await world.clock.runUntil(at);
      const invoked = run(
        stream,
        { id: String(at), scheduledAt: at, remainingMs: () => 300_000 },
        settings,
        ports,
      );
      await world.clock.runThrough(invoked);
      return world.cursors.items.get(`acme ${stream.name}`)?.status;
    };
    return { world, asked, poll };
  };

  it('keeps what the console says, and asks again after a day or for another secret', async () => {
    const { world, asked, poll } = given('opaque', async () => iso(noon + 90 * day));
    expect(await poll(noon - 600_000)).not.toHaveProperty('tokenCheckedAt');
    const status = await poll(noon);
    expect(asked).toHaveLength(1);
    expect(status).toMatchObject({
      tokenExpiresAt: iso(noon + 90 * day),
      tokenCheckedAt: iso(asked[0] ?? 0),
    });
    expect(await poll(noon + 600_000)).toMatchObject({ tokenExpiresAt: iso(noon + 90 * day) });
    expect(asked).toHaveLength(1);
    await poll(noon + day + 600_000);
    expect(asked).toHaveLength(2);
    world.secrets.put(instance.secretId, 'another');
    await world.secrets.read(instance.secretId, true, instance.host);
    await poll(noon + day + 1_200_000);
    expect(asked).toHaveLength(3);
  });

  it('does not ask where the token says it, also when the console refuses the token', async () => {
    const { world, asked, poll } = given(jwt({ exp: (noon + day) / 1000 }), async () => undefined);
    expect(await poll(noon)).toMatchObject({ state: 'ok', tokenExpiresAt: iso(noon + day) });
    world.consoles.set(instance.host, () => new Error('down'));
    expect(await poll(noon + 600_000)).toMatchObject({ state: 'failed', tokenExpiresAt: iso(noon + day) });
    expect(asked).toEqual([]);
  });

  it('is none the worse where the console does not say', async () => {
    const { poll } = given('opaque', async () => {
      throw new Error('500');
    });
    await poll(noon - 600_000);
    const status = await poll(noon);
    expect(status).toMatchObject({ state: 'ok', failures: 0 });
    expect(status).toHaveProperty('tokenCheckedAt');
    expect(status).not.toHaveProperty('tokenExpiresAt');
    expect(status).not.toHaveProperty('lastError');
  });

  it('forgets what was known of a token with its secret', async () => {
    let says: string | undefined = iso(noon + day);
    const { world, poll } = given('opaque', async () => says);
    await poll(noon - 600_000);
    expect(await poll(noon)).toHaveProperty('tokenExpiresAt');
    says = undefined;
    world.secrets.put(instance.secretId, 'another');
    await world.secrets.read(instance.secretId, true, instance.host);
    expect(await poll(noon + 600_000)).not.toHaveProperty('tokenExpiresAt');
  });
});
