import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PollerEnvironment } from '../../functions/environment.ts';
import { bundle } from '../../infra/build/bundle.ts';
import type { BareEvent } from './bare.ts';
import type { Ladder } from './ladder.ts';
import { median, sum, withSpread } from './numbers.ts';
import { limitCores } from './quota.ts';
import { atLeast, atMost, type Report, type Shown, table } from './report.ts';
import { hostOf, type Measured, type Stage, startStage } from './stage.ts';

/** As if nobody had to be gentle. */
const noLimiter = { requestsPerSecond: 1_000_000, pagesPerRun: 100_000 };

/** So many records over most of the look-back of a day. */
export function backlog(count: number, hours = 20): Ladder {
  const firstMicros = (Date.now() - (hours + 1) * 3_600_000) * 1000;
  return { count, firstMicros, stepMicros: (hours * 3_600_000_000) / count };
}

/** One drain of one instance, in a new process. */
export async function drain(
  stage: Stage,
  stream: string,
  records: number,
  latencyMs: number,
  settings: Partial<PollerEnvironment> = noLimiter,
  whenStarted: (pid: number) => void = () => undefined,
): Promise<Measured> {
  await stage.give({ latencyMs, ladders: { [stream]: backlog(records) } });
  const collector = await stage.collector(stream, settings);
  await stage.addInstances(1, stream);
  await stage.prepare(stream);
  whenStarted(collector.pid ?? 0);
  const measured = await collector.invoke();
  collector.stop();
  if (measured.counts.artifacts !== records)
    throw new Error(`${measured.counts.artifacts} of ${records} arrived:\n${collector.lines.join('\n')}`);
  return measured;
}

/** The loop that does only what can't be avoided, with the calls and bytes that the collector needed. */
export async function bareDrain(
  stage: Stage,
  code: string,
  stream: string,
  records: number,
  { counts }: Measured,
): Promise<Measured> {
  const pages = Math.ceil(records / 1000);
  const calls = counts.calls['SQS.SendMessageBatch'] ?? 0;
  const event: BareEvent = {
    host: hostOf(0),
    path: `/${stream}`,
    pages,
    calls: Math.max(1, Math.round(calls / pages)),
    messages: Math.max(1, Math.round(counts.sqsMessages / calls)),
    bytes: (counts.wireBytes.SQS ?? 0) / pages,
  };
  const loop = await stage.runner(code);
  const measured = await loop.invoke(0, event);
  loop.stop();
  return measured;
}

export const dynamoCalls = ({ counts }: Measured): number =>
  sum(Object.entries(counts.calls).map(([name, times]) => (name.startsWith('DynamoDB') ? times : 0)));

const cells: readonly [stream: string, records: number][] = [
  ['activities', 100_000],
  ['threats', 20_000],
  ['agents', 50_000],
];
const latencies = [0, 100];

export async function benchDrain(rounds: number, scale = 1): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-bare-'));
  const [bare, floor] = [join(folder, 'bare'), join(folder, 'floor')];
  bundle(bare, { entries: { index: 'test/bench/bare.ts' } });
  bundle(floor, { entries: { index: 'test/bench/floor.ts' } });
  const stage = await startStage(1, { skims: true });
  const rows: (string | number)[][] = [];
  const shown: Shown[] = [];
  try {
    for (const latencyMs of latencies) {
      for (const [stream, all] of cells) {
        const records = all * scale;
        const ours: Measured[] = [];
        const loops: Measured[] = [];
        const floors: Measured[] = [];
        for (let round = 0; round < rounds; round++) {
          const measured = await drain(stage, stream, records, latencyMs);
          ours.push(measured);
          loops.push(await bareDrain(stage, bare, stream, records, measured));
          floors.push(await bareDrain(stage, floor, stream, records, measured));
        }
        const rate = ({ wallMs }: Measured) => (records / wallMs) * 1000;
        const perThousand = (of: (measured: Measured) => number) =>
          ours.map((measured) => (of(measured) / records) * 1000);
        const cpu = ({ cpuMs }: Measured) => (cpuMs / records) * 1000;
        const ratios = ours.map((measured, i) => rate(measured) / rate(loops[i] as Measured));
        const overFloor = ours.map((measured, i) => cpu(measured) / cpu(floors[i] as Measured));
        const cpuRatios = ours.map((measured, i) => cpu(loops[i] as Measured) / cpu(measured));
        const sqsCalls = perThousand(({ counts }) => counts.calls['SQS.SendMessageBatch'] ?? 0);
        rows.push([
          `${stream}, ${latencyMs} ms`,
          withSpread(ours.map(rate)),
          withSpread(loops.map(rate)),
          withSpread(ratios, 2),
          withSpread(perThousand(({ cpuMs }) => cpuMs)),
          withSpread(loops.map(cpu)),
          withSpread(cpuRatios, 2),
          withSpread(floors.map(cpu)),
          withSpread(
            perThousand(({ console }) => console.requests),
            2,
          ),
          withSpread(sqsCalls, 2),
          withSpread(perThousand(dynamoCalls), 2),
          withSpread(ours.map(({ peakMib }) => peakMib)),
          withSpread(loops.map(({ peakMib }) => peakMib)),
        ]);
        shown.push(
          atLeast(
            `records a second, limiter off, collector / bare loop: ${stream}, ${latencyMs} ms`,
            latencyMs === 0 ? 0.6 : 0.85,
            median(ratios),
          ),
        );
        if (latencyMs > 0) continue;
        const requests = Math.max(...ours.map(({ console }) => console.requests));
        shown.push(
          atMost(
            `requests to the console in one drain of ${records} ${stream}`,
            records / 1000 + (stream === 'activities' ? 2 : 1),
            requests,
          ),
        );
        if (stream === 'activities') {
          shown.push(atMost('CPU for 1,000 activities of 1.1 KB', 45, median(ours.map(cpu)), ' ms', 0));
          shown.push(atMost('the same, of the floor', 3, median(overFloor)));
          shown.push(atMost('SQS calls for 1,000 activities of 1.1 KB', 4, median(sqsCalls)));
        }
      }
    }
  } finally {
    await stage.close();
    await rm(folder, { recursive: true, force: true });
  }
  const head = [
    'stream, console latency',
    'records/s',
    'bare loop',
    'ratio',
    'CPU ms per 1,000',
    'bare loop',
    'ratio',
    'floor',
    'console requests per 1,000',
    'SQS calls',
    'DynamoDB calls',
    'peak MiB',
    'bare loop',
  ];
  return {
    title: 'Drain: one console, limiter off',
    shown,
    text: `${table(head, rows)}

The bare loop is the minimum: the same HTTP client fetches the same pages, and the AWS SDK, without its MD5 check, sends as many
bytes in as many SQS calls while the next page is fetched. Nothing is split or parsed. The floor has no client and no SDK: it
reads TLS, decompresses, and writes the same bytes with their SHA-256. All run in turn, each in a new process,
${rounds} times. The ratio of CPU is that of the loop to that of the collector.`,
  };
}

