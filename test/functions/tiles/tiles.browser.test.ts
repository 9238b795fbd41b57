import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultStreams as streams } from '../../../functions/streams/list.ts';
import { readChoice } from '../../../functions/tiles/choice.ts';
import type { Frame } from '../../../functions/tiles/frame.ts';
import { html } from '../../../functions/tiles/html.ts';
import { renderTiles } from '../../../functions/tiles/render.ts';
import {
  fiveHundred,
  healthOfKnown,
  hostile,
  hostileTexts,
  type Known,
  now,
  three,
} from '../../fixtures/fleet.ts';
import { noBrowser, startBrowser } from '../../support/browser.ts';

/** Kept to be looked at; not in the repository. */
const pictures = join(import.meta.dirname, '..', '..', '..', '.build', 'screenshots');
const width = 1400;

const controls: Frame['controls'] = {
  form: (fields) => html`<form>${fields}<a class="btn">Show</a></form>`,
  link: (label) => html`<a>${label}</a>`,
  open: (label) => html`<a>${label}</a>`,
};

/** As in a dashboard, where each link brings an action of its own. */
const action = (parameters: object) =>
  html`<cwdb-action action="call" display="widget" endpoint="arn:aws:lambda:us-east-1:000000000000:function:sentinelone-collector-tiles">${JSON.stringify(parameters)}</cwdb-action>`;
const deployedControls: Frame['controls'] = {
  ...controls,
  link: (label, pick) => html`<a>${label}</a>${action({ pick })}`,
  open: (label, only) => html`<a>${label}</a>${action({ only })}`,
};

function render(
  list: readonly Known[],
  theme: Frame['theme'],
  choice: Record<string, unknown> = {},
  own = controls,
): string {
  const instances = list.map(healthOfKnown);
  return renderTiles({ instances }, readChoice(choice), now, { theme, controls: own });
}

/** What a page looks like, as far as a test can see. */
interface Seen {
  readonly open: number;
  readonly listed: number;
  readonly first: string;
  readonly back: string;
  readonly leastContrast: number;
  readonly spills: number;
}

/** Runs in the page. The contrast is that of WCAG, of every text with what is behind it. */
const look = `(() => {
  const luminance = (colour) => {
    const [red, green, blue] = colour.match(/[\\d.]+/g).map((one) => {
      const part = Number(one) / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const backOf = (element) => {
    const colour = element ? getComputedStyle(element).backgroundColor : 'rgb(255, 255, 255)';
    return colour === 'rgba(0, 0, 0, 0)' ? backOf(element.parentElement) : colour;
  };
  const all = (selector) => [...document.querySelectorAll(selector)];
  const texts = all('.s1 *').filter((element) => !['OPTION', 'STYLE'].includes(element.tagName)
    && [...element.childNodes].some(({ nodeType, textContent }) => nodeType === 3 && textContent.trim()));
  const contrasts = texts.map((element) => {
    const [dark, light] = [getComputedStyle(element).color, backOf(element)].map(luminance).sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  });
  return {
    open: all('.s1-tile').length,
    listed: all('.s1-small').length,
    first: document.querySelector('.s1-tile, .s1-cause').className,
    back: getComputedStyle(document.querySelector('.s1')).backgroundColor,
    leastContrast: Math.min(...contrasts),
    spills: all('.s1, .s1-tile, .s1-summary').filter((one) => one.scrollWidth > one.clientWidth + 1).length,
  };
})()`;

