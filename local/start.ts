import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import cdkJson from '../cdk.json' with { type: 'json' };
import { print } from '../cli/output.ts';
import { announce } from '../cli/running.ts';
import { streams as allStreams, deployedStreams } from '../functions/streams/list.ts';
import { synthesise } from '../infra/synth.ts';
import { type Analytics, startAnalytics } from './analytics/analytics.ts';
import { type Arguments, readArguments, usage } from './arguments.ts';
import { type LocalCollector, startCollector } from './collector.ts';
import { compare, countOf } from './delivered.ts';
import { readHealth } from './health.ts';
import { busy, fleets, mostRemarks, realConsole, recordsIn, type Scenario } from './scenarios.ts';
import { checkSearch, searchableThreat } from './search-check.ts';
import { readLogLine, say, sayFound, sayHealth, sayLogLine, sayNewest } from './show.ts';
import { startTiles } from './tiles.ts';

/** Streams in addition to those by default. */
const optionalStreams: readonly string[] = [];
const streams = deployedStreams(allStreams, optionalStreams);

/** The running collector, its consoles and Analytics, and counts from the log lines of its functions. */
interface Stage {
  readonly scenario: Scenario;
  readonly collector: LocalCollector;
  readonly analytics: Analytics;
  readonly tally: { collected: number; forwarded: number };
  readonly stopped: AbortSignal;
}

/** Runs the whole collector on this machine: the bundle and the template with stand-ins for AWS. */
async function main(): Promise<number> {
  const given = readArguments(process.argv.slice(2), process.env);
  if (given.help) {
    for (const line of usage.split('\n')) say(line);
    return 0;
  }
  const stopped = stopSignal();
  const code = await run(given, stopped).catch((error: unknown) => {
    if (stopped.aborted) return 0;
    throw error;
  });
  if (stopped.aborted) say('Stopped. Nothing is left behind.');
  return code;
}

/** Aborts on a signal, or when the reader of the output exits. A second signal exits immediately. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => stop.abort());
  for (const output of [process.stdout, process.stderr]) output.on('error', () => stop.abort());
  // npm sends a signal only to its shell, so this process also watches its parent.
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && stop.abort(), 500).unref();
  return stop.signal;
}

/** Rejects when it is stopped, and stops everything that it started. */
async function run(given: Arguments, stopped: AbortSignal): Promise<number> {
  const step = <T>(work: Promise<T>): Promise<T> => {
    const aborted = new Promise<never>((_, reject) => {
      if (stopped.aborted) reject(stopped.reason);
      stopped.addEventListener('abort', () => reject(stopped.reason), { once: true });
    });
    return Promise.race([work, aborted]);
  };
  await using world = new AsyncDisposableStack();
  const scenario = world.adopt(await scenarioOf(given), ({ close }) => close());
  const analytics = world.adopt(await startAnalytics(), ({ close }) => close());
  stopped.throwIfAborted();
  const folder = world.adopt(await mkdtemp(join(tmpdir(), 'sentinelone-synth-')), removed);
  const caFile = join(folder, 'analytics-ca.pem');
  await writeFile(caFile, analytics.caPem);
  const tally = { collected: 0, forwarded: 0 };
  const options = {
    ...synthesise({ analyticsUrl: analytics.url, optionalStreams }, join(folder, 'assembly')),
    environment: scenario.environment,
    forwarderEnvironment: { NODE_EXTRA_CA_CERTS: caFile },
    onLine(line: string) {
      sayLogLine(line);
      const { fetched, posted } = readLogLine(line);
      tally.collected += fetched;
      tally.forwarded += posted;
    },
  };
  // Synthesis is synchronous, so signals during it are handled after it.
  await nextTurn();
  stopped.throwIfAborted();
  const collector = world.adopt(await startCollector(options), ({ close }) => close());
  const [user] = analytics.users;
  collector.aws.secrets.put('signal-client/analytics', JSON.stringify(user));

  stopped.throwIfAborted();
  const { remarks = [] } = scenario;
  for (const remark of remarks.slice(0, mostRemarks)) say(remark);
  if (remarks.length > mostRemarks) say(`… and ${remarks.length - mostRemarks} more lines`);
  for (const { record, token, should, firstSeenMs } of scenario.instances) {
    await collector.addInstance(record, token);
    if (firstSeenMs !== undefined) await collector.firstSaw(record.instance, firstSeenMs);
    if (should === 'unauthorized') say(`${record.instance} has a wrong token, as an example.`);
  }
  const stage = { scenario, collector, analytics, tally, stopped };
  if (given.once) await step(tickAll(stage));
  else {
    const tiles = world.adopt(await startTiles(collector), ({ close }) => close());
    say(`Tiles of all instances: ${tiles.url}`);
    world.defer(await announced(collector, scenario));
    await step(runSchedule(stage, speedOf(given)));
  }
  return await summary(stage, given);
}

/** Records the endpoints for `npm run cli -- --local`. */
function announced(
  { aws: { credentials }, endpoints, outputs }: LocalCollector,
  { consoles }: Scenario,
): Promise<() => Promise<void>> {
  const { stackName } = cdkJson.context;
  const reached = consoles && { proxyUrl: consoles.proxyUrl, caFile: consoles.caFile };
  return announce({ pid: process.pid, stackName, outputs, endpoints, credentials, consoles: reached });
}

function removed(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}

