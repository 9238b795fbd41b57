import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { client, streamOf } from '../../../functions/adapters/http.ts';

const server = createServer((_, response) => response.end('all'));
let url: string;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => server.close());

test('a request that fails once it is read to its end fails nothing else', async () => {
  const stream = streamOf(client, url, {});
  expect(String(await buffer(stream))).toBe('all');
  stream.destroy(new Error('aborted too late'));
  await setImmediate();
});

test('a request that fails before that is told to its reader', async () => {
  const stream = streamOf(client, url, {});
  stream.destroy(new Error('aborted in time'));
  await expect(buffer(stream)).rejects.toThrow('aborted in time');
});
