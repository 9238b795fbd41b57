import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rulesText } from '../../../functions/health/rules.ts';
import { startTiles, type Tiles } from '../../../local/tiles.ts';
import {
  fiveHundred,
  healthy,
  itemsOf,
  type Known,
  known,
  now,
  refused,
  three,
  threeHundred,
} from '../../fixtures/fleet.ts';
import { picture, violations } from '../../support/accessibility.ts';
import { noBrowser, startBrowser } from '../../support/browser.ts';
import { type Given, startGiven } from '../analytics/harness.ts';

const outputs = {
  HealthRules: rulesText({ allowedHostSuffixes: ['.sentinelone.net'], quietHours: {} }),
} as Parameters<typeof startTiles>[0]['outputs'];

/** The tables that the tiles read. */
let fleet: readonly Known[];
const forwarder = { instance: '#analytics', stream: 'forwarder', ...healthy() };
const watched: Parameters<typeof startTiles>[0] = {
  outputs,
  instances: async () => fleet.map(({ record }) => record),
  status: async () => [...fleet.flatMap(itemsOf), forwarder],
};

describe.skipIf(noBrowser !== undefined)(
  `the tiles of npm start in Chromium${noBrowser ? ` (skipped: ${noBrowser})` : ''}`,
  () => {
    let browser: Browser;
    let analytics: Given;
    let tiles: Tiles;
    let page: Page;
    let complaints: string[];

    beforeAll(async () => {
      [browser, analytics] = await Promise.all([startBrowser(), startGiven()]);
      tiles = await startTiles(watched, { searchUrl: analytics.analytics.pageUrl, nowMs: () => now });
      analytics.analytics.tilesUrl = tiles.url;
    });
    afterAll(async () => {
      await browser?.close();
      await tiles?.close();
      await analytics?.close();
    });
    beforeEach(() => {
      complaints = [];
    });
    afterEach(async () => {
      await page.context().close();
      expect(complaints).toEqual([]);
    });

    async function open(
      list: readonly Known[],
      options: Parameters<Browser['newContext']>[0] = {},
      query = '',
    ) {
      fleet = list;
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
      page = await context.newPage();
      page.on('console', (message) => complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(`${tiles.url}${query}`);
    }
    const names = () => page.locator('.s1-name').allTextContents();
    const find = () => page.getByLabel('Find');

    it.each([
      [1440, 'light'],
      [1440, 'dark'],
      [390, 'light'],
      [390, 'dark'],
    ] as const)('are accessible and fit, %d wide, %s', async (width, colorScheme) => {
      const height = width > 1000 ? 900 : 844;
      for (const [name, list] of Object.entries({ three, 'five-hundred': fiveHundred })) {
        await open(list, { viewport: { width, height }, colorScheme });
        await picture(page, `tiles-${name}-${width}-${colorScheme}`);
        expect(await violations(page)).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(
          0,
        );
        // Nothing between the tiles and the edges has another color.
        const back = (selector: string) =>
          page.evaluate(`getComputedStyle(document.querySelector('${selector}')).backgroundColor`);
        const [body, own] = [await back('body'), await back('.s1')];
        expect([await back('html'), body]).toEqual([own, own]);
        expect(own).toBe(colorScheme === 'dark' ? 'rgb(22, 29, 38)' : 'rgb(255, 255, 255)');
        if (list === three) await page.context().close();
      }
    });

    it.each(['light', 'dark'] as const)(
      'look like the search page, and link to it and back: %s',
      async (colorScheme) => {
        await open(three, { colorScheme });
        const looks = `(() => {
        const style = (selector, ...names) => names.map((name) => getComputedStyle(document.querySelector(selector))[name]);
        return [
          ...style('body', 'color', 'backgroundColor', 'fontFamily', 'fontSize'),
          ...style('.top', 'height', 'backgroundColor'),
          ...style('nav a[aria-current]', 'borderBottomColor'),
        ];
      })()`;
        const own = await page.evaluate(looks);
        const tileStyle = `(() => {
        const { color, fontFamily } = getComputedStyle(document.querySelector('.s1'));
        return [color, fontFamily];
      })()`;
        expect(own).toEqual(expect.arrayContaining((await page.evaluate(tileStyle)) as string[]));
        await page.getByRole('link', { name: 'Search' }).click();
        await page.locator('#count').filter({ hasText: 'artifact' }).waitFor();
        expect(await page.evaluate(looks)).toEqual(own);
        await page.getByRole('link', { name: 'Instances' }).click();
        expect(page.url()).toBe(tiles.url);
        await page.getByRole('link', { name: 'Artifacts' }).nth(1).click();
        expect(page.url()).toBe(`${analytics.analytics.pageUrl}?instance=acme`);
      },
    );

    it('show a cause of 70 of 300 instances once above the fold', async () => {
      await open(threeHundred);
      const causes = await page.locator('.s1-cause .s1-count').allTextContents();
      expect(causes).toEqual(['70', '10']);
      const text = await page.evaluate(`[...document.querySelectorAll('.s1 *')]
        .filter((one) => !one.childElementCount && one.checkVisibility() && one.getBoundingClientRect().top < innerHeight)
        .map((one) => one.textContent).join('\\n')`);
      expect(String(text).match(/does not exist/g)).toHaveLength(1);
      await picture(page, 'tiles-three-hundred');
      await page.getByText('64 more').click();
      await page.getByRole('link', { name: 'acme-060' }).first().click();
      expect(await names()).toEqual(['acme-060']);
      await page.getByText('secretId: signal-client/sentinelone/acme-060 does not exist').waitFor();
    });

    it('are a place to act: last poll, count and record, links, and the command to copy', async () => {
      await open(
        [...three, known('backlog', { threats: { ...refused, state: 'rate-limited', failures: 1 } })],
        {
          permissions: ['clipboard-read', 'clipboard-write'],
        },
      );
      const tile = page.locator('.s1-tile', { has: page.locator('.s1-name', { hasText: /^initech$/ }) });
      expect(await tile.locator('tr').nth(1).innerText()).toMatch(
        /threats\s+unauthorized\s+3 min\s+12\s+1 h\s+1 d/,
      );
      expect(
        await tile.getByRole('link', { name: 'usea1-initech.sentinelone.net' }).getAttribute('href'),
      ).toBe('https://usea1-initech.sentinelone.net/');
      await tile.getByRole('button', { name: 'Copy collector rotate initech' }).click();
      await expect
        .poll(() => page.evaluate('navigator.clipboard.readText()'))
        .toBe('collector rotate initech');
      expect(await names()).toContain('Forwarder to Analytics');
      const [runbook] = await Promise.all([
        page.context().waitForEvent('page'),
        tile.getByRole('link', { name: 'Runbook' }).click(),
      ]);
      await runbook.locator('h2:target', { hasText: 'unauthorized' }).waitFor();
    });

    it('keep what is typed in Find over a refresh, and show what it finds', async () => {
      await open(fiveHundred);
      await page.clock.install();
      await page.getByRole('link', { name: '14 warning' }).focus();
      fleet = fiveHundred.slice(1);
      await page.clock.runFor(15_000);
      await page.getByRole('link', { name: '499 instances' }).waitFor();
      expect(await page.locator('a:focus').allTextContents()).toEqual(['14 warning']);
      await page.keyboard.press('/');
      await page.keyboard.type('acme-49');
      fleet = [...three, known('acme-499')];
      await page.clock.runFor(15_000);
      await expect.poll(names).toEqual(['acme-499']);
      expect(await find().inputValue()).toBe('acme-49');
      expect(await page.locator('[name=find]:focus').count()).toBe(1);
      await page.keyboard.type('9x');
      await page.clock.runFor(500);
      await page.getByText('No matches.').waitFor();
      await page.reload();
      expect(await find().inputValue()).toBe('acme-499x');
      await find().fill('');
      await page.keyboard.press('Enter');
      await page.getByRole('link', { name: '1 critical' }).click();
      await expect.poll(names).toEqual(['initech']);
      await page.getByRole('link', { name: '4 instances' }).click();
      await expect.poll(names).toHaveLength(5);
    });

    it('are refreshed and chosen without a script too', async () => {
      await open(three, { javaScriptEnabled: false });
      await find().fill('acme');
      await page.getByRole('button', { name: 'Show' }).click();
      expect(await names()).toEqual(['acme']);
      expect(await page.locator('noscript meta').count()).toBe(1);
    });
  },
);
