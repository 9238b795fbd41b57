import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listenersOf } from '../support/listeners.ts';
import { startLocal } from '../support/start.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'start-security-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('this machine’s table of listeners is read', async () => {
  for (const address of ['127.0.0.1', '0.0.0.0', '::']) {
    const server = createServer().listen(0, address);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const shown = address === '::' ? `[${'0'.repeat(32)}]` : address;
    expect(listenersOf(process.pid)).toContain(`${shown}:${port}`);
    server.close();
  }
});

test('npm start -- --once listens on loopback only, and leaves no file behind', async () => {
  const child = startLocal(['--once'], { TMPDIR: folder });
  const found = new Set<string>();
  const ended = once(child, 'close');
  while (child.exitCode === null && child.signalCode === null) {
    for (const listener of listenersOf(child.pid ?? 0)) found.add(listener);
    await sleep(20);
  }
  expect(await ended).toEqual([0, null]);
  expect([...found].filter((listener) => !listener.startsWith('127.0.0.1:'))).toEqual([]);
  // Consoles, their proxy, Analytics, its page, five AWS services, five functions.
  expect(found.size).toBeGreaterThanOrEqual(14);
  expect(await readdir(folder)).toEqual([]);
});
