import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PollerEnvironment, variable } from '../../functions/environment.ts';
import { fingerprint } from '../../functions/instances/instance.ts';
import { streams } from '../../functions/streams/list.ts';
import { bundle } from '../../infra/build/bundle.ts';
import { allocator } from '../../infra/functions/collecting.ts';
import { memoryMb } from '../../infra/functions/function.ts';
import { startFunction } from '../../local/lambda/function.ts';
import { type Part, startPart } from './child.ts';
import type { ConsoleAsk, ConsoleCounts, ConsoleOptions, ConsoleReady, Given } from './console.ts';
import type { Counts, SinkAsk, SinkOptions, SinkReady } from './sink.ts';
import type { Item } from './tables.ts';
import { usageOf } from './usage.ts';

/** A collector's function, or the loop beside it, in a process of its own. */
interface Runner {
  /** One invocation, `minutes` after the first tick. */
  invoke(minutes?: number, event?: object): Promise<Measured>;
  readonly lines: string[];
  /** Of its process. */
  readonly pid: number | undefined;
  stop(): void;
}

/** One invocation, counted on both sides of it. */
export interface Measured {
  readonly wallMs: number;
  readonly cpuMs: number;
  /** Of the process so far. */
  readonly peakMib: number;
  readonly counts: Counts;
  readonly console: ConsoleCounts;
  /** Of what it printed. */
  readonly logBytes: number;
  readonly result: unknown;
}

/** Simulated consoles and AWS, each in a process of its own. */
export interface Stage {
  readonly hosts: readonly string[];
  /** Forgets all instances, cursors and counts, and sets what the consoles have. */
  give(given: Partial<Given>): Promise<void>;
  /** After the collector was started: that it loads its module is not measured. An optional stream has to be named. */
  addInstances(number: number, stream?: string): Promise<void>;
  /** As after polls of the stream a minute ago, which found nothing. */
  addCursors(number: number, stream: string): Promise<void>;
  prepare(stream: string): Promise<void>;
  /** Moves the consoles' clock on. The functions' clock stays, and warnings about that are not counted as logged. */
  wait(ms: number): Promise<void>;
  /** The poller of a stream; its module is loaded, and its clients are made, before anything is measured. */
  collector(stream: string, settings?: Partial<PollerEnvironment>): Promise<Runner>;
  /** Another handler under the same conditions. */
  runner(code: string, environment?: Readonly<Record<string, string>>): Promise<Runner>;
  /** The environment of a poller here. */
  environment(stream: string, settings?: Partial<PollerEnvironment>): Readonly<Record<string, string>>;
  /** The folder of the poller's bundle. */
  readonly code: string;
  close(): Promise<void>;
}

export const hostOf = (i: number) => `n${i}.bench.sentinelone.net`;

const instanceItem = (i: number, attributes: object) => ({
  instance: { S: `n${i}` },
  host: { S: hostOf(i) },
  ...attributes,
});

function cursorItem(i: number, stream: string): Item {
  const item = instanceItem(i, {});
  const now = Date.now();
  const iso = (ms: number) => ({ S: new Date(now + ms).toISOString() });
  const position = { S: `${new Date(now - 60_000).toISOString().slice(0, -1)}000Z` };
  const configVersion = fingerprint({ instance: item.instance.S, host: item.host.S });
  return {
    instance: item.instance,
    stream: { S: stream },
    firstSeenAt: position,
    cursor: {
      M: {
        schemaVersion: { N: '1' },
        scope: { S: `${item.host.S}/0123456789abcdef` },
        position,
        limit: { N: '1000' },
        roomyPages: { N: '0' },
      },
    },
    state: { S: 'ok' },
    lastPollAt: iso(-60_000),
    lastSuccessAt: iso(-60_000),
    nextPollAt: iso(540_000),
    lastRecordAt: iso(-600_000),
    tokenExpiresAt: iso(90 * 86_400_000),
    failures: { N: '0' },
    lastCount: { N: '0' },
    position,
    checkedUntil: position,
    completeUntil: position,
    configVersion: { S: configVersion },
    secretVersion: { S: '11111111-2222-3333-4444-555555555555' },
    spentDay: { S: new Date(now).toISOString().slice(0, 10) },
    spentArtifacts: { N: '100' },
    spentBytes: { N: '100000' },
  };
}

