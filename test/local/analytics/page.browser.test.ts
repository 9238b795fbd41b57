import http from 'node:http';
import got from 'got';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Artifact } from '../../../local/analytics/artifact.ts';
import { noBrowser, startBrowser } from '../../support/browser.ts';
import { artifact, at, type Given, startGiven } from './harness.ts';

const hash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const threat = artifact(
  'threat',
  {
    stream: 'threats',
    streamName: 'sentinelone',
    severityLabel: 'high',
    clientHostname: 'WS-0042',
    userName: 'ACME\\jane.doe',
    fileHash: hash,
    fileName: 'invoice.exe',
    message: 'Malware invoice.exe was found on WS-0042',
    attackTechniqueIds: ['T1059', 'T1204'],
  },
  {
    raw: '{"id":"1", "threatInfo":{"big":12345678901234567890,"ratio":1.0,"none":[],"list":[1,"two, {3} \\"4, 5\\""]}}',
    timestamp: at(-54.75),
  },
);
const login = artifact(
  'login',
  {
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
  { stream: 'agents', severityLabel: 'low', clientHostname: 'WS-0001', message: 'WS-0001 is on Linux' },
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
  let searches: number;

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  beforeEach(async () => {
    incidents = [];
    searches = 0;
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
      if (request.url().includes('/search')) searches += 1;
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
  const count = () => page.getByRole('status').textContent();
  const shown = () => page.locator('summary .what').allTextContents();
  const says = (...expected: (string | undefined)[]) => expect.poll(shown).toEqual(expected);
  const message = ({ metadata }: Artifact) => metadata?.message as string;
  const field = (label: string) => page.getByLabel(label, { exact: true });
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const refilled = async (label: string, value: string) => {
    await field(label).fill(value);
    await button('Search').click();
  };

  it('opens without a login and lists what is there, newest first', async () => {
    await post(threat, login, agent);
    await open();
    await says(message(agent), message(login), message(threat));
    expect(await count()).toBe('1–3 of 3 artifacts');
    const cells = await page.locator('summary').last().locator('> *').allTextContents();
    expect(cells).toEqual([
      '2026-03-01 11:59:05',
      'high',
      'threats',
      'WS-0042',
      'ACME\\jane.doe',
      'Malware invoice.exe was found on WS-0042',
    ]);
  });

  const right: [label: string, value: string, wrong: string][] = [
    ['Text', 'INVOICE.exe', 'invoice.dll'],
    ['Text', '12345678901234567890', '12345678901234567000'],
    ['Host', 'WS-0042', 'ws-0042'],
    ['User', 'ACME\\jane.doe', 'jane.doe'],
    ['Stream', 'threats', 'threat'],
    ['File hash', hash, hash.slice(0, -1)],
    ['To (UTC)', '2026-03-01T11:59:05', '2026-03-01T11:59:04'],
  ];
  it.each(right)('finds by %s: %j', async (label, value, wrong) => {
    await post(threat, login, agent);
    await open();
    await says(message(agent), message(login), message(threat));
    await refilled(label, value);
    await says(message(threat));
    expect(await count()).toBe('1–1 of 1 artifact');
    await refilled(label, wrong);
    await expect.poll(count).toBe('0 artifacts');
    await says();
  });

  it('finds by severity, as soon as it is chosen', async () => {
    await post(threat, login, agent);
    await open();
    await field('Severity').selectOption('high');
    await says(message(threat));
    await field('Severity').selectOption('critical');
    await expect.poll(count).toBe('0 artifacts');
  });

  it('finds from a time on, and by all fields together', async () => {
    await post(threat, login, agent);
    await open();
    await refilled('From (UTC)', '2026-03-01T11:59:30');
    await says(message(agent), message(login));
    await refilled('Stream', 'sentinelone_mgmt');
    await says(message(login));
    await refilled('User', 'jane.doe');
    await expect.poll(count).toBe('0 artifacts');
  });

  it('keeps the search in its address: to link, to go back to, to clear', async () => {
    await post(threat, login, agent);
    await open('?host=WS-0042&severity=high&from=2026-03-01T11:59:00Z');
    await says(message(threat));
    expect(await field('Host').inputValue()).toBe('WS-0042');
    expect(await field('Severity').inputValue()).toBe('high');
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
    const terms = await page.locator('dt').allTextContents();
    const values = await page.locator('dd').allTextContents();
    const metadata = Object.fromEntries(terms.map((term, i) => [term, values[i]]));
    expect(metadata).toEqual({
      ...threat.metadata,
      attackTechniqueIds: 'T1059, T1204',
      timestamp: threat.timestamp,
      source: 'sentinelone',
      arrived: '2026-03-01T12:00:00.000000Z',
    });
    expect(await raw.textContent()).toBe(`{
  "id": "1",
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

  it('goes through pages of 50', async () => {
    await post(
      ...Array.from({ length: 101 }, (_, i) =>
        artifact(`${i}`, { message: `no. ${i}` }, { timestamp: at(-i) }),
      ),
    );
    await open();
    expect(await count()).toBe('1–50 of 101 artifacts');
    expect(await button('← Newer').isDisabled()).toBe(true);
    await button('Older →').click();
    await expect.poll(count).toBe('51–100 of 101 artifacts');
    expect((await shown())[0]).toBe('no. 50');
    await button('Older →').click();
    await says('no. 100');
    expect(await button('Older →').isDisabled()).toBe(true);
    expect(page.url()).toBe(`${given.analytics.pageUrl}?page=3`);
    await button('← Newer').click();
    await expect.poll(count).toBe('51–100 of 101 artifacts');
  });

  it('says what to do where nothing has arrived, and where nothing is found', async () => {
    await open();
    await page.getByRole('heading', { name: 'No artifacts yet' }).waitFor();
    expect(await page.locator('#empty').textContent()).toContain('npm start');
    await post(threat);
    await refilled('Host', 'nobody');
    await page.getByRole('heading', { name: 'No results' }).waitFor();
  });

  it('shows what arrives by itself while Live is on, keeps what is open, and else on Refresh', async () => {
    await page.clock.install();
    await post(threat);
    await open();
    await page.locator('summary').click();
    await page.getByLabel('Raw record').waitFor();
    await post(login);
    await page.clock.runFor(5000);
    await says(message(login), message(threat));
    expect(await page.locator('details[open] .what').allTextContents()).toEqual([message(threat)]);
    await field('Live').uncheck();
    await post(agent);
    const before = searches;
    await page.clock.runFor(60_000);
    // One more, which comes behind any other.
    await page.evaluate('fetch("/search").then((answer) => answer.text())');
    expect(searches).toBe(before + 1);
    await says(message(login), message(threat));
    await button('Refresh').click();
    await says(message(agent), message(login), message(threat));
  });

  it('says when the stand-in has stopped', async () => {
    await post(threat);
    await open();
    await page.getByLabel('Live').uncheck();
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
    const tabTo = async (what: string) => {
      for (let presses = 0; presses < 40; presses++) {
        await page.keyboard.press('Tab');
        if ((await page.locator(`:is(${what}):focus`).count()) > 0) return;
      }
      throw new Error(`Tab never comes to ${what}`);
    };
    await tabTo('[name=host]');
    await page.keyboard.type('WS-0042');
    await page.keyboard.press('Enter');
    await says(message(threat));
    await tabTo('summary');
    await page.keyboard.press('Enter');
    await page.getByLabel('Raw record').waitFor();
    await tabTo('.tools button[aria-pressed=false]');
    await page.keyboard.press('Space');
    expect(await page.getByLabel('Raw record').textContent()).toBe(threat.raw);
    await tabTo('pre');
  });

  it('has a label for every control', async () => {
    await open();
    const names = [
      'Text',
      'Host',
      'User',
      'Severity',
      'Stream',
      'File hash',
      'From (UTC)',
      'To (UTC)',
      'Live',
    ];
    for (const name of names) expect(await field(name).count()).toBe(1);
    expect(await page.locator('input, select').count()).toBe(names.length);
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

    it.each(markup)('shows %s as text, and runs nothing', async (text) => {
      const keys = ['clientHostname', 'userName', 'severityLabel', 'stream', 'message', text];
      await post(artifact('1', Object.fromEntries(keys.map((key) => [key, text])), { raw: text }));
      await open(`?text=${encodeURIComponent(text)}`);
      await says(text);
      expect((await page.locator('summary > *').allTextContents()).slice(1)).toEqual(Array(5).fill(text));
      await page.locator('summary').click();
      expect(await page.getByLabel('Raw record').textContent()).toBe(text);
      expect((await page.locator('dt').allTextContents()).at(-1)).toBe(text);
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
