import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import cdkJson from '../cdk.json' with { type: 'json' };
import { print } from '../cli/output.ts';
import { announce } from '../cli/running.ts';
import { asTyped, fromClone, repeatOptions } from '../cli/typed.ts';
import { synthesise } from '../infra/synth.ts';
import { startAnalytics } from './analytics/analytics.ts';
import { type Arguments, defaultPort, readArguments, usage } from './arguments.ts';
import { type LocalCollector, startCollector } from './collector.ts';
import { goodToken, tokenStates } from './demo.ts';
import { busy, fleets, mostRemarks, realConsole, recordsIn, type Scenario } from './scenarios.ts';
import { optionalStreams, runSchedule, type Stage, tickAll } from './schedule.ts';
import { boxed, type Screen, startScreen } from './screen.ts';
import { eventOf, isLogEntry, logLineAt, readLogLine, say } from './show.ts';
import { summary } from './summary.ts';
import { startTiles } from './tiles.ts';

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
  const startedAt = performance.now();
  const screen = world.adopt(startScreen(), async ({ end }) => end());
  if (!given.once) world.defer(await announce({ pid: process.pid }));
  const scenario = world.adopt(await scenarioOf(given), ({ close }) => close());
  screen.step('Consoles', scenario.title);
  const pagePort = given.once ? undefined : given.port;
  const analytics = world.adopt(await startAnalytics({ pagePort }), ({ close }) => close());
  stopped.throwIfAborted();
  const folder = world.adopt(await mkdtemp(join(tmpdir(), 'sentinelone-synth-')), removed);
  const caFile = join(folder, 'analytics-ca.pem');
  await writeFile(caFile, analytics.caPem);
  const tally = { collected: 0, forwarded: 0 };
  const speed = speedOf(given);
  const options = {
    ...synthesise({ analyticsUrl: analytics.url, optionalStreams }, join(folder, 'assembly')),
    environment: scenario.environment,
    forwarderEnvironment: { NODE_EXTRA_CA_CERTS: caFile },
    onLine: lineReader(screen, tally, given.verbose, stopped),
    speed,
  };
  // Synthesis is synchronous, so signals during it are handled after it.
  await nextTurn();
  stopped.throwIfAborted();
  screen.step('Bundle', 'the bundle and the template that are deployed to AWS');
  const collector = world.adopt(await startCollector(options), ({ close }) => close());
  const [user] = analytics.users;
  collector.aws.secrets.put('signal-client/analytics', JSON.stringify(user));
  screen.step('Functions', `${[...collector.functions.keys()].join(', ')}`);

  stopped.throwIfAborted();
  const { remarks = [] } = scenario;
  for (const remark of remarks.slice(0, mostRemarks)) say(remark);
  if (remarks.length > mostRemarks) say(`… and ${remarks.length - mostRemarks} more lines`);
  for (const { record, token, firstSeenMs } of scenario.instances) {
    await collector.addInstance(record, token);
    if (firstSeenMs !== undefined) await collector.firstSaw(record.instance, firstSeenMs);
  }
  const stage = { scenario, collector, analytics, tally, screen, stopped };
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  if (given.once) {
    screen.step('Ready', `in ${seconds} s: each function runs once`);
    await step(tickAll(stage));
    return await summary(stage, given.once);
  }
  const port = Number(new URL(analytics.pageUrl).port);
  const links = { searchUrl: analytics.pageUrl, port: port + 1 };
  const tiles = world.adopt(await startTiles(collector, links), ({ close }) => close());
  analytics.tilesUrl = tiles.url;
  await announced(collector, scenario, port);
  screen.step('Ready', `in ${seconds} s${speed > 1 ? `, ${speed}× faster than in AWS` : ''}. Ctrl-C stops.`);
  fromClone();
  repeatOptions({ local: true, ...(port !== defaultPort && { port }) });
  const addresses = [`Search ${analytics.pageUrl}    Tiles ${tiles.url}`];
  screen.lines(['', ...boxed([...addresses, ...(scenario.tour ? tour() : [])])]);
  await step(runSchedule(stage, speed, addresses));
  return 0;
}

/** What to try first, in another terminal. */
function tour(): string[] {
  return [
    '',
    'initech has a wrong token. Repair it in another terminal:',
    `  ${asTyped('collector rotate initech')}`,
    `  and paste ${goodToken}`,
    'Add a console. Any host under .sentinelone.net is one:',
    `  ${asTyped('collector add hooli')} --host usea1-hooli.sentinelone.net`,
    'These tokens show other states, and any other is refused:',
    ...tokenStates.map(([token, state]) => `  ${token.padEnd(24)} ${state}`),
  ];
}

/** Counts what log lines report, and prints them all or those that say something new. */
function lineReader(
  screen: Screen,
  tally: Stage['tally'],
  verbose: boolean,
  stopped: AbortSignal,
): (line: string) => void {
  const seen = new Set<string>();
  const failing = new Set<string>();
  return (line) => {
    // A function that is stopped says that it was killed.
    if (stopped.aborted) return;
    const { fetched, posted } = readLogLine(line);
    tally.collected += fetched;
    tally.forwarded += posted;
    const event = eventOf(line);
    if (event !== undefined && !event.isError && failing.delete(event.instance)) {
      // It works again: its next errors and records are news.
      for (const key of seen) if (key.startsWith(`${event.instance} `)) seen.delete(key);
    }
    if (event?.isError) failing.add(event.instance);
    const isNew = event !== undefined && !seen.has(event.key);
    if (event !== undefined) seen.add(event.key);
    const shown = verbose || isNew || !isLogEntry(line) ? logLineAt(line) : undefined;
    if (shown !== undefined) screen.lines([shown]);
  };
}

/** Records the endpoints for `./collector --local`. */
function announced(
  { aws: { credentials }, endpoints, outputs }: LocalCollector,
  { consoles }: Scenario,
  port: number,
): Promise<() => Promise<void>> {
  const { stackName } = cdkJson.context;
  const reached = consoles && { proxyUrl: consoles.proxyUrl, caFile: consoles.caFile };
  return announce({ pid: process.pid, port, stackName, outputs, endpoints, credentials, consoles: reached });
}

function removed(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}

/** The speed of the schedule: 60× for simulated consoles, 1× for a real one or without a schedule. */
function speedOf({ host, once }: Arguments): number {
  return host === undefined && !once ? 60 : 1;
}

async function scenarioOf({ once, records, host }: Arguments): Promise<Scenario> {
  if (records !== undefined) return recordsIn(records);
  if (host === undefined) return fleets(once ? {} : busy);
  const token = process.env.SENTINELONE_API_TOKEN;
  if (token === undefined || token === '')
    throw new Error('Set the environment variable SENTINELONE_API_TOKEN to the API token.');
  return realConsole(host, token);
}

process.exitCode = await main().catch((error: unknown) => {
  const { message } = error instanceof Error ? error : { message: String(error) };
  for (const line of message.split('\n')) print(line, process.stderr);
  return 1;
});
