import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { streams } from '../functions/streams/list.ts';
import { synthesise } from '../infra/synth.ts';
import { type Arguments, readArguments, usage } from './arguments.ts';
import { type Arrivals, arrive, compare, countOf } from './arrivals.ts';
import { type LocalCollector, startCollector } from './collector.ts';
import { fleets, realConsole, recordsIn, type Scene } from './scenes.ts';
import { say, sayLogLine, sayNewest, sayStatus } from './show.ts';

/** The whole collector on this machine: the deployed bundle and template against stand-ins. */
async function main(): Promise<number> {
  const given = readArguments(process.argv.slice(2));
  if (given.help) {
    say(usage);
    return 0;
  }
  const clock = quickened(given);
  await using world = new AsyncDisposableStack();
  const scene = world.adopt(await sceneOf(given, clock.now), ({ close }) => close());
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
  if (given.once) await tickAll(collector, arrivals, clock.now());
  else await untilInterrupted((stopped) => tickOnAndOn(collector, arrivals, clock, stopped));
  return await summary(collector, arrivals, scene);
}

function removed(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}

interface QuickenedClock {
  /** Milliseconds since 1970, for consoles and ticks. */
  readonly now: () => number;
  /** How many of its minutes pass in one of ours. */
  readonly speed: number;
}

/** A minute is a second, unless a real console is at the other end. */
function quickened({ once, host }: Arguments): QuickenedClock {
  const speed = once || host !== undefined ? 1 : 60;
  const start = Date.now();
  return { now: () => Math.floor(start + (Date.now() - start) * speed), speed };
}

async function sceneOf({ records, host }: Arguments, now: () => number): Promise<Scene> {
  if (records !== undefined) return recordsIn(records, now);
  if (host === undefined) return fleets(now);
  const token = process.env.SENTINELONE_API_TOKEN;
  if (token === undefined || token === '')
    throw new Error('Put the API token into the environment variable SENTINELONE_API_TOKEN.');
  return realConsole(host, token);
}

async function tickAll(collector: LocalCollector, arrivals: Arrivals, time: number): Promise<void> {
  await Promise.all(streams.map(({ name }) => tick(collector, name, time)));
  await drain(collector, arrivals);
}

/** A function that fails has said so in its log; the others go on. */
async function tick(collector: LocalCollector, stream: string, time: number): Promise<void> {
  await collector.tick(stream, new Date(time)).catch((error: unknown) => say(`ERROR ${String(error)}`));
}

async function tickOnAndOn(
  collector: LocalCollector,
  arrivals: Arrivals,
  { now, speed }: QuickenedClock,
  stopped: AbortSignal,
): Promise<void> {
  say(`One minute of the consoles' time passes in ${60 / speed} s. Ctrl-C stops.`);
  const clockwork = async (stream: string, cadenceMs: number) => {
    for (let time = now(); !stopped.aborted; time += cadenceMs) {
      await tick(collector, stream, time);
      await sleep(Math.max(0, (time + cadenceMs - now()) / speed), undefined, { signal: stopped }).catch(
        () => undefined,
      );
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
