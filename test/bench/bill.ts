import cdkJson from '../../cdk.json' with { type: 'json' };
import { defaultStreams, withCadences } from '../../functions/streams/list.ts';
import type { Stream } from '../../functions/streams/stream.ts';
import { memoryMb } from '../../infra/functions/function.ts';
import { synthesise } from '../../infra/synth.ts';
import { billedByUse, fixedCosts, metricsIn } from './fixed.ts';
import { sum } from './numbers.ts';
import { coreMb, freeTier, prices } from './prices.ts';
import { callsOf } from './quiet.ts';
import { type Measured, type Stage, startStage } from './stage.ts';

export interface Fleet {
  readonly instances: number;
  /** Of each instance. */
  readonly agents: number;
  /** New or changed, by stream. */
  readonly recordsPerAgentDay: { readonly [stream: string]: number };
  /** Whether many tokens are in one secret. */
  readonly sharesSecrets?: boolean;
  /** The setting of that name. */
  readonly cadenceMinutes?: Readonly<Record<string, number>>;
}

/** A line of a month's bill. */
export interface Line {
  readonly what: string;
  readonly count: number;
  readonly unit: string;
  readonly usd: number;
  /** A call that a quiet instance costs, as the target counts them. */
  readonly isCall: boolean;
}

const minutesAMonth = 30.4375 * 24 * 60;
/** As long as a console and as AWS take to answer. */
const consoleMs = 300;
const awsMs = 5;
/** One run that is measured polls no more; what each instance costs beyond is the same. */
const mostMeasured = 100;
/** The look-back is checked by then. */
const mostPolls = 12;
/** Runs poll so many instances at once. */
const instancesAtOnce = 40;
/** Lambda's own lines about an invocation. */
const platformLogBytes = 350;
/** A token is kept for four hours. */
const secretReadsAnHour = 1 / 4;

/** 64 KiB hold about so many tokens with their hosts (docs/cli.md). */
const tokensInASecret = 150;
/** Hours of a day in which a problem that lasts is sent to CloudWatch (docs/adr/0026-alarms-tell-news.md). */
const problemHoursADay = 3;
/** One look at the dashboard a day reads half a day of logs with each of its queries. */
const logReadsAMonth = (30.4 * 5) / (2 * 30.4);
const mailsAMonth = 30;

/** What one stream costs in a month, in the units that AWS bills. */
interface Use {
  readonly invocations: number;
  readonly gbSeconds: number;
  readonly writeUnits: number;
  readonly readUnits: number;
  readonly sqsChunks: number;
  readonly sqsMessages: number;
  readonly secretCalls: number;
  readonly logBytes: number;
  readonly tableBytes: number;
  /** Distinct, over all streams. */
  readonly metrics: ReadonlySet<string>;
}

export async function bill(fleet: Fleet): Promise<Line[]> {
  const stage = await startStage(Math.min(fleet.instances, mostMeasured), { latencyMs: awsMs });
  const uses: Use[] = [];
  try {
    for (const stream of withCadences(defaultStreams, fleet.cadenceMinutes)) {
      const perDay = fleet.agents * (fleet.recordsPerAgentDay[stream.name] ?? 0);
      uses.push(await useOf(stage, stream, fleet.instances, (perDay * stream.cadenceMinutes) / (24 * 60)));
    }
  } finally {
    await stage.close();
  }
  return lines(uses, fleet);
}

/** The bill of one among so many, where nothing happens. */
export async function quietBill(instances: number): Promise<Line[]> {
  const all = await bill({ instances, agents: 0, recordsPerAgentDay: {} });
  return all.map((line) => ({ ...line, count: line.count / instances, usd: line.usd / instances }));
}

/** Fewer than one record a poll is one record in some of the polls. */
async function useOf(stage: Stage, stream: Stream, instances: number, records: number): Promise<Use> {
  if (records >= 1 || records === 0)
    return monthOf(await laterPoll(stage, stream, records), stream, instances, stage);
  const quiet = monthOf(await laterPoll(stage, stream, 0), stream, instances, stage);
  const busy = monthOf(await laterPoll(stage, stream, 1), stream, instances, stage);
  const mixed = Object.keys(quiet).map((name) => {
    const [few, many] = [quiet[name as keyof Use], busy[name as keyof Use]];
    if (typeof few !== 'number' || typeof many !== 'number')
      return [name, new Set([...quiet.metrics, ...busy.metrics])];
    return [name, few + (many - few) * records];
  });
  return Object.fromEntries(mixed) as unknown as Use;
}

/** A poll in the midst of a life in which so many records come for each poll. */
async function laterPoll(stage: Stage, { name, cadenceMinutes }: Stream, records: number): Promise<Measured> {
  const cadenceMicros = cadenceMinutes * 60_000_000;
  const ladder = {
    count: Number.MAX_SAFE_INTEGER,
    firstMicros: Date.now() * 1000 - 2 * cadenceMicros,
    stepMicros: cadenceMicros / records,
  };
  await stage.give({ latencyMs: consoleMs, ladders: records > 0 ? { [name]: ladder } : {} });
  const collector = await stage.collector(name, { cadenceMinutes });
  await stage.addInstances(stage.hosts.length);
  await collector.invoke();
  let measured: Measured;
  let polls = 0;
  // The first polls check the hours of the look-back as well.
  do {
    polls += 1;
    await stage.wait(cadenceMinutes * 60_000);
    measured = await collector.invoke(polls * cadenceMinutes);
  } while (measured.console.requests > stage.hosts.length && polls < mostPolls);
  collector.stop();
  return { ...measured, result: metricsIn(collector.lines) };
}

