import { afterEach, expect, it } from 'vitest';
import { collectBuffers } from '../../../functions/kit/garbage.ts';

const { gc } = globalThis;
afterEach(() => {
  globalThis.gc = gc;
});

it('collects garbage only if buffers take more than they may, and where Node can be told to', () => {
  let collections = 0;
  globalThis.gc = (async () => {
    collections += 1;
  }) as typeof gc;
  collectBuffers(Number.POSITIVE_INFINITY);
  expect(collections).toBe(0);
  collectBuffers(0);
  expect(collections).toBe(1);
  globalThis.gc = undefined;
  collectBuffers(0);
});
