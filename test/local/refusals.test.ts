import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { activities } from '../../functions/streams/activities.ts';
import { type Fault, faultFor, faults } from '../../local/console/faults.ts';
import { activityText, ago } from '../fixtures/records.ts';
import { LeakSearch } from '../support/leaks.ts';
import { startWorld, type World } from '../support/world.ts';

/** What consoles and what is before them really answer, to the deployed pollers; one instance for each. */
let world: World;

/** Each is written otherwise wherever something is escaped. */
const token = String.raw`a"token\of/a+simulated=console%&?<>`;
const hostOf = (name: string) => `usea1-${name}.sentinelone.net`;
/** A secret that names its host: all hosts have the same token here. */
const secretOf = (name: string) => JSON.stringify({ apiKey: token, host: hostOf(name) });
const base64 = (text: string) => Buffer.from(text).toString('base64');

interface Case {
  readonly fault: Fault;
  readonly state: string;
  readonly says: RegExp;
  readonly remedy: RegExp;
}

const cases: Record<string, Case> = {
  'page-of-a-firewall': {
    fault: faults.page(403, 'Request blocked by policy 77'),
    state: 'unreachable',
    says: /403 to \/activities: 403 Request blocked by policy 77/,
    remedy: /firewall, proxy or access restriction/,
  },
  'challenge-of-a-firewall': {
    fault: { answer: { status: 202, headers: { 'x-waf-action': 'challenge' }, body: '' } },
    state: 'unreadable',
    says: /answers 202 to \/activities/,
    remedy: /proxy or login page/,
  },
  'json-of-a-gateway': {
    fault: { answer: { status: 403, headers: {}, body: '{"message":"Forbidden by the gateway"}' } },
    state: 'unreachable',
    says: /Forbidden by the gateway/,
    remedy: /firewall, proxy/,
  },
  'address-restriction': {
    fault: faults.denied('Access denied', 'The IP is not in the allow-list of this account'),
    state: 'forbidden',
    says: /4030010 Access denied The IP is not in the allow-list/,
    remedy: /egress addresses/,
  },
  'address-restriction-in-capitals': {
    fault: faults.denied('Allowlist restriction', 'Your IPs are not known'),
    state: 'forbidden',
    says: /Allowlist restriction/,
    remedy: /egress addresses/,
  },
  'site-that-has-ended': {
    fault: faults.denied('The site has expired'),
    state: 'not-licensed',
    says: /has no licence for activities: 4030010 The site has expired/,
    remedy: /once a day/,
  },
  'another-site': {
    fault: faults.denied('User is not authorized to access the requested site'),
    state: 'forbidden',
    says: /requested site/,
    remedy: /scope/,
  },
  'no-licence': {
    fault: faults.denied('This scope does not have Custom Rules enabled.'),
    state: 'not-licensed',
    says: /has no licence for activities: 4030010 This scope does not have Custom Rules enabled\./,
    remedy: /once a day/,
  },
  'no-opt-in': {
    fault: faults.denied('The account has not opted in to activities'),
    state: 'not-licensed',
    says: /opted in/,
    remedy: /leave it out of the instance's streams/,
  },
  'wrong-scope': {
    fault: faults.denied('Action is not allowed to site users'),
    state: 'forbidden',
    says: /Action is not allowed to site users/,
    remedy: /scope/,
  },
  'moved-404': {
    fault: faults.page(404, 'Not Found'),
    state: 'misconfigured',
    says: /^host: .*404 to \/activities: 404 Not Found/,
    remedy: /has moved/,
  },
  'moved-410': {
    fault: faults.page(410, 'Gone'),
    state: 'misconfigured',
    says: /^host: .*410/,
    remedy: /has moved/,
  },
  'login-of-a-proxy': {
    fault: faults.page(407, 'Proxy Authentication Required'),
    state: 'unreachable',
    says: /407/,
    remedy: /setting proxy/,
  },
  'line-too-long': {
    fault: faults.page(414, 'Request-URI Too Large'),
    state: 'refused',
    says: /414 .*Request-URI Too Large/,
    remedy: /too long/,
  },
  'headers-too-long': {
    fault: faults.page(431, 'Request Header Fields Too Large'),
    state: 'refused',
    says: /431/,
    remedy: /too long/,
  },
  'legal-reasons': {
    fault: faults.page(451, 'Unavailable For Legal Reasons'),
    state: 'unreachable',
    says: /Unavailable For Legal Reasons/,
    remedy: /firewall, proxy/,
  },
};

