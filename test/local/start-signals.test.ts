import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { tree } from '../support/listeners.ts';
import { startLocal } from '../support/start.ts';

const root = join(import.meta.dirname, '..', '..');

const byNpm = (TMPDIR: string) =>
  spawn('npm', ['start'], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: TMPDIR, TMPDIR },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
const byNode = (TMPDIR: string) => startLocal([], { TMPDIR });

/** Waits until the text was printed, or something was written below the folder. */
async function until(child: ChildProcess, folder: string, wanted: RegExp | 'a folder') {
  let out = '';
  child.stdout?.setEncoding('utf8').on('data', (more: string) => {
    out += more;
  });
  while (wanted === 'a folder' ? (await ours(folder)).length === 0 : !wanted.test(out)) {
    if (child.exitCode !== null) throw new Error(`it ended: ${out}`);
    await sleep(20);
  }
  return () => out;
}

/** Without what npm and Node keep there. */
const ours = async (folder: string) =>
  (await readdir(folder)).filter((name) => /collector|sentinelone|simulated/.test(name));

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('npm start', () => {
  test.each<
    [string, (folder: string) => ChildProcess, RegExp | 'a folder', (child: ChildProcess) => unknown]
  >([
    ['SIGTERM to npm', byNpm, /fetched \d+ threats/, (child) => child.kill('SIGTERM')],
    ['a terminal that is closed while it starts', byNode, 'a folder', (child) => child.kill('SIGHUP')],
    ['a reader that has enough', byNode, /fetched \d+ threats/, (child) => child.stdout?.destroy()],
  ])('leaves no process and no file behind after %s', async (_, start, wanted, end) => {
    const folder = await mkdtemp(join(tmpdir(), 'signals-'));
    const child = start(folder);
    let err = '';
    child.stderr?.setEncoding('utf8').on('data', (more: string) => {
      err += more;
    });
    const out = await until(child, folder, wanted);
    const processes = tree(child.pid ?? 0);
    end(child);
    const [code] = await once(child, 'close');
    while (processes.some(isAlive)) await sleep(50);
    expect(err).toBe('');
    expect(await ours(folder)).toEqual([]);
    if (start === byNode) expect(code).toBe(0);
    if (child.stdout?.destroyed === false) expect(out()).toMatch(/Stopped\. Nothing is left behind\.\n$/);
    await rm(folder, { recursive: true });
  });
});

test('npm start --once is understood without --', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'once-'));
  const child = spawn('npm', ['start', '--once'], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: folder, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await until(child, folder, /artifacts: \d+ collected, \d+ forwarded, \d+ accepted\n/);
  const [code] = await once(child, 'close');
  expect(code).toBe(0);
  await rm(folder, { recursive: true });
});
