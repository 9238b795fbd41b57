import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { rulesText } from '../../functions/health/rules.ts';
import { startTiles } from '../../local/tiles.ts';
import { fiveHundred, itemsOf, now } from '../fixtures/fleet.ts';
import { startBrowser } from '../support/browser.ts';
import { dashboardPage } from './dashboard.ts';
import { smallPng } from './png.ts';

/** Makes the pictures in docs/: two pages of a run of `npm start`; the dashboard and the tiles of 500 with made-up data. */
const root = join(import.meta.dirname, '..', '..');

async function shot(page: Page, name: string): Promise<void> {
  await page.mouse.move(0, 0);
  writeFileSync(join(root, 'docs', `${name}.png`), await smallPng(page));
  await page.close();
}

async function ofRun(browser: Browser): Promise<void> {
  const run = spawn(process.execPath, ['local/start.ts'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  run.stdout.on('data', (text) => {
    printed += text;
  });
  const address = (path: string) =>
    new RegExp(`http://127\\.0\\.0\\.1:\\d+/${path}(?=\\s)`).exec(printed)?.[0];
  try {
    while (address('tiles') === undefined && run.exitCode === null) await sleep(200);
    const [search = '', tiles = ''] = [address(''), address('tiles')];
    // Until there is something to see, and each stream has been polled.
    const isReady = async () => {
      const answer = await (await fetch(`${search}search`)).json();
      const { counts } = answer as { counts: Record<'outcome' | 'stream', unknown[]> };
      return counts.outcome.length > 1 && counts.stream.length > 2;
    };
    while (!(await isReady())) await sleep(1000);
    const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
    await page.goto(search);
    await page.getByRole('button', { name: 'threats' }).click();
    await page.locator('#chips li').waitFor();
    await shot(page, 'search');
    const ofTiles = await browser.newPage({ viewport: { width: 1280, height: 450 } });
    await ofTiles.goto(tiles);
    await shot(ofTiles, 'tiles');
  } finally {
    run.kill('SIGINT');
    await once(run, 'exit');
  }
}

async function ofMany(browser: Browser): Promise<void> {
  const outputs = { HealthRules: rulesText({ allowedHostSuffixes: ['.sentinelone.net'], quietHours: {} }) };
  const tiles = await startTiles(
    {
      outputs,
      instances: async () => fiveHundred.map(({ record }) => record),
      status: async () => fiveHundred.flatMap(itemsOf),
    },
    { nowMs: () => now },
  );
  const page = await browser.newPage({ viewport: { width: 1280, height: 560 } });
  await page.goto(tiles.url);
  await shot(page, 'tiles-500');
  await tiles.close();
}

async function ofDashboard(browser: Browser): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 960 } });
  await page.setContent(dashboardPage());
  await shot(page, 'dashboard');
}

const browser = await startBrowser();
await ofDashboard(browser);
await ofMany(browser);
await ofRun(browser);
await browser.close();
