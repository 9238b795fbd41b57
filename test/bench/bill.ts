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
/** A backlog is read by then. */
const mostPolls = 12;
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
/** In each hour one poll checks the last hour, and the one of a day before again. */
const hoursPerCheck = 2;
/** An item of the ledger, of one day of a stream of an instance, has at most so much (test/functions/adapters/ledger.test.ts). */
const ledgerDayBytes = 1024;
const ledgerDays = 36;
const ledgerLines = [
  'Lambda, time',
  'DynamoDB, writes',
  'DynamoDB, reads',
  'DynamoDB, storage and backups',
  'CloudWatch Logs, ingestion',
  'CloudWatch Logs, storage',
];

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
      uses.push(await ledgerUse(stage, stream, fleet.instances));
    }
  } finally {
    await stage.close();
  }
  return lines(uses, fleet);
}

/** What the ledger alone costs one among so many. */
export async function ledgerBill(instances: number): Promise<Line[]> {
  const stage = await startStage(Math.min(instances, mostMeasured), { latencyMs: awsMs });
  try {
    const uses: Use[] = [];
    for (const stream of defaultStreams) uses.push(await ledgerUse(stage, stream, instances));
    return lines(uses, { instances, agents: 0, recordsPerAgentDay: {} })
      .filter(({ what }) => ledgerLines.includes(what))
      .map((line) => ({ ...line, count: line.count / instances, usd: line.usd / instances }));
  } finally {
    await stage.close();
  }
}

/** The bill of one among so many, where nothing happens. */
export async function quietBill(instances: number): Promise<Line[]> {
  const all = await bill({ instances, agents: 0, recordsPerAgentDay: {} });
  return all.map((line) => ({ ...line, count: line.count / instances, usd: line.usd / instances }));
}

/** Fewer than one record a poll is one record in some of the polls. */
async function useOf(stage: Stage, stream: Stream, instances: number, records: number): Promise<Use> {
  const polls = minutesAMonth / stream.cadenceMinutes;
  if (records >= 1 || records === 0)
    return monthOf(await laterPoll(stage, stream, records), polls, instances, stage);
  const quiet = monthOf(await laterPoll(stage, stream, 0), polls, instances, stage);
  const busy = monthOf(await laterPoll(stage, stream, 1), polls, instances, stage);
  const mixed = Object.keys(quiet).map((name) => {
    const [few, many] = [quiet[name as keyof Use], busy[name as keyof Use]];
    if (typeof few !== 'number' || typeof many !== 'number')
      return [name, new Set([...quiet.metrics, ...busy.metrics])];
    return [name, few + (many - few) * records];
  });
  return Object.fromEntries(mixed) as unknown as Use;
}

/** What checks of past hours add: a poll that checks two, less one that checks none. */
async function ledgerUse(stage: Stage, stream: Stream, instances: number): Promise<Use> {
  const checks = minutesAMonth / 60;
  const quiet = monthOf(await laterPoll(stage, stream, 0), checks, instances, stage);
  const checking = monthOf(await laterPoll(stage, stream, 0, hoursPerCheck), checks, instances, stage);
  const added = Object.entries(checking).flatMap(([name, value]) =>
    typeof value === 'number' ? [[name, Math.max(0, value - Number(quiet[name as keyof Use]))]] : [],
  );
  const use = { ...(Object.fromEntries(added) as Omit<Use, 'metrics'>), metrics: checking.metrics };
  if (stream.created === undefined) return { ...use, tableBytes: 0 };
  // The two measured hours are of one day, and so in one item. A day apart they are in two.
  const writeUnits = use.writeUnits + checks * instances;
  return { ...use, writeUnits, tableBytes: ledgerDays * ledgerDayBytes * instances };
}

/** The first polls have more to do, and within three a moved clock is a change of state. */
const leastPolls = 4;

/** A poll in the midst of a life in which so many records come for each poll. Past hours wait for their check. */
async function laterPoll(
  stage: Stage,
  { name, cadenceMinutes }: Stream,
  records: number,
  hoursPerPoll = 0,
): Promise<Measured> {
  const cadenceMicros = cadenceMinutes * 60_000_000;
  const ladder = {
    count: Number.MAX_SAFE_INTEGER,
    firstMicros: Date.now() * 1000 - 2 * cadenceMicros,
    stepMicros: cadenceMicros / records,
  };
  await stage.give({ latencyMs: consoleMs, ladders: records > 0 ? { [name]: ladder } : {} });
  const collector = await stage.collector(name, { cadenceMinutes, hoursPerPoll });
  await stage.addInstances(stage.hosts.length);
  await collector.invoke();
  let measured: Measured;
  let isUsual: boolean;
  let polls = 0;
  do {
    polls += 1;
    await stage.wait(cadenceMinutes * 60_000);
    measured = await collector.invoke(polls * cadenceMinutes);
    // A poll that checks hours has other requests than a page for each instance.
    isUsual = hoursPerPoll > 0 || measured.console.requests <= stage.hosts.length;
  } while (polls < leastPolls || (!isUsual && polls < mostPolls));
  collector.stop();
  return { ...measured, result: metricsIn(collector.lines) };
}

function monthOf(measured: Measured, polls: number, instances: number, { hosts }: Stage): Use {
  const { counts, wallMs, cpuMs, logBytes, result } = measured;
  const runs = Math.ceil(instances / mostMeasured);
  const scale = instances / hosts.length;
  const seconds = (Math.max(0, wallMs - cpuMs) + cpuMs / (memoryMb / coreMb)) / 1000;
  return {
    invocations: polls * runs,
    gbSeconds: polls * scale * seconds * (memoryMb / 1024),
    writeUnits: polls * scale * counts.writeUnits,
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
