import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { linesOf } from '../../cli/commands/status.ts';
import { printable } from '../../cli/output.ts';
import type { InstanceHealth } from '../../functions/health/instance-health.ts';
import type { Verdict } from '../../functions/health/verdict.ts';
import { ended, spawnCli } from '../support/cli.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (page: string) => readFileSync(join(root, page), 'utf8');
const pages = globSync(['README.md', 'docs/*.md'], { cwd: root });

test('the README has at most 130 lines', () => {
  expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(130);
});

test('the first screen of the README says what reaches Analytics, and by which setting', () => {
  const first = read('README.md').split('\n').slice(0, 20).join('\n');
  for (const text of ['WitFoo Analytics', '`analyticsUrl`', 'docs/flow.svg']) expect(first).toContain(text);
});

test('each page of docs is found from docs/README.md or the README', () => {
  const front = read('README.md') + read('docs/README.md');
  const lost = pages.filter((page) => page !== 'README.md' && !front.includes(page.replace(/^docs\//, '')));
  expect(lost).toEqual([]);
});

describe('AWS CloudShell, whose home folder is too small for the packages', () => {
  const lines = ['README.md', 'docs/operations.md'].map((page) => {
    const [, line = ''] = /CloudShell[^`]*`(cd [^`]+)`/.exec(read(page).replaceAll('\n', ' ')) ?? [];
    return [page, line] as const;
  });

  test.each(lines)(
    '%s: the line leads clone, cache and logs of npm elsewhere, in all commands that follow',
    async (_, line) => {
      const home = mkdtempSync(join(tmpdir(), 'home-'));
      const away = mkdtempSync(join(tmpdir(), 'away-'));
      const typed = `${line.replaceAll('/tmp', away)}; pwd; sh -c 'npm config get cache logs-dir'`;
      const shell = spawn('bash', ['-c', typed], {
        env: { PATH: process.env.PATH, HOME: home },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const { out } = await ended(shell);
      // Without a setting, the logs are in the cache.
      expect(out.trimEnd().split('\n')).toEqual([away, `cache=${away}/npm`, 'logs-dir=null']);
      expect(readdirSync(home)).toEqual([]);
      for (const folder of [home, away]) rmSync(folder, { recursive: true });
    },
  );

  test('the clone that follows goes where the line leads', () => {
    const [, commands = ''] =
      /### In AWS: the stack[\s\S]*?```sh\n([\s\S]*?)```/.exec(read('README.md')) ?? [];
    expect(commands).toMatch(/^git clone REPOSITORY ([\w-]+)\ncd \1\nnpm ci\n/);
  });
});

/** Every command line in these pages, with its options. */
const typed = pages.flatMap((page) =>
  [...read(page).matchAll(/\.\/collector ([a-z]+)([^\n`#|]*)/g)].map(([, name = '', rest = '']) => ({
    page,
    name,
    options: rest.match(/--[a-z-]+/g) ?? [],
  })),
);
const names = [...new Set(typed.map(({ name }) => name))];

describe('the commands in README and docs', () => {
  test.each(names)('exist, with their options: %s', async (name) => {
    const { code, out } = await ended(spawnCli([name, '--help'], {}));
    expect(code).toBe(0);
    const known = new Set(out.match(/--[a-z-]+/g));
    const unknown = typed.filter(
      (one) => one.name === name && one.options.some((option) => !known.has(option)),
    );
    expect(unknown).toEqual([]);
  });
});

test('the status in docs/many.md is what the command prints', () => {
  const [, sample = ''] = /```\n(300 instances[\s\S]*?)```/.exec(read('docs/many.md')) ?? [];
  const health = (instance: string, worst: Partial<Verdict>): InstanceHealth => {
    const verdict = { stream: 'threats', light: 'red', ...worst } as Verdict;
    return {
      instance,
      host: `usea1-${instance}.sentinelone.net`,
      light: verdict.light,
      worst: verdict,
      tokenExpiresAt: undefined,
      streams: [verdict],
    };
  };
  const all = Array.from({ length: 300 }, (_, i) => {
    const name = `acme-${String(i + 1).padStart(3, '0')}`;
    if (i < 70)
      return health(name, {
        word: 'misconfigured',
        error: `secretId: the secret signal-client/sentinelone/${name} does not exist or may not be read`,
        remedy: `Store the token of usea1-${name}.sentinelone.net in the secret signal-client/sentinelone/${name}: collector rotate ${name}`,
      });
    if (i < 72) return health(name, { word: 'unauthorized', error: 'refused' });
    return health(name, { light: i < 80 ? 'yellow' : 'green', word: i < 80 ? 'backlogged' : 'ok' });
  });
  const lines = linesOf(all, all, {})
    .map((line) => printable(line))
    .slice(0, 5);
  expect(sample.trimEnd().split('\n')).toEqual(lines);
});
