import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import cdkJson from '../cdk.json' with { type: 'json' };
import { announce } from '../cli/running.ts';
import { streams } from '../functions/streams/list.ts';
import { synthesise } from '../infra/synth.ts';
import { type Arguments, readArguments, usage } from './arguments.ts';
import { type Arrivals, arrive, compare, countOf } from './arrivals.ts';
import { type LocalCollector, startCollector } from './collector.ts';
import { busy, fleets, realConsole, recordsIn, type Scene } from './scenes.ts';
import { say, sayLogLine, sayNewest, sayStatus } from './show.ts';

/** The whole collector on this machine: the deployed bundle and template against stand-ins. */
async function main(): Promise<number> {
  const given = readArguments(process.argv.slice(2));
  if (given.help) {
    say(usage);
    return 0;
  }
  await using world = new AsyncDisposableStack();
  const scene = world.adopt(await sceneOf(given), ({ close }) => close());
  const outdir = world.adopt(await mkdtemp(join(tmpdir(), 'sentinelone-synth-')), removed);
  const { environment } = scene;
  const options = { ...synthesise({}, outdir), environment, onLine: sayLogLine };
  const collector = world.adopt(await startCollector(options), ({ close }) => close());
  const arrivals: Arrivals = { messages: 0, newest: undefined, raw: new Map() };

  for (const { record, token, should } of scene.instances) {
    await collector.addInstance(record, token);
    if (should === 'unauthorized')
      say(`${record.instance} has a wrong token on purpose, to show what that is like.`);
  }
  if (given.once) await tickAll(collector, arrivals);
  else {
    world.defer(await announced(collector, scene));
    await untilInterrupted((stopped) => tickOnAndOn(collector, arrivals, speedOf(given), stopped));
  }
  return await summary(collector, arrivals, scene);
}

/** Lets `npm run cli -- --local` find what runs here. */
function announced(
  { endpoints, outputs }: LocalCollector,
  { consoles }: Scene,
): Promise<() => Promise<void>> {
  const { stackName } = cdkJson.context;
  const reached = consoles && { proxyUrl: consoles.proxyUrl, caFile: consoles.caFile };
  return announce({ pid: process.pid, stackName, outputs, endpoints, consoles: reached });
}

function removed(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}

/** How much more often than deployed the functions are fired: a minute is a second, but not for a real console. */
function speedOf({ host }: Arguments): number {
  return host === undefined ? 60 : 1;
}

async function sceneOf({ once, records, host }: Arguments): Promise<Scene> {
  if (records !== undefined) return recordsIn(records);
  if (host === undefined) return fleets(once ? {} : busy);
  const token = process.env.SENTINELONE_API_TOKEN;
  if (token === undefined || token === '')
    throw new Error('Put the API token into the environment variable SENTINELONE_API_TOKEN.');
  return realConsole(host, token);
}

async function tickAll(collector: LocalCollector, arrivals: Arrivals): Promise<void> {
  const time = Date.now();
  await Promise.all(streams.map(({ name }) => tick(collector, name, time)));
  await drain(collector, arrivals);
}

/** A function that fails has said so in its log; the others go on. */
async function tick(collector: LocalCollector, stream: string, time: number): Promise<void> {
  await collector.tick(stream, new Date(time)).catch((error: unknown) => say(`ERROR ${String(error)}`));
}

/** The ticks say the time that it would be, so that everybody is due. */
async function tickOnAndOn(
  collector: LocalCollector,
  arrivals: Arrivals,
  speed: number,
  stopped: AbortSignal,
): Promise<void> {
  if (speed > 1) say(`The functions are fired ${speed} times as often as when deployed. Ctrl-C stops.`);
  const start = Date.now();
  const clockwork = async (stream: string, cadenceMs: number) => {
    for (let ticks = 0; !stopped.aborted; ticks++) {
      await tick(collector, stream, start + ticks * cadenceMs);
      const next = start + ((ticks + 1) * cadenceMs) / speed;
      await sleep(Math.max(0, next - Date.now()), undefined, { signal: stopped }).catch(() => undefined);
    }
  };
  const onlooker = async () => {
    while (!stopped.aborted) {
      await sleep(10_000, undefined, { signal: stopped }).catch(() => undefined);
      await drain(collector, arrivals);
      sayStatus(await collector.status());
    }
  };
  await Promise.all([
    ...streams.map(({ name, cadenceMinutes }) => clockwork(name, cadenceMinutes * 60_000)),
    onlooker(),
  ]);
}

async function untilInterrupted(work: (stopped: AbortSignal) => Promise<void>): Promise<void> {
  const stopped = new AbortController();
  process.once('SIGINT', () => stopped.abort());
  process.once('SIGTERM', () => stopped.abort());
  await work(stopped.signal);
}

async function drain(collector: LocalCollector, arrivals: Arrivals): Promise<void> {
  await arrive(arrivals, await collector.receive(), collector.overflow);
  const parts = streams.map(({ name }) => `${countOf(arrivals, name)} ${name}`).join(', ');
  say(`queue: ${arrivals.messages} messages with ${countOf(arrivals)} artifacts so far (${parts})`);
  if (arrivals.newest !== undefined) sayNewest(arrivals.newest);
}

/** Prints where everything stands; answers 1 where something failed that should not have. */
async function summary(
  collector: LocalCollector,
  arrivals: Arrivals,
  { instances, expected }: Scene,
): Promise<number> {
  const status = await collector.status();
  sayStatus(status);
  const wrong: string[] = [];
  for (const { record, should } of instances) {
    for (const { name } of streams) {
      const found = status.find(({ instance, stream }) => instance === record.instance && stream === name);
      const state = found?.state ?? 'pending';
      if (state !== should && !(should === 'ok' && state === 'backlogged')) {
        wrong.push(`${name} of ${record.instance} should be ${should} and is ${state}`);
      }
    }
  }
  if (expected !== undefined) {
    const { unchanged, expected: total, unexpected } = compare(arrivals, expected);
    say(`${unchanged} of ${total} records delivered unchanged`);
    if (unchanged < total) wrong.push(`${total - unchanged} records are missing or changed`);
    if (unexpected > 0) wrong.push(`${unexpected} artifacts came that nobody expected`);
  }
  say(`${countOf(arrivals)} artifacts in ${arrivals.messages} messages`);
  for (const line of wrong) say(`NOT AS IT SHOULD BE: ${line}`);
  return wrong.length > 0 ? 1 : 0;
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
});
