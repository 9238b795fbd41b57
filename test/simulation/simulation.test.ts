import { expect, test } from 'vitest';
import { runScript } from '../support/cli.ts';

test('200 more worlds of faults and kills: nothing lost, nothing invented, no repeat without a reason', async () => {
  const { code, out } = await runScript('test/simulation/simulate.ts', '--from', '101', '--seeds', '200');
  expect(out).toMatch(/^seeds 200, /m);
  expect(out).toMatch(/, lost 0, /);
  expect(out).toMatch(/^worlds that went wrong 0, /m);
  expect(code).toBe(0);
});

test('the simulation catches each of the named ways to break a poll', async () => {
  const { code, out } = await runScript('test/simulation/mutate.ts', '--seeds', '1500');
  expect(out.split('\n').filter((line) => line.startsWith('UNSEEN'))).toEqual([]);
  expect(code).toBe(0);
}, 600_000);
