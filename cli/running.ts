import { constants } from 'node:fs';
import { open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from './errors.ts';

/** The file in which `npm start` records its endpoints and their credentials for `--local`. */
export interface RunningStack {
  readonly pid: number;
  /** The port of its search page, which tells it apart from others. */
  readonly port: number;
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

/** One that is still starting. */
type Starting = Pick<RunningStack, 'pid'> & { readonly outputs?: undefined };

const prefix = () => `sentinelone-collector-${process.getuid?.() ?? 'local'}-`;
const fileOf = (pid: number) => join(tmpdir(), `${prefix()}${pid}.json`);

/** Writes the file, readable by this user only, and returns a function that removes it. */
export async function announce(running: RunningStack | Starting): Promise<() => Promise<void>> {
  const file = fileOf(running.pid);
  const draft = `${file}.new`;
  await rm(draft, { force: true });
  await writeFile(draft, JSON.stringify(running), { mode: 0o600, flag: 'wx' });
  // A reader finds the file before or after, and never half of it.
  await rename(draft, file);
  return () => rm(file, { force: true });
}

/** The running `npm start`, or the one at this port. Throws CommandError where there is none, or more than one. */
export async function running(port: number | undefined): Promise<RunningStack> {
  const all = await readAll();
  const ready = all.filter((one) => one.outputs !== undefined);
  const wanted = ready.filter((one) => port === undefined || one.port === port);
  const [one] = wanted;
  if (one !== undefined && wanted.length === 1) return one;
  const ports = ready.map((one) => one.port).sort((a, b) => a - b);
  if (wanted.length > 1)
    throw new CommandError(
      `${wanted.length} npm start are running, with their search pages at the ports ${ports.join(' and ')}`,
      `Choose one: --port ${ports.join(' or --port ')}`,
    );
  if (all.length > ready.length)
    throw new CommandError('npm start is still starting', 'Wait until it says Ready, then run this again.');
  if (ready.length > 0)
    throw new CommandError(
      `no npm start is running at port ${port}`,
      `Choose one: --port ${ports.join(' or --port ')}`,
    );
  throw new CommandError('npm start is not running', 'Start it in another terminal: npm start');
}

async function readAll(): Promise<(RunningStack | Starting)[]> {
  const names = await readdir(tmpdir()).catch(() => []);
  const files = names.filter((name) => name.startsWith(prefix()) && name.endsWith('.json'));
  const found = await Promise.all(files.map((name) => read(join(tmpdir(), name))));
  return found.filter((one) => one !== undefined && isAlive(one.pid)) as (RunningStack | Starting)[];
}

/** Ignores a link and a file of another user, whose endpoints could receive a token. */
async function read(file: string): Promise<RunningStack | Starting | undefined> {
  try {
    await using found = await open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
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