/** The speed of the schedule: 60× for simulated consoles, 1× for a real one. */
function speedOf({ host }: Arguments): number {
  return host === undefined ? 60 : 1;
}

async function scenarioOf({ once, records, host }: Arguments): Promise<Scenario> {
  if (records !== undefined) return recordsIn(records);
  if (host === undefined) return fleets(once ? {} : busy);
  const token = process.env.SENTINELONE_API_TOKEN;
  if (token === undefined || token === '')
    throw new Error('Set the environment variable SENTINELONE_API_TOKEN to the API token.');
  return realConsole(host, token);
}

async function tickAll(stage: Stage): Promise<void> {
  const time = Date.now();
  await Promise.all(streams.map(({ name }) => tick(stage, name, time)));
  while (await forwardSome(stage)) sayArrived(stage);
}

/** Invokes a function. An error is printed and does not stop the others. */
async function tick({ collector, stopped }: Stage, stream: string, time: number): Promise<void> {
  await collector.tick(stream, new Date(time)).catch((error: unknown) => {
    if (!stopped.aborted) say(`ERROR ${String(error)}`);
  });
}

/** Each tick has the simulated time, so that all instances are due. */
async function runSchedule(stage: Stage, speed: number): Promise<void> {
  const { collector, analytics, stopped } = stage;
  if (speed > 1) say(`The schedule runs ${speed}× faster than in AWS. Press Ctrl-C to stop.`);
  say(`Search page for the collected artifacts, as in Analytics: ${analytics.pageUrl}`);
  const start = Date.now();
  const pause = (ms: number) => sleep(Math.max(0, ms), undefined, { signal: stopped }).catch(() => undefined);
  const schedule = async (stream: string, cadenceMs: number) => {
    for (let ticks = 0; !stopped.aborted; ticks++) {
      await tick(stage, stream, start + ticks * cadenceMs);
      await pause(start + ((ticks + 1) * cadenceMs) / speed - Date.now());
    }
  };
  const eventSource = async () => {
    while (!stopped.aborted) if (!(await forwardSome(stage))) await pause(1_000);
  };
  const reporter = async () => {
    while (!stopped.aborted) {
      await pause(10_000);
      if (stopped.aborted) return;
      sayArrived(stage);
      await sayNow(collector);
    }
  };
  await Promise.all([
    ...streams.map(({ name, cadenceMinutes }) => schedule(name, cadenceMinutes * 60_000)),
    eventSource(),
    reporter(),
  ]);
}

async function sayNow(collector: LocalCollector): Promise<void> {
  const now = Date.now();
  const { instances, forwarder } = await readHealth(collector, now);
  sayHealth(forwarder === undefined ? instances : [...instances, forwarder], now);
}

/** Forwards the visible messages; returns whether at least one was forwarded. */
async function forwardSome({ collector }: Stage): Promise<boolean> {
  const { messages, failed } = await collector.forward();
  return messages > failed;
}

function sayArrived({ analytics: { accepted, acceptedInAll } }: Stage): void {
  const parts = streams.map(({ name }) => `${countOf(accepted, name)} ${name}`).join(', ');
  say(`analytics: ${acceptedInAll} artifacts so far (${parts})`);
  const newest = accepted.at(-1);
  if (newest !== undefined) sayNewest(newest);
}

/** Prints the final status. Returns 1 if there is a mismatch. */
async function summary(stage: Stage, { once }: Arguments): Promise<number> {
  const { scenario, collector, analytics, tally } = stage;
  await sayNow(collector);
  const status = await collector.status();
  const wrong: string[] = [];
  for (const { record, should } of scenario.instances) {
    for (const { name } of streams) {
      const found = status.find(({ instance, stream }) => instance === record.instance && stream === name);
      const state = found?.state ?? 'pending';
      if (state !== should && !(should === 'ok' && state === 'backlogged')) {
        wrong.push(`${name} of ${record.instance} is ${state}, expected ${should}`);
      }
    }
  }
  if (scenario.expected !== undefined) {
    const { unchanged, expected: total, unexpected } = compare(analytics.accepted, scenario.expected);
    say(`${unchanged} of ${total} records delivered unchanged`);
    if (unchanged < total) wrong.push(`${total - unchanged} records are missing or changed`);
    if (unexpected > 0) wrong.push(`${unexpected} unexpected artifacts`);
    if (scenario.unserved) wrong.push(`lines that could not be served: ${scenario.unserved}`);
  }
  const threat = searchableThreat(analytics.accepted);
  if (threat !== undefined) {
    const found = checkSearch(threat, analytics.search);
    sayFound(threat, found);
    for (const { field, value, found: isFound, foundByOther } of found) {
      if (!isFound) wrong.push(`a threat is not found by ${field} ${value}`);
      if (foundByOther) wrong.push(`a threat is found by a wrong ${field}`);
    }
  }
  const { collected, forwarded } = tally;
  const accepted = analytics.acceptedInAll;
  say(`artifacts: ${collected} collected, ${forwarded} forwarded, ${accepted} accepted`);
  if (once && (collected !== forwarded || forwarded !== accepted))
    wrong.push('not every artifact was collected, forwarded and accepted once');
  for (const line of wrong) say(`FAILED: ${line}`);
  return wrong.length > 0 ? 1 : 0;
}

process.exitCode = await main().catch((error: unknown) => {
  const { message } = error instanceof Error ? error : { message: String(error) };
  for (const line of message.split('\n')) print(line, process.stderr);
  return 1;
});