function monthOf(measured: Measured, stream: Stream, instances: number, { hosts }: Stage): Use {
  const polls = minutesAMonth / stream.cadenceMinutes;
  const { counts, wallMs, cpuMs, logBytes, result } = measured;
  const runs = Math.ceil(instances / mostMeasured);
  const scale = instances / hosts.length;
  // Each past hour is counted once at the console and written once, in addition to what was measured.
  const hours = minutesAMonth / 60;
  const waits = Math.ceil(instances / instancesAtOnce) * (consoleMs + awsMs);
  const seconds = (Math.max(0, wallMs - cpuMs) + cpuMs / (memoryMb / coreMb)) / 1000;
  return {
    invocations: polls * runs,
    gbSeconds: (polls * scale * seconds + (hours * waits) / 1000) * (memoryMb / 1024),
    writeUnits: polls * scale * counts.writeUnits + hours * instances,
    readUnits: polls * scale * counts.readUnits,
    sqsChunks: polls * scale * counts.sqsChunks,
    sqsMessages: polls * scale * counts.sqsMessages,
    secretCalls:
      Math.min(polls, (minutesAMonth / 60) * secretReadsAnHour) * instances +
      callsOf(measured, 'SecretsManager'),
    logBytes: polls * (scale * logBytes + runs * platformLogBytes),
    // Position and memory.
    tableBytes: 2 * counts.largestItem * instances,
    metrics: result as ReadonlySet<string>,
  };
}

/** The sum of a bill, in an account whose free metrics, alarms and dashboards are used elsewhere, or are not. */
export function total(lines: readonly Line[], hasFreeTier = false): number {
  return sum(
    lines.map(({ what, count, usd }) => {
      const free = hasFreeTier ? (freeTier[what] ?? 0) : 0;
      return count === 0 ? 0 : usd * (Math.max(0, count - free) / count);
    }),
  );
}

function lines(uses: readonly Use[], { instances, sharesSecrets = false }: Fleet): Line[] {
  const all = (name: Exclude<keyof Use, 'metrics'>) => uses.reduce((total, use) => total + use[name], 0);
  const metrics = new Set(uses.flatMap((use) => [...use.metrics]));
  const line = (what: string, count: number, unit: string, price: number, isCall = false): Line => ({
    what,
    count,
    unit,
    usd: count * price,
    isCall,
  });
  const logGb = all('logBytes') / 2 ** 30;
  const secrets = sharesSecrets ? Math.ceil(instances / tokensInASecret) : instances;
  const { template } = synthesise();
  const bill = [
    line('secrets', secrets, 'secrets', prices.secret),
    line('custom metrics', metrics.size + problemHoursADay / 24, 'metrics', prices.metric),
    ...fixedCosts(template).map((one) => ({ ...one, isCall: false })),
    line('Lambda, time', all('gbSeconds'), 'GB-s', prices.lambdaGbSecond, true),
    line('Lambda, invocations', all('invocations'), 'requests', prices.lambdaRequest, true),
    line('DynamoDB, writes', all('writeUnits'), 'units', prices.dynamodbWriteUnit, true),
    line('DynamoDB, reads', all('readUnits'), 'units', prices.dynamodbReadUnit, true),
    line('DynamoDB, storage and backups', all('tableBytes') / 2 ** 20, 'MB', prices.tableGb / 1024),
    line('SQS, sending', all('sqsChunks'), 'chunks', prices.sqsRequest, true),
    line(
      'SQS, receiving and deleting',
      all('sqsChunks') + all('sqsMessages') / 10,
      'requests',
      prices.sqsRequest,
    ),
    line('Secrets Manager, calls', all('secretCalls'), 'calls', prices.secretsManagerCall, true),
    line('CloudWatch Logs, ingestion', logGb * 1024, 'MB', prices.logsGb / 1024),
    line(
      'CloudWatch Logs, storage',
      (logGb * 1024 * cdkJson.context.logRetentionDays) / 30.4,
      'MB',
      prices.logsStoredGb / 1024,
    ),
    line('CloudWatch Logs, dashboard queries', logGb * 1024 * logReadsAMonth, 'MB', prices.logsReadGb / 1024),
    line('EventBridge rules', all('invocations'), 'events', prices.scheduledEvent),
    line('SNS, notifications', mailsAMonth, 'mails', prices.email),
    line('S3, overflow', 0, 'objects', prices.s3Put),
  ];
  const counted = new Set(bill.map(({ what }) => what));
  const missing = Object.values(template.Resources)
    .flatMap(({ Type }) => billedByUse[Type] ?? [])
    .filter((what) => !counted.has(what));
  if (missing.length > 0) throw new Error(`not counted: ${missing.join(', ')}`);
  return bill;
}