export async function startStage(instances: number, sinkOptions: Partial<SinkOptions> = {}): Promise<Stage> {
  const hosts = Array.from({ length: instances }, (_, i) => hostOf(i));
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const code = join(folder, 'code');
  bundle(code, { entries: { poller: 'functions/poller.ts' } });
  const [console, sink] = await Promise.all([
    startPart<ConsoleReady, ConsoleAsk, ConsoleCounts>('console.ts', { hosts } satisfies ConsoleOptions),
    startPart<SinkReady, SinkAsk, Counts>('sink.ts', { latencyMs: 0, skims: false, ...sinkOptions }),
  ]);
  const parts = { console, sink };
  const running = new Set<Runner>();

  const environment = (stream: string, settings: Partial<PollerEnvironment> = {}) => ({
    [variable]: JSON.stringify({
      ...told(stream, `${sink.ready.endpoint}/000000000000/artifacts`),
      ...settings,
    }),
    ...allocator,
    ...reach(parts),
  });
  const runner = async (
    task: string,
    variables: Readonly<Record<string, string>> = {},
    timeoutSeconds = 840,
  ): Promise<Runner> => {
    const handler = `${existsSync(join(task, 'poller.mjs')) ? 'poller' : 'index'}.handler`;
    const started = await startRunner(
      task,
      handler,
      { ...reach(parts), ...variables },
      timeoutSeconds,
      parts,
    );
    running.add(started);
    return started;
  };
  const addInstances = async (number: number, name?: string) => {
    const isOptional = streams.some((stream) => stream.name === name && !stream.byDefault);
    const attributes = isOptional ? { streams: { L: [{ S: name }] } } : {};
    const items = Array.from({ length: number }, (_, i) => instanceItem(i, attributes));
    await sink.ask({ put: { table: tables.instancesTable, items } });
  };

  const addCursors = async (number: number, stream: string) => {
    const items = Array.from({ length: number }, (_, i) => cursorItem(i, stream));
    await sink.ask({ put: { table: tables.cursorsTable, items } });
  };

  return {
    hosts,
    addCursors,
    code,
    environment,
    runner,
    addInstances,
    async give(given) {
      await sink.ask({ clear: true });
      await console.ask({ give: { latencyMs: 0, ladders: {}, own: {}, ill: {}, ...given } });
    },
    async prepare(stream) {
      await console.ask({ prepare: { stream, host: hostOf(0) } });
    },
    async wait(ms) {
      await console.ask({ waitMs: ms });
    },
    async collector(stream, settings) {
      const { timeoutSeconds } = streams.find(({ name }) => name === stream) ?? {};
      return runner(code, environment(stream, settings), timeoutSeconds);
    },
    async close() {
      for (const one of running) one.stop();
      console.stop();
      sink.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Parts {
  readonly console: Part<ConsoleReady, ConsoleAsk, ConsoleCounts>;
  readonly sink: Part<SinkReady, SinkAsk, Counts>;
}

const tables = { instancesTable: 'instances', cursorsTable: 'cursors', ledgerTable: 'ledger' };

/** What a deployment with the settings of `cdk.json` tells a poller, but that no silence is unusual. */
function told(name: string, artifactQueueUrl: string): PollerEnvironment {
  const stream = streams.find((one) => one.name === name);
  return {
    ...tables,
    stream: name,
    artifactQueueUrl,
    overflowBucket: 'overflow',
    allowedHostSuffixes: ['.sentinelone.net'],
    overlapMs: 600_000,
    requestsPerSecond: stream?.requestsPerSecond ?? Number.NaN,
    furtherRuns: false,
    // Past hours are compared with the console once an hour, which would be counted with the polls.
    hoursPerPoll: 0,
    metrics: 'alarms',
    alarmLagSeconds: 7200,
  };
}

/** How a process finds the consoles and AWS. */
function reach({ console, sink }: Parts): Readonly<Record<string, string>> {
  const { endpoint } = sink.ready;
  return {
    NODE_USE_ENV_PROXY: '1',
    HTTPS_PROXY: console.ready.proxyUrl,
    NO_PROXY: '127.0.0.1',
    NODE_EXTRA_CA_CERTS: console.ready.caFile,
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
    AWS_ENDPOINT_URL_SQS: endpoint,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoint,
    AWS_ENDPOINT_URL_LAMBDA: endpoint,
  };
}

async function startRunner(
  code: string,
  handler: string,
  environment: Readonly<Record<string, string>>,
  timeoutSeconds: number,
  { console, sink }: Parts,
): Promise<Runner> {
  const lines: string[] = [];
  const lambda = await startFunction({
    name: 'bench',
    code,
    handler,
    memoryMb,
    timeoutSeconds,
    environment,
    onLine: (line) => lines.push(line),
  });
  const start = Date.now();
  const usage = () => {
    if (lambda.pid === undefined) throw new Error(`the process is gone:\n${lines.slice(-20).join('\n')}`);
    return usageOf(lambda.pid);
  };
  await lambda.invoke(handler === 'poller.handler' ? {} : { pages: 0 });
  return {
    lines,
    pid: lambda.pid,
    async invoke(minutes = 0, event = {}) {
      const time = new Date(start + minutes * 60_000).toISOString();
      await Promise.all([console.ask({ count: true }), sink.ask({ counts: true })]);
      lines.length = 0;
      const before = usage();
      const began = performance.now();
      const result = await lambda.invoke({ time, ...event });
      const wallMs = performance.now() - began;
      const after = usage();
      const [seen, counts] = await Promise.all([console.ask({ count: true }), sink.ask({ counts: true })]);
      return {
        wallMs,
        cpuMs: after.cpuMs - before.cpuMs,
        peakMib: after.peakMib,
        counts,
        console: seen,
        logBytes: lines
          .filter((line) => !line.includes("the console's clock is"))
          .reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0),
        result,
      };
    },
    stop: () => lambda.stop(),
  };
}
