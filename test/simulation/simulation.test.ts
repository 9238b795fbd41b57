import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

async function run(
  script: string,
  ...args: readonly string[]
): Promise<{ code: number | null; out: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [out] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { code: child.exitCode, out };
}

test('300 worlds of faults and kills: nothing lost, nothing invented, no repeat without a reason', async () => {
  const { code, out } = await run('simulate.ts', '--seeds', '300');
  expect(out).toMatch(/^seeds 300, /m);
  expect(out).toMatch(/, lost 0, /);
  expect(out).toMatch(/^worlds that went wrong 0, /m);
  expect(code).toBe(0);
});

test('the simulation catches each of the named ways to break the core', async () => {
  const { code, out } = await run('mutate.ts', '--seeds', '1500');
  expect(out.split('\n').filter((line) => line.startsWith('UNSEEN'))).toEqual([]);
  expect(code).toBe(0);
}, 600_000);
