import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { bundle } from '../../infra/build/bundle.ts';
import { memoryMb } from '../../infra/functions/function.ts';
import { startFunction } from '../../local/lambda/function.ts';
import { median, sum, withSpread } from './numbers.ts';
import { atMost, type Report, table } from './report.ts';
import { type Stage, startStage } from './stage.ts';
import { usageOf } from './usage.ts';

/** Milliseconds to import a module, in a new process. */
async function importMs(file: string, environment: Readonly<Record<string, string>>): Promise<number> {
  const url = JSON.stringify(pathToFileURL(file));
  const source = `const began = performance.now(); await import(${url}); process.stdout.write(String(performance.now() - began)); process.exit();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', source], {
    env: { PATH: process.env.PATH ?? '', AWS_REGION: 'us-east-1', ...environment },
  });
  return Number(stdout);
}

/** From the start of a process to the end of its first poll, of one instance with nothing new. */
async function firstPoll(stage: Stage): Promise<{ readonly wallMs: number; readonly cpuMs: number }> {
  await stage.give({});
  await stage.addInstances(1);
  const poller = await startFunction({
    name: 'bench',
    code: stage.code,
    handler: 'poller.handler',
    memoryMb,
    timeoutSeconds: 60,
    environment: stage.environment('activities'),
    onLine: () => undefined,
  });
  const began = performance.now();
  await poller.invoke({});
  const wallMs = performance.now() - began;
  const { cpuMs } = usageOf(poller.pid ?? 0);
  poller.stop();
  return { wallMs, cpuMs };
}

async function bytesIn(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = files
    .filter((file) => file.isFile() && file.name.endsWith('.mjs'))
    .map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size);
  return sum(await Promise.all(sizes));
}

/** The bundle's files that a poll of a quiet instance imports. */
async function loadedByQuietPoll(stage: Stage, folder: string): Promise<readonly string[]> {
  const hook = join(folder, 'loads.mjs');
  const list = join(folder, 'loaded');
  await writeFile(
    hook,
    `import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
registerHooks({ load(url, context, next) { appendFileSync(${JSON.stringify(list)}, url + '\\n'); return next(url, context); } });`,
  );
  await stage.give({});
  const environment = stage.environment('activities');
  const collector = await stage.runner(stage.code, {
    ...environment,
    NODE_OPTIONS: `--import=${pathToFileURL(hook)}`,
  });
  await stage.addInstances(1);
  await collector.invoke();
  await collector.invoke(10);
  collector.stop();
  const urls = (await readFile(list, 'utf8')).split('\n').filter((url) => url.startsWith('file:'));
  return [...new Set(urls.map((url) => fileURLToPath(url)))].filter((file) => file.startsWith(stage.code));
}

export async function sizes(
  stage: Stage,
  folder: string,
): Promise<{ all: number; quiet: number; files: readonly string[] }> {
  const files = await loadedByQuietPoll(stage, folder);
  const loaded = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return { all: (await bytesIn(stage.code)) / 1024, quiet: sum(loaded) / 1024, files };
}

export async function benchColdStart(rounds: number): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-cold-'));
  const stage = await startStage(1);
  const ours: number[] = [];
  const clients: number[] = [];
  const polls: Awaited<ReturnType<typeof firstPoll>>[] = [];
  let size: { all: number; quiet: number };
  let sdkKib: number;
  try {
    const sdk = join(folder, 'sdk');
    bundle(sdk, { entries: { index: 'test/bench/sdk-clients.ts' } });
    sdkKib = (await bytesIn(sdk)) / 1024;
    size = await sizes(stage, folder);
    for (let round = 0; round < rounds; round++) {
      ours.push(await importMs(join(stage.code, 'poller.mjs'), stage.environment('activities')));
      clients.push(await importMs(join(sdk, 'index.mjs'), {}));
      polls.push(await firstPoll(stage));
    }
  } finally {
    await stage.close();
    await rm(folder, { recursive: true, force: true });
  }
  const ratios = ours.map((ms, i) => ms / (clients[i] ?? 1));
  return {
    title: 'Cold start',
    shown: [
      atMost('bundle of the poller, minified, all told', 880, size.all, ' KiB', 0),
      atMost('what a quiet poll loads of it', 650, size.quiet, ' KiB', 0),
      atMost(
        'cold start to the end of the first poll',
        550,
        median(polls.map(({ wallMs }) => wallMs)),
        ' ms',
        0,
      ),
      atMost('its import time / importing its SDK clients alone', 1.5, median(ratios)),
    ],
    text: `${table(
      ['', 'KiB', 'import, ms'],
      [
        [
          'poller',
          `${size.all.toFixed(0)}, of which a quiet poll loads ${size.quiet.toFixed(0)}`,
          withSpread(ours, 1),
        ],
        ['its SDK clients alone', sdkKib.toFixed(0), withSpread(clients, 1)],
        ['ratio', '', withSpread(ratios, 2)],
      ],
    )}

From the start of a process to the end of its first poll it takes ${withSpread(polls.map(({ wallMs }) => wallMs))} ms, and
${withSpread(polls.map(({ cpuMs }) => cpuMs))} ms of CPU.

Each in ${rounds} new processes, in turn. "SDK clients alone" is a bundle, made likewise, of the DynamoDB, SQS and Secrets Manager clients and the
commands that the poller uses, and nothing else.`,
  };
}