describe.skipIf(noBrowser !== undefined)(
  `in a real browser${noBrowser ? ` (skipped: ${noBrowser})` : ''}`,
  () => {
    let browser: Browser;
    beforeAll(async () => {
      mkdirSync(pictures, { recursive: true });
      browser = await startBrowser();
    });
    afterAll(() => browser?.close());

    /** The tiles within a dashboard of that theme; what the page complains of is kept. */
    async function shown(tiles: string): Promise<{ page: Page; complaints: string[] }> {
      const page = await browser.newPage({ viewport: { width, height: 900 } });
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => complaints.push(message.text()));
      page.on('dialog', (dialog) => complaints.push(dialog.message()));
      page.on('request', (request) => complaints.push(request.url()));
      await page.setContent(`<!doctype html><body style="margin:0">${tiles}`);
      return { page, complaints };
    }

    const lists = { three, '500': fiveHundred };
    const cases = [
      ['three', 'light'],
      ['three', 'dark'],
      ['500', 'light'],
      ['500', 'dark'],
    ] as const;

    test.each(cases)('%s tiles are readable: %s', async (name, theme) => {
      const list = lists[name];
      const { page, complaints } = await shown(render(list, theme));
      await page.screenshot({ path: join(pictures, `${name}-${theme}.png`), fullPage: true });
      const seen = (await page.evaluate(look)) as Seen;
      expect(complaints).toEqual([]);
      expect(seen.open + seen.listed).toBe(list.length);
      expect(seen.first).toContain('s1-red');
      expect(seen.spills).toBe(0);
      // What WCAG asks of text.
      expect(seen.leastContrast).toBeGreaterThan(4.5);
      expect(seen.back).toBe(theme === 'dark' ? 'rgb(22, 29, 38)' : 'rgb(255, 255, 255)');
      await page.close();
    });

    test.each(Object.entries({ three, 120: fiveHundred.slice(0, 120) }))(
      'nothing of %s tiles spills out of a dashboard of any width',
      async (_name, list) => {
        const { page } = await shown(render(list, 'light'));
        for (const width of [1400, 1120, 800, 420, 320]) {
          await page.setViewportSize({ width, height: 900 });
          expect({ width, ...((await page.evaluate(look)) as Seen) }).toMatchObject({ width, spills: 0 });
        }
        await page.close();
      },
    );

    test('500 tiles begin with how many there are, and with each cause of many once', async () => {
      const { page } = await shown(render(fiveHundred, 'light'));
      expect(await page.locator('.s1-summary').innerText()).toMatch(
        /^500 instances\s+18 critical\s+14 warning/,
      );
      expect(await page.locator('.s1-cause .s1-count').allTextContents()).toEqual(['6', '6', '6', '7', '7']);
      expect(await page.locator('.s1-tile').count()).toBe(0);
      const lights = await page.locator('.s1-small').evaluateAll((all) => all.map((one) => one.className));
      expect(lights.slice(0, 32).every((name) => /red|yellow/.test(name))).toBe(true);
      const list = await page.locator('.s1-list').boundingBox();
      // 500 names in so many rows of eight: two screens at most.
      expect(list?.height).toBeLessThan(1800);
      await page.close();
    });

    test('hostile names, hosts and errors are shown as text, and nothing of them runs', async () => {
      const { page, complaints } = await shown(render(hostile, 'light', { find: '' }));
      await page.screenshot({ path: join(pictures, 'hostile.png'), fullPage: true });
      for (const control of await page.locator('.s1 input, .s1 select, .s1-name').all())
        await control.hover();
      const names = await page.locator('.s1-name, .s1-small bdi').allTextContents();
      // HTML has no way to write U+0000.
      const plain = (text: string) => text.replaceAll('\u0000', '');
      expect(names).toEqual(expect.arrayContaining(hostileTexts.map(plain)));
      const errors = await page.locator('.s1-trouble bdi').allTextContents();
      for (const text of hostileTexts) expect(errors).toContain(plain(text));
      expect(
        await page
          .locator('.s1 script, .s1 img, .s1 svg, .s1 cwdb-action, .s1 [onerror], .s1 [onload]')
          .count(),
      ).toBe(0);
      expect(await page.evaluate('window.stolen')).toBeUndefined();
      expect(complaints).toEqual([]);
      await page.close();
    });

    test('what was looked for stands in its field as text', async () => {
      const find = '"><script>window.stolen = 1</script>';
      const { page } = await shown(render(three, 'dark', { find }));
      expect(await page.locator('input[name=find]').inputValue()).toBe(find);
      expect(await page.locator('.s1-note').innerText()).toBe('No matches.');
      expect(await page.evaluate('window.stolen')).toBeUndefined();
      await page.close();
    });

    test('there may be none at all', async () => {
      const { page } = await shown(render([], 'light'));
      expect(await page.locator('.s1').innerText()).toMatch(/0 instances[\s\S]*There is no instance yet\./);
      await page.close();
    });
  },
);

describe('the HTML', () => {
  test('stays small enough for a widget at 500, at its worst too', () => {
    expect(render(fiveHundred, 'light', {}, deployedControls).length).toBeLessThan(200_000);
    const long = 'x'.repeat(100_000);
    const worst = fiveHundred.map(({ record }) => ({
      record: { ...record, host: long.slice(0, 300) },
      status: Object.fromEntries(
        streams.map(({ name }) => [
          name,
          { state: 'failed' as const, lastError: `${name}${long}`, remedy: long },
        ]),
      ),
    }));
    expect(render(worst, 'light', {}, deployedControls).length).toBeLessThan(600_000);
  });

  test('shows a part of more instances than a page holds, and says how many are left', () => {
    const many = Array.from({ length: 2000 }, (_, i) => ({ record: { instance: `i-${i}` }, status: {} }));
    expect(render(many, 'light')).toContain('500 more: refine the filter.');
  });

  test('escapes each value that goes into a template, also in lists, and nothing twice', () => {
    const bad = `<a href="x" title='y'>&`;
    const good = '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;';
    expect(html`<b title="${bad}">${[bad, html`<i>${bad}</i>`]}${undefined}${false}${0}</b>`.text).toBe(
      `<b title="${good}">${good}<i>${good}</i>0</b>`,
    );
  });
});