/** Whatever else is odd about a 401, it is one. */
const odd: Record<string, Fault> = {
  'code-that-is-no-text': faults.oddCode(401, '{"toString":1,"valueOf":2}'),
  'code-of-arrays': faults.oddCode(401, `${'['.repeat(9_000)}${']'.repeat(9_000)}`),
  'code-of-megabytes': faults.oddCode(401, `"${'9'.repeat(3_000_000)}"`),
  'code-without-end': faults.oddCode(401, '1e999'),
  'body-that-is-no-gzip': {
    answer: { status: 401, headers: { 'content-encoding': 'gzip' }, body: 'no gzip' },
  },
  'body-cut-off': { ...faults.oddCode(401, '4010010'), truncateAt: 40 },
  'odd-headers': {
    answer: {
      status: 401,
      headers: {
        location: `x://${token.replaceAll(/[^a-z]/g, '')}/`,
        'retry-after': '{}',
        'content-type': ';;;',
        date: 'yesterday',
      },
      body: '\u0000\u202e',
    },
  },
};

/** How a console says "in a quarter of an hour", each of them at its first request. */
const waits = [
  '899.997',
  '900.0',
  '900s',
  '900, 900',
  ' "900" ',
  '15 min',
  '900000ms',
  'date',
  'Unix time',
  'offset',
];
const moments: Record<string, (until: Date) => string> = {
  date: (until) => until.toUTCString(),
  'Unix time': (until) => String(Math.ceil(until.getTime() / 1000)),
  offset: (until) => new Date(until.getTime() + 3_600_000).toUTCString().replace('GMT', '+0100'),
};
const waitName = (wait: string) => `waits-${waits.indexOf(wait)}`;

/** Where a redirect may have the token. */
const redirects: Record<string, string> = {
  'token-as-host': 'x://tokenofasimulatedconsole/',
  'token-in-url': `x://${encodeURIComponent(encodeURIComponent(token))}/`,
  'token-in-base64': `x://${base64(`ApiToken ${token}`).replaceAll('=', '')}/`,
  'token-again-and-again': `x://${encodeURIComponent(token).repeat(180)}/`,
};

const names = [
  ...Object.keys(cases),
  ...Object.keys(odd),
  ...Object.keys(redirects),
  ...waits.map(waitName),
  'raw-deflate',
  'gzip-as-deflate',
];
/** Filters whose request line would be longer than servers take. */
const numbered = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, i) => prefix + String(i).padStart(18 - prefix.length, '0'));
const manyIds = {
  'many-sites': { siteIds: numbered(500, '17') },
  'many-accounts-and-sites': { accountIds: numbered(300, '16'), siteIds: numbered(300, '17') },
};
const unselected = '77';

const leaks = new LeakSearch([token]);

const faultOf = (name: string): Fault => {
  if (cases[name]) return cases[name].fault;
  if (odd[name]) return odd[name];
  if (redirects[name]) return faults.redirected(redirects[name]);
  if (name === 'raw-deflate') return faults.deflate('raw');
  if (name === 'gzip-as-deflate') return faults.deflate('gzip', true);
  const wait = waits.find((one) => waitName(one) === name) ?? '';
  return faults.tooManyRequests(moments[wait]?.(new Date(Date.now() + 900_000)) ?? wait);
};

beforeAll(async () => {
  world = await startWorld({
    hosts: Object.fromEntries(
      [...names, ...Object.keys(manyIds)].map((name) => [hostOf(name), { tokens: [{ token }] }]),
    ),
  });
  for (const name of names) {
    const console = world.consoles.console(hostOf(name));
    console.put('activities', activityText(ago(20)));
    console.faults.push(faultFor({ path: '/activities' }, faultOf(name)));
    if (name in odd) console.faults.push(faultFor({ path: '/system/info' }, faultOf(name)));
    await world.collector.addInstance(
      { instance: name, host: hostOf(name), streams: ['activities'] },
      secretOf(name),
    );
  }
  for (const [name, { siteIds, ...more }] of Object.entries(manyIds)) {
    const console = world.consoles.console(hostOf(name));
    const accountId = 'accountIds' in more ? more.accountIds[299] : undefined;
    for (const siteId of [siteIds[0], siteIds[150], siteIds.at(-1), unselected])
      console.put('activities', activityText(ago(20), { siteId, accountId }));
    await world.collector.addInstance(
      { instance: name, host: hostOf(name), streams: ['activities'], siteIds, ...more },
      secretOf(name),
    );
  }
  await world.tick('activities');
});
afterAll(() => world.close());

const status = (name: string) => world.status(name, 'activities');
const requests = (name: string) =>
  world.consoles.console(hostOf(name)).requests.filter(({ path }) => path === '/activities');

