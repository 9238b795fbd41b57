import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { InstanceHealth } from '../functions/health/instance-health.ts';
import { ended } from './support/cli.ts';
import { readWalk } from './support/readme-commands.ts';

const root = join(import.meta.dirname, '..');
const steps = readWalk();

let folder: string;
let environment: Record<string, string | undefined>;
let started: ChildProcess;
const stateFiles = async () => (await readdir(folder)).filter((name) => name.endsWith('.json'));

/** `npm start` in one terminal, with temporary files of its own. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'walk-'));
  const PATH = [join(process.execPath, '..'), process.env.PATH].join(delimiter);
  environment = { PATH, TMPDIR: folder, HOME: folder };
  started = spawn(process.execPath, [join(root, 'local', 'start.ts')], {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  started.stdout?.setEncoding('utf8').on('data', (more: string) => {
    out += more;
  });
  while (!/initech +red +unauthorized/.test(out)) await once(started.stdout as NodeJS.EventEmitter, 'data');
});
afterAll(async () => {
  started.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** A command in the other terminal: the shell reads it, so that it is in no process list. */
async function typed(line: string) {
  const shell = spawn('bash', [], { cwd: root, env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
  shell.stdin.end(`${line}\n`);
  return ended(shell);
}

let forwardedBefore: string | undefined;
async function lastForwarded(): Promise<string | undefined> {
  const all: InstanceHealth[] = JSON.parse((await typed('./collector status --local --json')).out);
  return all.find(({ instance }) => instance === '#analytics')?.worst.lastPollAt;
}

describe('the walk of the README', () => {
  test('has the commands that an operator needs', () => {
    const commands = steps.map(({ line }) => /collector (\w+)/.exec(line)?.[1]);
    for (const command of ['add', 'test', 'status', 'disable', 'rotate', 'replay', 'remove'])
      expect(commands).toContain(command);
  });

  test('is there for this user alone while npm start runs, and says how fast that is', async () => {
    const [name = ''] = await stateFiles();
    expect((await lstat(join(folder, name))).mode & 0o777).toBe(0o600);
    const { outputs } = JSON.parse(await readFile(join(folder, name), 'utf8'));
    expect(JSON.parse(outputs.HealthRules)).toMatchObject({ speed: 60 });
    while (forwardedBefore === undefined) forwardedBefore = await lastForwarded();
  });

  test.each(steps)('$line', async ({ line, code }) => {
    const run = await typed(line);
    expect({ ...run, code: run.code }).toMatchObject({ code });
    if (line.includes('--wait')) expect(run.out).toContain('1 instance: 1 green');
    if (line.includes('replay')) expect(run.out).toMatch(/: [1-9]\d* artifacts delivered again/);
    if (line.includes('status --local')) expect(run.out).toMatch(/initech +red +unauthorized/);
  });

  test('shows what was forwarded last, which is not what was forwarded first', async () => {
    while ((await lastForwarded()) === forwardedBefore) await sleep(500);
  });

  test('leaves nothing behind', async () => {
    expect((await typed('./collector show hooli --local')).err).toContain('there is no instance hooli');
    const closed = once(started, 'close');
    started.kill('SIGINT');
    expect(await closed).toEqual([0, null]);
    expect(await stateFiles()).toEqual([]);
  });
});
