import { constants } from 'node:fs';
import { open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from './errors.ts';

/** The file in which `npm start` records its endpoints and their credentials for `--local`. */
export interface RunningStack {
  readonly pid: number;
  readonly stackName: string;
  /** The stack outputs, as CloudFormation returns them. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly endpoints: {
    readonly dynamodb: string;
    readonly sqs: string;
    readonly secretsManager: string;
    readonly lambda: string;
    readonly logs: string;
  };
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    /** Random for each start. */
    readonly sessionToken: string;
  };
  /** Proxy and CA of the simulated consoles; undefined if the consoles are real. */
  readonly consoles?: { readonly proxyUrl: string; readonly caFile: string } | undefined;
}

const file = () => join(tmpdir(), `sentinelone-collector-${process.getuid?.() ?? 'local'}.json`);

/** Writes the file, readable by this user only, and returns a function that removes it. A newer file replaces an older one. */
export async function announce(running: RunningStack): Promise<() => Promise<void>> {
  await rm(file(), { force: true });
  await writeFile(file(), JSON.stringify(running), { mode: 0o600, flag: 'wx' });
  return async () => {
    const found = await read();
    if (found?.pid === running.pid) await rm(file(), { force: true });
  };
}

/** Throws CommandError if `npm start` is not running. */
export async function running(): Promise<RunningStack> {
  const found = await read();
  if (found === undefined || !isAlive(found.pid)) {
    throw new CommandError('npm start is not running', 'Start it in another terminal: npm start');
  }
  return found;
}

/** Ignores a link and a file of another user, whose endpoints could receive a token. */
async function read(): Promise<RunningStack | undefined> {
  try {
    await using found = await open(file(), constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    const { uid } = await found.stat();
    if (process.getuid !== undefined && uid !== process.getuid()) return undefined;
    return JSON.parse(await found.readFile('utf8'));
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
