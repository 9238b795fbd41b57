import { describe, expect, it } from 'vitest';
import type { PageRequest } from '../../../../functions/console/api.ts';
import { check } from '../../../../functions/console/check/check.ts';
import {
  HeavyPageError,
  PermissionMissingError,
  RateLimitedError,
  RefusedRequestError,
  TokenRefusedError,
  UnreachableError,
} from '../../../../functions/errors.ts';
import type { Instance } from '../../../../functions/instances/instance.ts';
import { readToken } from '../../../../functions/instances/token.ts';
import type { Stream } from '../../../../functions/streams/stream.ts';
import { noon, scene } from '../../../fixtures/collect-setup.ts';
import { instance, settings, stream } from '../../../fixtures/given.ts';
import { iso, jwt } from '../../../fixtures/tokens.ts';

const day = 24 * 60 * 60 * 1000;
const others: Stream = { ...stream, name: 'others', path: '/others', permission: 'Others.view' };
const rules = settings.instanceRules;
const record = { instance: instance.instance, host: instance.host };

function given(says: (request: PageRequest) => Error | undefined = () => undefined, token = 'opaque') {
  const world = scene();
  world.secrets.put(instance.secretId, token);
  world.consoles.set(instance.host, (request) => says(request) ?? world.answer('{"data":[]}'));
  const tokenOf = async (asked: Instance) => ({
    token: readToken((await world.ports.secrets.read(asked.secretId, true))?.value, asked.secretId),
    isBound: true,
  });
  return {
    world,
    check: (item: Record<string, unknown> = record) =>
      check(item, [stream, others], rules, { ...world.ports, tokenOf }),
  };
}

const shown = ({ findings }: Awaited<ReturnType<typeof check>>) =>
  findings.map(({ what, outcome }) => `${what} ${outcome}`);

/** What is asked about that no stream of the instance collects. */
const coveragePaths = ['/unifiedalerts/graphql', '/cloud-detection/alerts', '/activities', '/activities'];

