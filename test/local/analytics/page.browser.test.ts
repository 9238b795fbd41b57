import http from 'node:http';
import got from 'got';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Artifact } from '../../../local/analytics/artifact.ts';
import { picture, violations } from '../../support/accessibility.ts';
import { noBrowser, startBrowser } from '../../support/browser.ts';
import { artifact, at, type Given, startGiven } from './harness.ts';
import { manyArtifacts } from './many.ts';

const hash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const threat = artifact(
  'threat',
  {
    instance: 'acme',
    senderHost: 'usea1-acme.sentinelone.net',
    threatId: '2169876543210987654',
    action: 'not_mitigated',
    stream: 'threats',
    streamName: 'sentinelone',
    severityLabel: 'high',
    clientHostname: 'WS-0042',
    userName: 'ACME\\jane.doe',
    fileHash: hash,
    fileName: 'invoice.exe',
    commandLine: 'say "hello"',
    message: 'Malware invoice.exe was found on WS-0042',
    attackTechniqueIds: ['T1059', 'T1204'],
  },
  {
    raw: '{"id":"1","note":"https://evil.example/a", "threatInfo":{"big":12345678901234567890,"ratio":1.0,"none":[],"list":[1,"two, {3} \\"4, 5\\""]}}',
    timestamp: at(-54.75),
  },
);
const login = artifact(
  'login',
  {
    instance: 'globex',
    stream: 'activities',
    streamName: 'sentinelone_mgmt',
    severityLabel: 'informational',
    userName: 'john.roe',
    message: 'john.roe logged in to the console',
  },
  { timestamp: at(-30) },
);
const agent = artifact(
  'agent',
  {
    instance: 'acme',
    stream: 'agents',
    severityLabel: 'low',
    clientHostname: 'WS-0001',
    message: 'WS-0001 is on Linux',
  },
  { timestamp: at(0) },
);

let given: Given;
beforeEach(async () => {
  given = await startGiven();
});
afterEach(() => given.close());

const post = (...artifacts: Artifact[]) => given.post(artifacts);

describe('what serves the search page', () => {
  const get = (path: string, options = {}) =>
    got(new URL(path, given.analytics.pageUrl), { throwHttpErrors: false, retry: { limit: 0 }, ...options });

  /** With a Host header of one's own, and a path that no client would send. */
  const getAs = (host: string, path = '/') =>
    new Promise<number | undefined>((resolve, reject) => {
      const { port } = new URL(given.analytics.pageUrl);
      http
        .get({ host: '127.0.0.1', port, path, headers: { host } }, ({ statusCode }) => resolve(statusCode))
        .on('error', reject);
    });

  it('answers under its own address only, so that no other name makes a page of somebody else’s of it', async () => {
    const { port } = new URL(given.analytics.pageUrl);
    expect(await getAs(`127.0.0.1:${port}`)).toBe(200);
    expect(await getAs(`localhost:${port}`)).toBe(200);
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1',
      `127.0.0.1.evil.example:${port}`,
    ])
      for (const path of ['/', '/search']) expect(await getAs(host, path)).toBe(421);
  });

  it('lets no other page read, embed or frame it, and runs nothing but its own files', async () => {
    await post(threat);
    const foreign = await get('/search', { headers: { origin: 'https://evil.example' } });
    expect(foreign.statusCode).toBe(403);
    const { headers } = await get('/search');
    expect(
      Object.keys({ ...headers, ...foreign.headers }).filter((name) => name.startsWith('access-control')),
    ).toEqual([]);
    expect(headers['cross-origin-resource-policy']).toBe('same-origin');
    expect(headers['x-content-type-options']).toBe('nosniff');
    const policy = headers['content-security-policy'];
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|data:/);
  });

  it('can be read and nothing else', async () => {
    expect((await get('/', { method: 'HEAD' })).statusCode).toBe(200);
    for (const method of ['POST', 'PUT', 'DELETE']) expect((await get('/', { method })).statusCode).toBe(405);
    for (const path of ['/page', '/../page-server.ts', '/artifacts/x', `/artifacts/${'0'.repeat(36)}`])
      expect((await get(path)).statusCode).toBe(404);
    const { port } = new URL(given.analytics.pageUrl);
    expect(await getAs(`127.0.0.1:${port}`, '//')).toBe(404);
  });

  it('gives the raw record out as plain text, as it came', async () => {
    const raw = '<script>alert(1)</script>\u202e\r\n ünïcode';
    await post(artifact('1', {}, { raw }));
    const [first] = JSON.parse((await get('/search')).body).results;
    const { body, headers } = await get(`/artifacts/${first.uuid}/raw`);
    expect([body, headers['content-type']]).toEqual([raw, 'text/plain; charset=utf-8']);
  });

  it('says of a time that it cannot read how one reads', async () => {
    const { statusCode, body } = await get('/search?from=yesterday');
    expect([statusCode, JSON.parse(body).message]).toEqual([
      400,
      expect.stringContaining('2026-03-01T10:00:00'),
    ]);
  });
});

