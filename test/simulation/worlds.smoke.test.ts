import { expect, test } from 'vitest';
import { runScript } from '../support/cli.ts';

test('100 worlds of faults and kills: nothing lost, nothing invented, no repeat without a reason', async () => {
  const { code, out } = await runScript('test/simulation/simulate.ts', '--seeds', '100');
  expect(out).toMatch(/^seeds 100, /m);
  expect(out).toMatch(/, lost 0, /);
  expect(out).toMatch(/^worlds that went wrong 0, /m);
  expect(code).toBe(0);
});