export async function benchLimiter(rounds: number, records = 100_000): Promise<Report> {
  const stage = await startStage(1, { skims: true });
  const perSecond = 6;
  const rates: number[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const { wallMs } = await drain(stage, 'activities', records, 50, {});
      rates.push((records / wallMs) * 1000);
    }
  } finally {
    await stage.close();
  }
  const ratios = rates.map((rate) => rate / (perSecond * 1000));
  return {
    title: 'Limiter on',
    shown: [
      atLeast(
        `records a second, limiter on, ${records} activities at 50 ms latency / the limiter's rate`,
        0.95,
        median(ratios),
      ),
    ],
    text: `${table(['', 'records/s', `of ${perSecond} requests a second`], [['activities, 50 ms', withSpread(rates), withSpread(ratios, 3)]])}

The rate that a console is asked at by default, six requests a second, is what a backlog waits for.`,
  };
}

/** What 512 MB of Lambda have of a core. */
const coresOf512Mb = 0.29;

/** Whether the limiter's rate holds with the part of a core that the function has. */
export async function benchThird(rounds: number, records = 100_000): Promise<Report> {
  const stage = await startStage(1, { skims: true });
  const all: Measured[] = [];
  const groups: (() => void)[] = [];
  const limit = (pid: number) => {
    const remove = limitCores(pid, coresOf512Mb);
    if (remove !== undefined) groups.push(remove);
  };
  try {
    for (let round = 0; round < rounds; round++)
      all.push(await drain(stage, 'activities', records, 50, {}, limit));
  } finally {
    await stage.close();
    // A group can be removed once its process has ended.
    await sleep(1000);
    for (const remove of groups) remove();
  }
  const isLimited = groups.length === rounds;
  const rates = all.map(({ wallMs }) => (records / wallMs) * 1000);
  const cpu = all.map(({ cpuMs }) => (cpuMs / records) * 1000);
  const bound = isLimited ? median(rates) : (1000 * 1000 * coresOf512Mb) / median(cpu);
  return {
    title: `At ${coresOf512Mb} of a core`,
    shown: [
      atLeast(
        `records a second of ${records} activities, 50 ms latency, limiter of 6,000 on${isLimited ? '' : ', reckoned from the CPU'}`,
        5700,
        bound,
        '',
        0,
      ),
    ],
    text: `${table(['', 'records/s', 'CPU ms per 1,000'], [['activities, 50 ms', withSpread(rates), withSpread(cpu)]])}

${isLimited ? "The function's process is in a control group with this part of a core, as Lambda gives it at 512 MB." : 'This machine lets no control group be made, so the rate is that of a whole core; what holds is reckoned from the CPU.'}`,
  };
}

/** What a console that takes a second for each page costs, read one page after the other, as a listing is. */
export async function benchSlow(): Promise<Report> {
  const latencyMs = 1000;
  const backlogs = [['agents', 100_000, 4]] as const;
  const stage = await startStage(1, { skims: true });
  const rows: (string | number)[][] = [];
  try {
    for (const [stream, records, perSecond] of backlogs) {
      const { wallMs } = await drain(stage, stream, records, latencyMs, {});
      const seconds = (ms: number) => (ms / 1000).toFixed(0);
      rows.push([
        `${records} ${stream}`,
        seconds(wallMs),
        Math.round((records / wallMs) * 1000),
        seconds(records / perSecond),
      ]);
    }
  } finally {
    await stage.close();
  }
  return {
    title: 'A slow console',
    shown: [],
    text: `${table([`${latencyMs} ms a page, limiter on`, 's', 'records/s', 's at the limiter’s rate'], rows)}

The last column is what reading windows of the listing side by side could reach at best. Why it is not done is in
[ADR 20](adr/0020-one-page-after-the-other.md).`,
  };
}
