import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Chunk, svgOf } from './terminal.ts';

// Records the first hour as a new user has it, from the clone to a threat that is found, each command in a terminal of
// 80×24, and writes docs/first-hour.svg. Needs `script` of util-linux.

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'first-hour-'));
const clone = join(folder, 'sentinelone-collector');
const started = performance.now();
const token = 'token-of-a-simulated-console';

const sinceStart = () => `${Math.round((performance.now() - started) / 1000)} s`;

interface Running {
  readonly child: ChildProcess;
  readonly chunks: Chunk[];
}

/** Starts a command in a terminal; `keys` are typed when it asks. */
function typed(command: string, cwd: string, keys?: string): Running {
  const child = spawn('script', ['-qec', `stty cols 80 rows 24 -echo; ${command}`, '/dev/null'], {
    cwd,
    env: { ...process.env, TERM: 'xterm-256color', TMPDIR: folder },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const now = () => performance.now() - started;
  const chunks: Chunk[] = [{ atMs: now(), text: `\x1b[32m$\x1b[0m \x1b[1m${command}\x1b[0m\n` }];
  let [left, shown] = [keys, ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    chunks.push({ atMs: now(), text });
    shown += text;
    if (left === undefined || !shown.includes('is hidden')) return;
    child.stdin?.write(left);
    left = undefined;
  });
  return { child, chunks };
}

async function ended({ child, chunks }: Running): Promise<Chunk[]> {
  console.log(chunks[0]?.text.trim());
  await once(child, 'close');
  return [
    ...chunks,
    { atMs: performance.now() - started, text: `\x1b[2m[${sinceStart()} since the beginning]\x1b[0m\n\n` },
  ];
}

const run = (command: string, cwd = clone, keys?: string) => ended(typed(command, cwd, keys));

const install = [
  ...(await run(`git clone -q ${root} sentinelone-collector`, folder)).map(({ atMs, text }) => ({
    atMs,
    // The address of this clone says nothing to a reader.
    text: text.replaceAll(root, 'REPOSITORY'),
  })),
  ...(await run('npm ci')),
];
const start = typed('npm start', clone);
const shows = (pattern: RegExp) => pattern.test(start.chunks.map(({ text }) => text).join(''));
try {
  while (!shows(/initech .*unauthorized[\s\S]*Search /)) {
    if (start.child.exitCode !== null) throw new Error('npm start has ended');
    await sleep(100);
  }
  const beginning = start.chunks.slice();
  const repaired = [
    ...(await run('./collector status --local')),
    ...(await run('./collector rotate initech --local', clone, `${token}\r`)),
  ];
  const added = [
    ...(await run('./collector add hooli --host usea1-hooli.sentinelone.net --local', clone, `${token}\r`)),
    ...(await run('./collector status initech hooli --wait 60 --local')),
  ];
  const search = '127.0.0.1:8470/search?stream=threats&instance=hooli';
  const found = [
    ...(await run(
      `curl -s '${search}' | tr ',' '\\n' | grep -E '"(uuid|timestamp|host|user|message|type)"' | head -3`,
    )),
    ...(await run('./collector status --local')),
  ];
  const title =
    'The first hour in a terminal: npm ci, npm start, initech repaired, a console added, a threat found';
  writeFileSync(
    join(root, 'docs', 'first-hour.svg'),
    svgOf(title, [install, beginning, repaired, added, found]),
  );
} finally {
  // Ctrl-C
  start.child.stdin?.write('\x03');
  await once(start.child, 'close');
  rmSync(folder, { recursive: true, force: true });
}
