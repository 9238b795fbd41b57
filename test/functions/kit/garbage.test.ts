import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { free } from '../../../functions/kit/garbage.ts';

it('gives the memory of a large buffer back, with all views of it', () => {
  const buffer = Buffer.alloc(Buffer.poolSize + 1, 'a');
  const view = buffer.subarray(10, 20);
  free(view);
  expect([buffer.length, view.length]).toEqual([0, 0]);
});

it('leaves a small buffer alone, because it shares its memory', () => {
  const [small, neighbour] = [Buffer.from('small'), Buffer.from('neighbour')];
  free(small);
  expect(String(small) + String(neighbour)).toBe('smallneighbour');
});

/** MiB of the space for new objects, after many that live for a while, as the records of pages do. */
function youngMib(eachRound: string): number {
  const code = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { limitYoungHeap } from '${new URL('../../../functions/kit/garbage.ts', import.meta.url)}';
    const living = [];
    for (let round = 0; round < 200; round++) {
      living[round % 3] = Array.from({ length: 20_000 }, (_, i) => ({ round, i }));
      ${eachRound}
    }
    console.log(getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size);`;
  const flags = ['--max-semi-space-size=64', '--input-type=module', '--eval', code];
  return Number(execFileSync(process.execPath, flags, { encoding: 'utf8' })) / 1024 / 1024;
}

it('keeps the space for new objects small', () => {
  expect(youngMib('')).toBeGreaterThan(20);
  expect(youngMib('limitYoungHeap();')).toBeLessThan(20);
});
