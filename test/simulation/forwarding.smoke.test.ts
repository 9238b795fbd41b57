import fc from 'fast-check';
import { expect, test } from 'vitest';
import { judge, live, type Plan, quietWorlds, stormyWorlds } from './forwarding.ts';

async function lived(plan: Plan): Promise<void> {
  expect(judge(plan, await live(plan))).toEqual([]);
}

test('whatever fails, each artifact is accepted or in the dead letters with its reason, once all is well', async () => {
  await fc.assert(fc.asyncProperty(stormyWorlds, lived), { numRuns: 400, seed: 1 });
});

test('without a fault each artifact is accepted exactly once, or dead-lettered exactly once and alone', async () => {
  await fc.assert(fc.asyncProperty(quietWorlds, lived), { numRuns: 150, seed: 1 });
});
