import { lstat, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from './errors.ts';

/** A stack that `npm start` runs on this machine: what it writes down, and `--local` finds. No secret is in it. */
export interface RunningStack {
  readonly pid: number;
  readonly stackName: string;
  /** As CloudFormation would answer them. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly endpoints: {
    readonly dynamodb: string;
    readonly sqs: string;
    readonly secretsManager: string;
    readonly lambda: string;
    readonly logs: string;
  };
  /** How this machine reaches the simulated consoles; undefined where consoles are real. */
  readonly consoles?: { readonly proxyUrl: string; readonly caFile: string } | undefined;
}

const file = () => join(tmpdir(), `sentinelone-collector-${process.getuid?.() ?? 'local'}.json`);

/** Writes it down for this user alone; answers what removes it again. The newest one counts. */
export async function announce(running: RunningStack): Promise<() => Promise<void>> {
  await rm(file(), { force: true });
  await writeFile(file(), JSON.stringify(running), { mode: 0o600, flag: 'wx' });
  return async () => {
    const found = await read();
    if (found?.pid === running.pid) await rm(file(), { force: true });
  };
}

/** Throws CommandError where nothing runs. */
export async function running(): Promise<RunningStack> {
  const found = await read();
  if (found === undefined || !isAlive(found.pid)) {
    throw new CommandError('npm start is not running', 'Start it in another terminal: npm start');
  }
  return found;
}

/** A file that another user put there could lead a token to them. */
async function read(): Promise<RunningStack | undefined> {
  try {
    const { uid } = await lstat(file());
    if (process.getuid !== undefined && uid !== process.getuid()) return undefined;
    return JSON.parse(await readFile(file(), 'utf8'));
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