const title = `the search page in Chromium${noBrowser ? ` (SKIPPED: ${noBrowser})` : ''}`;

// The reporter names no skipped test by itself.
if (noBrowser !== undefined) console.warn(title);

describe.skipIf(noBrowser !== undefined)(title, () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  /** What no test wants to see: dialogs, errors, requests that leave. */
  let incidents: string[];

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  beforeEach(async () => {
    incidents = [];
    context = await browser.newContext();
    page = await context.newPage();
    page.on('dialog', async (dialog) => {
      incidents.push(`dialog: ${dialog.message()}`);
      await dialog.dismiss();
    });
    page.on('pageerror', (error) => incidents.push(`error: ${error.message}`));
    page.on('console', (message) => incidents.push(`console: ${message.text()}`));
    page.on('popup', () => incidents.push('a window was opened'));
    context.on('request', (request) => {
      if (!request.url().startsWith(given.analytics.pageUrl)) incidents.push(`request: ${request.url()}`);
    });
  });
  afterEach(async () => {
    await context.close();
    expect(incidents).toEqual([]);
  });

  const open = async (query = '') => {
    await page.goto(given.analytics.pageUrl + query);
    await page.locator('#count').filter({ hasText: 'artifact' }).waitFor();
  };
  const count = () => page.locator('#count').textContent();
  const shown = () => page.locator('#results summary .what').allTextContents();
  const says = (...expected: (string | undefined)[]) => expect.poll(shown).toEqual(expected);
  const message = ({ metadata }: Artifact) => metadata?.message as string;
  const field = (label: string) => page.getByLabel(label, { exact: true });
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const row = (text: string) => page.locator('#results summary').filter({ hasText: text });
  const refilled = async (label: string, value: string) => {
    await field(label).fill(value);
    await button('Search').click();
  };
  /** The search box, as opposed to its button. */
  const box = () => page.getByRole('searchbox');
  const asked = async (query: string) => {
    await box().fill(query);
    await button('Search').click();
  };
  const values = (facet: string) =>
    page
      .locator(`[data-facet=${facet}] button:not(.more)`)
      .evaluateAll((all) => all.map((one) => one.innerText));

  it('opens without a login and lists what is there, newest first, a line each', async () => {
    await post(threat, login, agent);
    await open();
    await says(message(agent), message(login), message(threat));
    expect(await count()).toBe('1–3 of 3 artifacts');
    const cells = await page.locator('#results summary').last().locator('> *').allTextContents();
    expect(cells).toEqual([
      '2026-03-01 11:59:05',
      'high',
      'acme',
      'threats',
      'WS-0042',
      'ACME\\jane.doe',
      'not mitigatedMalware invoice.exe was found on WS-0042',
    ]);
  });

  it('finds by each field, and by a query', async () => {
    await post(threat, login);
    await open();
    const right: [label: string, value: string, wrong: string][] = [
      ['Instance', 'ACME', 'acm'],
      ['Host', 'ws-00', '0042'],
      ['User', 'jane', 'doe'],
      ['File hash', hash.slice(0, 12).toUpperCase(), hash.slice(1)],
      ['To (UTC)', '2026-03-01T11:59:05', '2026-03-01T11:59:04'],
    ];
    for (const [label, value, wrong] of right) {
      await refilled(label, value);
      await says(message(threat));
      await refilled(label, wrong);
      await expect.poll(count).toBe('0 artifacts');
      await button('Clear').click();
      await says(message(login), message(threat));
    }
    await asked('host:ws-0042 "was found on"');
    await says(message(threat));
    expect(await count()).toBe('1–1 of 1 artifact');
  });

  it('counts by severity, outcome, stream and instance, and filters by a click', async () => {
    await post(threat, login, agent);
    await open();
    expect(await values('severity')).toEqual(['high\n1', 'low\n1', 'informational\n1']);
    expect(await values('outcome')).toEqual(['not mitigated\n1']);
    expect(await values('instance')).toEqual(['acme\n2', 'globex\n1']);
    await button('acme 2').click();
    await says(message(agent), message(threat));
    // The other instance can still be chosen.
    expect(await values('instance')).toEqual(['acme\n2', 'globex\n1']);
    expect(await values('stream')).toEqual(['agents\n1', 'threats\n1']);
    await button('threats 1').click();
    await says(message(threat));
    expect(page.url()).toBe(`${given.analytics.pageUrl}?instance=acme&stream=threats`);
    await button('Remove filter stream: threats').click();
    await says(message(agent), message(threat));
    await button('acme 2').click();
    await says(message(agent), message(login), message(threat));
  });

  it('shows when artifacts occurred, and filters to a bar', async () => {
    await post(threat, login, agent);
    await open();
    const bars = page.getByRole('group', { name: 'Artifacts over time' }).getByRole('button');
    const labels = await bars.evaluateAll((all) =>
      all.map((one) => one.title).filter((title) => !title.endsWith(': 0')),
    );
    expect(labels).toEqual([
      '2026-03-01 11:59:05 to 11:59:05 UTC: 1',
      '2026-03-01 11:59:30 to 11:59:30 UTC: 1',
      '2026-03-01 12:00:00 to 12:00:00 UTC: 1',
    ]);
    await bars.first().focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Enter');
    await says(message(threat));
    expect(await field('From (UTC)').inputValue()).toBe('2026-03-01T11:59:05');
  });

  it('finds what occurred in the last 15 minutes, hour, day and week', async () => {
    const hour = 3600;
    const ages = { '15 m': 600, '1 h': 0.9 * hour, '24 h': 23 * hour, '7 d': 160 * hour, All: 200 * hour };
    await post(
      ...Object.entries(ages).map(([name, age]) =>
        artifact(name, { message: name }, { timestamp: at(-age) }),
      ),
    );
    await open();
    const names = Object.keys(ages);
    for (const [i, name] of names.entries()) {
      await button(name).click();
      await says(...names.slice(0, i + 1));
    }
    await button('1 h').click();
    expect(page.url()).toBe(`${given.analytics.pageUrl}?last=1h`);
    await says(...names.slice(0, 2));
    await refilled('From (UTC)', '2026-02-20T00:00:01');
    await says(...names);
  });

  it('keeps the search in its address: to link, to go back to, to clear', async () => {
    await post(threat, login, agent);
    await open('?host=WS-0042&severity=high&from=2026-03-01T11:59:00Z');
    await says(message(threat));
    expect(await field('Host').inputValue()).toBe('WS-0042');
    expect(await button('high 1').getAttribute('aria-pressed')).toBe('true');
    await button('Clear').click();
    await says(message(agent), message(login), message(threat));
    expect(page.url()).toBe(given.analytics.pageUrl);
    expect(await field('Host').inputValue()).toBe('');
    await refilled('User', 'john.roe');
    await says(message(login));
    expect(page.url()).toBe(`${given.analytics.pageUrl}?user=john.roe`);
    await page.goBack();
    await page.goBack();
    await says(message(threat));
    expect(await field('User').inputValue()).toBe('');
  });

  it('shows metadata and the raw record of what is clicked: readable, and exactly as it came', async () => {
    await post(threat);
    await open();
    await page.locator('summary').click();
    const raw = page.getByLabel('Raw record');
    await raw.waitFor();
    const pairs = await page
      .locator('dt')
      .evaluateAll((all) =>
        all.map((term) => [
          term.textContent,
          [...(term.nextElementSibling?.querySelectorAll('.text') ?? [])]
            .map((one) => one.textContent)
            .join(', '),
        ]),
      );
    expect(Object.fromEntries(pairs)).toEqual({
      ...threat.metadata,
      attackTechniqueIds: 'T1059, T1204',
      timestamp: threat.timestamp,
      source: 'sentinelone',
      arrived: '2026-03-01T12:00:00.000000Z',
    });
    expect(await raw.textContent()).toBe(`{
  "id": "1",
  "note": "https://evil.example/a",
  "threatInfo": {
    "big": 12345678901234567890,
    "ratio": 1.0,
    "none": [],
    "list": [
      1,
      "two, {3} \\"4, 5\\""
    ]
  }
}`);
    await button('Raw').click();
    expect(await raw.textContent()).toBe(threat.raw);
    await button('Formatted').click();
    expect(JSON.parse((await raw.textContent()) ?? '')).toEqual(JSON.parse(threat.raw));
  });

  it('filters by a value of an open artifact, and copies it', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], {
      origin: given.analytics.pageUrl,
    });
    await post(threat, login, agent);
    await open();
    await row(message(threat)).click();
    const copied = () => page.evaluate('navigator.clipboard.readText()');
    await button('Copy userName').click();
    await expect.poll(copied).toBe('ACME\\jane.doe');
    await button('Copy record').click();
    await expect.poll(copied).toBe(threat.raw);
    await button('Filter by attackTechniqueIds T1204').click();
    await says(message(threat));
    expect(await box().inputValue()).toBe('attackTechniqueIds:"T1204"');
    await button('Clear').click();
    await says(message(agent), message(login), message(threat));
    await button('Filter by instance acme').click();
    await says(message(agent), message(threat));
    expect(await field('Instance').inputValue()).toBe('acme');
  });

  it('gives each artifact an address, a link to its threat and one to its tile', async () => {
    given.analytics.tilesUrl = 'http://127.0.0.1:1/tiles';
    await post(threat, login);
    await open();
    await row(message(threat)).click();
    const href = (name: string) => page.getByRole('link', { name, exact: true }).getAttribute('href');
    expect(await href('Threat in the console ↗')).toBe(
      'https://usea1-acme.sentinelone.net/incidents/threats/2169876543210987654/overview',
    );
    expect(await href('Status of acme')).toBe('http://127.0.0.1:1/tiles?find=acme');
    expect(await href('Instances')).toBe('http://127.0.0.1:1/tiles');
    const address = await href('Link to this artifact');
    expect(new URL(page.url()).search).toBe(String(address).slice(1));
    await page.reload();
    await page.getByLabel('Raw record').waitFor();
    expect(await page.locator('details[open] .what').allTextContents()).toEqual([message(threat)]);
    // Where the list does not hold it, it is above.
    await open(`?stream=activities&${String(address).slice(2)}`);
    await says(message(login));
    await page.locator('#linked').getByLabel('Raw record').waitFor();
    expect(await page.locator('#linked .what').textContent()).toBe(message(threat));
    await open(`?artifact=${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}`);
    await page.locator('#linked').getByText('was dropped to make room').waitFor();
    incidents = incidents.filter((incident) => !incident.includes('404'));
  });

  it('goes through pages of 50 that do not move, and to the last one from one past it', async () => {
    const many = Array.from({ length: 101 }, (_, i) =>
      artifact(`${i}`, { message: `no. ${i}` }, { timestamp: at(-i) }),
    );
    await post(...many);
    await open();
    expect(await count()).toBe('1–50 of 101 artifacts');
    expect(await button('← Newer').isDisabled()).toBe(true);
    await post(login, agent);
    await button('Older →').click();
    await expect.poll(count).toBe('51–100 of 101 artifacts');
    expect((await shown())[0]).toBe('no. 50');
    await button('Older →').click();
    await says('no. 100');
    expect(await button('Older →').isDisabled()).toBe(true);
    expect(page.url()).toBe(`${given.analytics.pageUrl}?page=3`);
    await button('← Newer').click();
    await expect.poll(count).toBe('51–100 of 101 artifacts');
    await open('?page=99');
    await says('no. 98', 'no. 99', 'no. 100');
    expect(page.url()).toBe(`${given.analytics.pageUrl}?page=3`);
  });

  it('says what to do where nothing has arrived, and where nothing is found', async () => {
    await page.clock.install();
    await open();
    await page.getByRole('heading', { name: 'No artifacts yet' }).waitFor();
    expect(await page.locator('#empty').textContent()).toContain('npm start');
    await post(threat);
    await page.clock.runFor(5000);
    await says(message(threat));
    await refilled('Host', 'nobody');
    await page.getByRole('heading', { name: 'No results' }).waitFor();
  });

  it('counts what has arrived, and shows it when asked to', async () => {
    await page.clock.install();
    await post(threat);
    await open('?instance=acme');
    await page.locator('summary').click();
    await page.getByLabel('Raw record').waitFor();
    await post(login, agent, artifact('2', { instance: 'acme', message: 'another' }, { timestamp: at(-1) }));
    await page.clock.runFor(5000);
    await button('2 new').waitFor();
    expect(await page.title()).toMatch(/^\(2\) /);
    await says(message(threat));
    expect(await count()).toBe('1–1 of 1 artifact');
    expect(await page.locator('details[open]').count()).toBe(1);
    await button('2 new').click();
    await says(message(agent), 'another', message(threat));
    expect(await button('2 new').count()).toBe(0);
    await post(artifact('3', { instance: 'acme', message: 'a third' }));
    await button('Refresh').click();
    await says('a third', message(agent), 'another', message(threat));
  });

  it('says when the stand-in has stopped', async () => {
    await post(threat);
    await open();
    await given.analytics.close();
    await button('Refresh').click();
    await page.getByRole('alert').filter({ hasText: 'does not respond' }).waitFor();
    given = await startGiven();
    // Chromium reports the refused connection on the console.
    incidents = incidents.filter((incident) => !incident.includes('ERR_CONNECTION_REFUSED'));
  });

  it('works with the keyboard alone', async () => {
    await post(threat, login, agent);
    await open();
    const focused = () => page.locator('summary:focus .what').allTextContents();
    await page.keyboard.press('/');
    await page.keyboard.type('user:j');
    await page.keyboard.press('Enter');
    await says(message(login), message(threat));
    await page.keyboard.press('ArrowDown');
    expect(await focused()).toEqual([message(login)]);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowDown');
    expect(await focused()).toEqual([message(threat)]);
    await page.keyboard.press('Enter');
    await page.getByLabel('Raw record').waitFor();
    const tabTo = async (what: string) => {
      for (let presses = 0; presses < 60; presses++) {
        await page.keyboard.press('Tab');
        if ((await page.locator(`:is(${what}):focus`).count()) > 0) return;
      }
      throw new Error(`Tab never comes to ${what}`);
    };
    await tabTo('.tools button[aria-pressed=false]');
    await page.keyboard.press('Space');
    expect(await page.getByLabel('Raw record').textContent()).toBe(threat.raw);
    await tabTo('pre');
    await page.keyboard.press('Escape');
    expect(await page.locator('details[open]').count()).toBe(0);
    expect(await focused()).toEqual([message(threat)]);
    await page.keyboard.press('/');
    const isInBox = () => page.locator('#text:focus').count();
    expect(await isInBox()).toBe(1);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    expect(await isInBox()).toBe(0);
  });

  it('has a label for every control', async () => {
    await open();
    const names = ['Instance', 'Host', 'User', 'File hash', 'From (UTC)', 'To (UTC)'];
    for (const name of names) expect(await page.locator('input').and(field(name)).count()).toBe(1);
    expect(await box().count()).toBe(1);
    expect(await page.locator('input:not([type=hidden])').count()).toBe(names.length + 1);
  });

  describe('with hostile records', () => {
    const markup = [
      '</script><script>alert(1)</script>',
      '<img src=x onerror=alert(1)>',
      '<img src="https://evil.example/leak">',
      '"><svg onload=alert(1)>',
      'javascript:alert(1)',
      '{{constructor.constructor("alert(1)")()}}',
    ];

    it('shows markup as text, and runs nothing', async () => {
      const keys = ['instance', 'clientHostname', 'userName', 'severityLabel', 'stream', 'message'];
      const unseen = ['senderHost', 'threatId', 'action'];
      await post(
        ...markup.map((text, i) => {
          const metadata = Object.fromEntries([...keys, ...unseen, text].map((key) => [key, text]));
          return artifact(`${i}`, metadata, { raw: text, timestamp: at(-i) });
        }),
      );
      await open();
      await says(...markup);
      for (const [i, text] of markup.entries()) {
        const item = page.locator('#results > li').nth(i);
        expect((await item.locator('summary > *').allTextContents()).slice(1)).toEqual(Array(6).fill(text));
        await item.locator('summary').click();
        expect(await item.getByLabel('Raw record').textContent()).toBe(text);
        expect(await item.locator('dt').allTextContents()).toContain(text);
        expect(await item.locator('a').allTextContents()).toEqual(['Link to this artifact', 'Open as text']);
      }
      await button(`${markup[1]} 1`).first().click();
      await says(markup[1]);
      expect(await page.locator('main :is(script, img, svg)').count()).toBe(0);
    });

    it('names what turns the writing round or cannot be seen, but leaves the raw record exactly as it is', async () => {
      const raw = '{"name":"invoice\u202egpj.exe", "\u200b":"\u2066\\u0000"}';
      await post(artifact('1', { message: 'invoice\u202egpj.exe\u0007', clientHostname: 'שלום' }, { raw }));
      await open();
      await says('invoiceU+202Egpj.exeU+0007');
      expect(await page.locator('summary .host').textContent()).toBe('שלום');
      await page.locator('summary').click();
      await page.getByText('"invoiceU+202Egpj.exe"').waitFor();
      await button('Raw').click();
      expect(await page.getByLabel('Raw record').textContent()).toBe(raw);
    });

    const mebibyte = 2 ** 20;
    it.each([
      ['one line', 'x'.repeat(mebibyte), 0],
      ['one string in JSON', JSON.stringify({ text: '\\"'.repeat(mebibyte / 4) }), 1],
      ['brackets in brackets', '['.repeat(mebibyte / 2) + ']'.repeat(mebibyte / 2), 0],
      ['what cannot be seen', '\u202e'.repeat(mebibyte / 3), 0],
    ])('shows a megabyte of %s', async (_what, raw, readable) => {
      await post(artifact('1', { message: raw.slice(0, 4096) }, { raw }));
      await open();
      await page.locator('summary').click();
      await page.getByLabel('Raw record').waitFor();
      expect(await button('Formatted').count()).toBe(readable);
      expect(await page.locator('.mark').count()).toBeLessThan(2500);
      await button('Raw').click();
      expect((await page.getByLabel('Raw record').textContent()) === raw).toBe(true);
    });
  });
});

