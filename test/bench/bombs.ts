import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atMost, type Report, table } from './report.ts';

/** 80 % of the function's memory. */
const mostMib = 0.8 * 512;

/** The most memory that the poller takes for each answer of a hostile console, as the test measures it. */
export async function benchBombs(): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-bombs-'));
  try {
    const file = join(folder, 'peaks.ndjson');
    execFileSync('npx', ['vitest', 'run', '--project', 'memory', 'test/local/bombs.test.ts'], {
      env: { ...process.env, BOMB_PEAKS: file },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    return bombsReport(lines.map((line): [string, number] => JSON.parse(line)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function bombsReport(peaks: readonly [what: string, mib: number][]): Report {
  return {
    title: 'Pages of a hostile console',
    shown: [
      atMost(
        'peak memory of a poller with 512 MB (VmHWM)',
        mostMib,
        Math.max(...peaks.map(([, mib]) => mib)),
        ' MiB',
        0,
      ),
    ],
    text: `${table(
      ['answer', 'peak MiB'],
      peaks.map(([what, mib]) => [what, Math.round(mib)]),
    )}

Each answer in a new process, and all of them in one run at the end; an honest console is polled in the same run.`,
  };
}