describe('a refusal', () => {
  test.each(Object.entries(cases))('%s has its state, words and remedy', async (name, wanted) => {
    const { state, lastError, remedy } = await status(name);
    expect(state).toBe(wanted.state);
    expect(lastError).toMatch(wanted.says);
    expect(remedy).toMatch(wanted.remedy);
  });

  test.each(Object.keys(cases))('%s is not asked again and again', (name) => {
    expect(requests(name)).toHaveLength(1);
  });

  test.each(Object.keys(odd))('401 with %s is a refused token', async (name) => {
    const { state, lastError } = await status(name);
    expect(state).toBe('unauthorized');
    expect(lastError?.length).toBeLessThan(400);
  });
});

describe('Retry-After', () => {
  test.each(waits)('%s is heard: one request, and none for a quarter of an hour', async (wait) => {
    const { state, lastPollAt, nextPollAt } = await status(waitName(wait));
    expect(state).toBe('rate-limited');
    expect(requests(waitName(wait))).toHaveLength(1);
    const waitMs = Date.parse(String(nextPollAt)) - Date.parse(String(lastPollAt));
    // A date is as long before as the test began.
    expect(waitMs).toBeGreaterThanOrEqual(wait in moments ? 600_000 : 900_000);
    // The first tick after it.
    expect(waitMs).toBeLessThanOrEqual(901_000 + activities.cadenceMinutes * 60_000);
  });
});

describe('compression', () => {
  test.each(['raw-deflate', 'gzip-as-deflate'])('%s does no harm', async (name) => {
    expect(await status(name)).toMatchObject({ state: 'ok', lastCount: 1 });
  });
});

describe('a redirect', () => {
  test.each(Object.keys(redirects))('that has the %s is named without it', async (name) => {
    const { state, lastError } = await status(name);
    expect(state).toBe('misconfigured');
    expect(lastError).toMatch(/redirects to .*\[token\]|redirects to another path/);
    expect(lastError?.length).toBeLessThan(400);
  });

  test('prints no token in any form', async () => {
    for (const line of world.lines) leaks.text('log', line.slice(0, 80), line);
    for (const name of names) leaks.text('status', name, JSON.stringify(await status(name)));
    expect(leaks.seen.get('status')).toBe(names.length);
    expect(leaks.leaks).toEqual([]);
  });
});

describe('more ids than fit in a request', () => {
  const cases = Object.keys(manyIds);

  test.each(cases)('%s are requested in parts, and all of them are collected', async (name) => {
    expect(await status(name)).toMatchObject({ state: 'ok', lastCount: 3 });
    const statuses = requests(name).map((request) => request.status);
    expect(statuses.length).toBeGreaterThan(1);
    expect(new Set(statuses)).toEqual(new Set([200]));
    const all = (await world.artifacts()).filter(({ metadata }) => metadata.instance === name);
    expect(all).toHaveLength(3);
    expect(all.map(({ raw }) => JSON.parse(raw).siteId)).not.toContain(unselected);
  });

  test('the next poll brings what is new in any part, once', async () => {
    for (const [name, { siteIds, ...more }] of Object.entries(manyIds)) {
      const accountId = 'accountIds' in more ? more.accountIds[0] : undefined;
      const late = activityText(ago(0), { siteId: siteIds[299], accountId });
      world.consoles.console(hostOf(name)).put('activities', late);
    }
    await world.tick('activities', 10);
    for (const name of cases) expect(await status(name)).toMatchObject({ state: 'ok', lastCount: 1 });
  });
});

describe('a stream without a licence', () => {
  const unlicensed = ['no-licence', 'no-opt-in'];

  test('raises no error in the log', () => {
    for (const name of unlicensed) {
      const levels = world.log
        .filter(({ instance, caughtUp }) => caughtUp !== undefined && instance === name)
        .map(({ level }) => level);
      expect(levels).toEqual(['WARN']);
    }
  });

  test('is asked for once a day, and at once after an edit', async () => {
    const counts = () => unlicensed.map((name) => requests(name).length);
    for (const hours of [1, 12, 23]) await world.tick('activities', hours * 60);
    expect(counts()).toEqual([1, 1]);
    await world.tick('activities', 24 * 60 + 10);
    expect(counts()).toEqual([2, 2]);
    for (const name of unlicensed)
      await world.collector.addInstance(
        { instance: name, host: hostOf(name), streams: ['activities'], lookbackHours: 25 },
        secretOf(name),
      );
    for (const name of unlicensed) world.consoles.console(hostOf(name)).faults = [];
    await world.tick('activities', 24 * 60 + 20);
    for (const name of unlicensed) expect(await status(name)).toMatchObject({ state: 'ok', lastCount: 1 });
  });
});
