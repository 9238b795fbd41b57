import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { announce } from '../../cli/running.ts';
import type { World } from './world.ts';

const root = join(import.meta.dirname, '..', '..');

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Starts the command line as an operator would; `input` is what is sent to its standard input. */
export function spawnCli(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  input = '',
): ChildProcess {
  const child = spawn(process.execPath, [join(root, 'cli', 'main.ts'), ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin?.end(input);
  return child;
}

export async function ended(child: ChildProcess): Promise<Ended> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('no output');
  const [out, err, [code]] = await Promise.all([text(stdout), text(stderr), once(child, 'close')]);
  return { code, out, err: err.replace(meanwhile, '') };
}

/** Runs a script of the project, by its path from the root. */
export const runScript = (script: string, ...args: readonly string[]): Promise<Ended> =>
  ended(spawn(process.execPath, [script, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] }));

/** What it says while it waits, for longer or shorter. */
const meanwhile =
  /^(testing from Lambda|.*busy with a poll, waiting|.* artifacts, at .*|.*waiting for all to be green)\n/gm;

/** Lets `--local` of this process's children find the world's collector, in a folder of its own for temporary files. */
export async function announceWorld({ collector, consoles }: World, folder: string) {
  const own = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  try {
    await announce({
      pid: process.pid,
      port: 8470,
      stackName: 'SentinelOneCollector',
      outputs: collector.outputs,
      endpoints: collector.endpoints,
      credentials: collector.aws.credentials,
      consoles: { proxyUrl: consoles.proxyUrl, caFile: consoles.caFile },
    });
  } finally {
    if (own === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = own;
  }
  return (args: readonly string[], input?: string) =>
    spawnCli(['--local', ...args], { TMPDIR: folder, HOME: folder }, input);
}
