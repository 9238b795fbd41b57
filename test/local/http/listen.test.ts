import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { listen } from '../../../local/http/listen.ts';

test('a port that is taken leads to the next free one', async () => {
  const first = await listen(createServer());
  const second = await listen(createServer(), first.port);
  expect(second.port).toBeGreaterThan(first.port);
  await first.close();
  const again = await listen(createServer(), first.port);
  expect(again.port).toBe(first.port);
  await second.close();
  await again.close();
});