describe('a check', () => {
  it('says what the console has that is not collected, and how to collect it', async () => {
    const { world, check } = given();
    const says: Record<string, string> = {
      '/unifiedalerts/graphql':
        '{"data":{"alerts":{"totalCount":31},"alertsViewDataAvailability":{"viewDataAvailability":[{"viewType":"ALL","dataAvailable":true},{"viewType":"STAR","dataAvailable":true},{"viewType":"CLOUD","dataAvailable":false}]}}}',
      '/cloud-detection/alerts': '{"data":[],"pagination":{"totalItems":26658}}',
    };
    world.consoles.set(instance.host, ({ path }) => world.answer(says[path] ?? '{"data":[]}'));
    const { findings, good } = await check();
    expect(good).toBe(true);
    expect(findings.filter(({ what }) => what === 'coverage')).toEqual([
      {
        what: 'coverage',
        outcome: 'off',
        detail: '31 alerts of the last 30 days (STAR) are not collected',
        remedy: 'collector set acme --streams +alerts',
      },
      {
        what: 'coverage',
        outcome: 'off',
        detail: '26,658 rule alerts of the last 30 days are not collected',
        remedy: 'collector set acme --streams +alerts',
      },
    ]);
    const [unified] = world.asked.filter(({ json }) => json !== undefined);
    expect(JSON.stringify(unified?.json)).toContain('fieldId: \\"createdAt\\"');
    expect(
      world.asked.filter(({ query }) => query.countOnly === 'true').map(({ query }) => query.includeHidden),
    ).toEqual([undefined, 'false', 'true']);
  });

  it('finds all good, with one request for the token and one for each stream', async () => {
    const { world, check } = given();
    const report = await check();
    expect(shown(report)).toEqual([
      'dns ok',
      'tls ok',
      'reachable ok',
      'clock ok',
      'token ok',
      'expiry ok',
      'sightings ok',
      'others ok',
    ]);
    expect(report).toMatchObject({ good: true, host: instance.host, latencyMs: 0 });
    expect(world.asked.map(({ path }) => path)).toEqual([
      '/system/info',
      '/sightings',
      '/others',
      ...coveragePaths,
    ]);
    expect(world.asked[1]?.query).toMatchObject({ limit: '1', includeAll: 'true', sortBy: 'updatedAt' });
  });

  it('asks with the filters of the instance', async () => {
    const { world, check } = given();
    await check({ ...record, siteIds: ['7'] });
    expect(world.asked[1]?.query).toMatchObject({ siteIds: '7' });
  });

  it.each([
    ['dns', ['dns failed']],
    ['proxy', ['reachable failed']],
    ['network', ['dns ok', 'reachable failed']],
    ['tls', ['dns ok', 'tls failed']],
    ['console', ['dns ok', 'tls ok', 'reachable failed']],
  ] as const)('says what is good before it breaks at %s, and asks no more', async (obstacle, findings) => {
    const { world, check } = given(() => new UnreachableError('no way', 'look', undefined, obstacle));
    const report = await check();
    expect(shown(report)).toEqual(findings);
    expect(report.good).toBe(false);
    expect(report.findings.at(-1)).toMatchObject({ detail: 'no way', remedy: 'look' });
    expect(world.asked).toHaveLength(1);
  });

  it('tells a console that does not answer in time', async () => {
    const report = await given(() => new HeavyPageError('too slow')).check();
    expect(shown(report)).toEqual(['dns ok', 'tls ok', 'reachable failed']);
    expect(report.findings.at(-1)?.detail).toBe(`${instance.host} does not answer within 15 s`);
  });

  it('takes a login page with status 200 for no console, and the token for neither good nor bad', async () => {
    const { world, check } = given();
    world.consoles.set(instance.host, () => world.answer('<!doctype html><title>Sign in</title>'));
    const report = await check();
    expect(shown(report)).toEqual(['dns ok', 'tls ok', 'reachable failed']);
    expect(report.findings.at(-1)).toMatchObject({
      detail: 'GET /system/info: not a page: it is HTML or XML',
      remedy: expect.stringContaining('login page'),
    });
    expect(world.asked).toHaveLength(1);
  });

  it('tells a token that is refused, and when it expired where it says so', async () => {
    const refuses = () => new TokenRefusedError('401');
    const plain = await given(refuses).check();
    expect(shown(plain)).toEqual(['dns ok', 'tls ok', 'reachable ok', 'token failed']);
    expect(plain.findings.at(-1)?.detail).toBe(`${instance.host} refuses the token`);
    const expired = await given(refuses, jwt({ exp: (noon - day) / 1000 })).check();
    expect(expired.findings.at(-1)?.detail).toBe(
      `${instance.host} refuses the token: it expired at 2026-02-28T12:00:00.000Z`,
    );
  });

  it.each([PermissionMissingError, TokenRefusedError])('tells a missing permission by %o', async (error) => {
    const report = await given(({ path }) => (path === '/others' ? new error('no') : undefined)).check();
    expect(shown(report).slice(-2)).toEqual(['sightings ok', 'others failed']);
    expect(report.findings.at(-1)?.remedy).toContain('Others.view');
    expect(report.good).toBe(false);
  });

  it('says what the console says, and only warns of a stream without a licence', async () => {
    const says = (words: string) => (request: PageRequest) =>
      request.path === '/others' ? new PermissionMissingError('403', words) : undefined;
    const missing = await given(says('You may not')).check();
    expect(missing.findings.at(-1)?.detail).toMatch(/: You may not$/);
    const unlicensed = await given(says('no valid licence')).check();
    expect(unlicensed.findings.at(-1)).toMatchObject({
      what: 'others',
      outcome: 'warning',
      detail: `${instance.host} has no licence for others: no valid licence`,
    });
    expect(unlicensed.good).toBe(true);
    const refused = await given(() => new TokenRefusedError('401', 'not today')).check();
    expect(refused.findings.at(-1)?.detail).toBe(`${instance.host} refuses the token: not today`);
  });

  it.each([new RefusedRequestError('400'), new RateLimitedError('429')])(
    'passes on what a stream answers: %s',
    async (error) => {
      const report = await given(({ path }) => (path === '/sightings' ? error : undefined)).check();
      expect(shown(report).slice(-2)).toEqual(['sightings failed', 'others ok']);
      expect(report.findings.at(-2)).toMatchObject({ detail: error.message, remedy: error.remedy });
    },
  );

  it('warns of a token that ends within 14 days, by its own account or the console’s', async () => {
    const soon = await given(undefined, jwt({ exp: (noon + 13 * day) / 1000 })).check();
    expect(soon.findings.find(({ what }) => what === 'expiry')).toMatchObject({
      outcome: 'warning',
      detail: 'the token ends at 2026-03-14T12:00:00.000Z, in 13 days',
    });
    expect(soon.good).toBe(true);
    const { world, check } = given();
    world.ports.sentinelone.expiry = async () => iso(noon + 15 * day);
    const later = await check();
    expect(later.tokenExpiresAt).toBe(iso(noon + 15 * day));
    expect(later.findings.find(({ what }) => what === 'expiry')?.outcome).toBe('ok');
  });

  it('warns of clocks that are more than a minute apart', async () => {
    const { world, check } = given();
    world.consoles.set(instance.host, () => world.answer('{"data":[]}', { dateMs: noon - 90_500 }));
    const report = await check();
    expect(report.findings.find(({ what }) => what === 'clock')).toMatchObject({
      outcome: 'warning',
      detail: 'clock skew 90 s',
    });
    expect(report.clockDifferenceMs).toBe(-90_000);
  });

  it('makes no request where the record or the secret is wrong', async () => {
    const { world, check } = given();
    expect(shown(await check({ ...record, host: 'usea1.example.com' }))).toEqual(['record failed']);
    world.secrets.put(instance.secretId, '{"key":"x"}');
    expect(shown(await check())).toEqual(['secret failed']);
    expect(world.asked).toEqual([]);
  });

  it('looks past the switch, but not at streams that are left out', async () => {
    const { check } = given();
    const report = await check({ ...record, enabled: false, streams: ['sightings'] });
    expect(shown(report)).toEqual([
      'record off',
      'dns ok',
      'tls ok',
      'reachable ok',
      'clock ok',
      'token ok',
      'expiry ok',
      'sightings ok',
      'others off',
    ]);
    expect(report.good).toBe(true);
  });

  it('warns of a secret that does not name its host', async () => {
    const { world } = given();
    const tokenOf = async () => ({ token: 'opaque', isBound: false });
    const report = await check(record, [], rules, { ...world.ports, tokenOf });
    expect(report.good).toBe(true);
    expect(report.findings[0]).toMatchObject({
      what: 'secret',
      outcome: 'warning',
      remedy: expect.stringContaining(`"host": "${instance.host}"`),
    });
  });
});
