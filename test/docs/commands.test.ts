import { globSync, readFileSync } from 'node:fs';
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