describe.skipIf(noBrowser !== undefined)('the search page with 25,000 artifacts of 500 instances', () => {
  let browser: Browser;
  let many: Given;

  beforeAll(async () => {
    [browser, many] = await Promise.all([startBrowser(), startGiven()]);
    many.analytics.tilesUrl = 'http://127.0.0.1:1/tiles';
    const all = manyArtifacts(25_000, 500);
    for (let i = 0; i < all.length; i += 5000) await many.post(all.slice(i, i + 5000));
  });
  afterAll(async () => {
    await browser?.close();
    await many?.close();
  });

  async function opened(width: number, colorScheme: 'light' | 'dark', query = '') {
    const height = width > 1000 ? 900 : 844;
    const page = await browser.newPage({ viewport: { width, height }, colorScheme });
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`${many.analytics.pageUrl}${query}`);
    await page.locator('#results summary').first().waitFor();
    return { page, complaints };
  }

  const cases = [
    [1440, 'light'],
    [1440, 'dark'],
    [390, 'light'],
    [390, 'dark'],
  ] as const;
  it.each(cases)('is accessible and fits, %d wide, %s', async (width, scheme) => {
    const { page, complaints } = await opened(width, scheme);
    const isWide = width > 1000;
    await picture(page, `search-${width}-${scheme}`);
    const wholeRows = `[...document.querySelectorAll('#results summary')]
      .filter((row) => row.getBoundingClientRect().bottom <= innerHeight).length`;
    expect(await page.evaluate(wholeRows)).toBeGreaterThanOrEqual(isWide ? 20 : 8);
    const heights = await page
      .locator('#results summary')
      .evaluateAll((all) => all.map((row) => row.clientHeight));
    expect(Math.max(...heights)).toBeLessThan(isWide ? 30 : 50);
    const fields = page.getByLabel('Host', { exact: true });
    expect(await fields.isVisible()).toBe(isWide);
    if (!isWide) await page.getByRole('button', { name: 'Filters' }).click();
    await page.getByRole('button', { name: 'Show all 500' }).click();
    await page.locator('#results summary').first().click();
    await page.getByLabel('Raw record').waitFor();
    await picture(page, `search-${width}-${scheme}-open`, true);
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    if (!isWide) {
      await page.getByRole('button', { name: 'Show results' }).click();
      expect(await fields.isVisible()).toBe(false);
    }
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('finds one artifact, and one instance of all', async () => {
    const { page } = await opened(
      1440,
      'light',
      '?text=user:ana%20%22not%20mitigated%22&last=24h&severity=high',
    );
    const count = page.locator('#count');
    await count.filter({ hasText: /^1–50 of [\d,]+ artifacts$/ }).waitFor();
    await page.getByLabel('Instance', { exact: true }).fill('wayne-006');
    await page.keyboard.press('Enter');
    await count.filter({ hasText: /^(1–\d+ of )?\d artifacts?$/ }).waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByRole('searchbox').fill('fileName:emotet_24000.exe');
    await page.keyboard.press('Enter');
    await count.filter({ hasText: '1–1 of 1 artifact' }).waitFor();
    await page.close();
  });
});
