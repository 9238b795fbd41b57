import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The path of a Python program, on the path or in a version of pyenv; undefined where it is not installed. */
export function program(name: string): string | undefined {
  const pyenv = process.env.PYENV_ROOT ?? join(homedir(), '.pyenv');
  const folders = [
    // A shim is there also for what only another version has.
    ...(process.env.PATH ?? '').split(delimiter).filter((folder) => basename(folder) !== 'shims'),
    ...globSync(join(pyenv, 'versions', '*', 'bin')),
  ];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

export interface Moto {
  readonly endpoint: string;
  close(): void;
}

export async function startMoto(path: string): Promise<Moto> {
  const port = await freePort();
  const child: ChildProcess = spawn(path, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  const exited = once(child, 'exit').then(() => Promise.reject(new Error(`${path} exited`)));
  exited.catch(() => undefined);
  const endpoint = `http://127.0.0.1:${port}`;
  const answers = () =>
    fetch(`${endpoint}/moto-api/`)
      .then(({ ok }) => ok)
      .catch(() => false);
  while (!(await Promise.race([answers(), exited]))) await sleep(100);
  return { endpoint, close: () => child.kill() };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
