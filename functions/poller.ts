import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { cursorsTable } from './adapters/dynamodb/cursors.ts';
import { instancesTable } from './adapters/dynamodb/instances.ts';
import type { ShardEvent } from './adapters/lambda.ts';
import { overflowBucket } from './adapters/overflow-bucket.ts';
import { logger, metrics, reportReplay, reports } from './adapters/powertools.ts';
import { secretsManager } from './adapters/secrets-manager.ts';
import { artifactQueue } from './adapters/sqs.ts';
import { type ReplayProgress, type ReplayRequest, replay } from './collect/replay.ts';
import { type RunPorts, type RunSummary, run } from './collect/run.ts';
import { type CheckReport, type CheckRequest, check } from './console/check.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { systemClock } from './kit/clock.ts';
import { streams } from './streams/list.ts';

const environment = readEnvironment(process.env as Partial<Environment>, streams);
const { stream, settings } = environment;
const { report, reportRun } = reports(stream.name, environment.perInstanceMetrics);

// Loaded with the first request: a run in which nobody is due needs neither.
const sentinelOne = async () => (await import('./adapters/sentinelone.ts')).sentinelOne;
const furtherRuns = async () =>
  (await import('./adapters/lambda.ts')).furtherRuns(process.env.AWS_LAMBDA_FUNCTION_NAME ?? '');

const ports: RunPorts = {
  sentinelone: {
    get: async (request) => (await sentinelOne()).get(request),
    expiry: async (request) => (await sentinelOne()).expiry(request),
  },
  instances: instancesTable(environment.instancesTable),
  cursors: cursorsTable(environment.cursorsTable),
  secrets: secretsManager(Date.now),
  queue: artifactQueue(environment.artifactQueueUrl),
  overflow: overflowBucket(environment.overflowBucket),
  shards: { handOver: async (shard) => (await furtherRuns()).handOver(shard) },
  clock: systemClock,
  report,
};

/** The tick of the rule, a shard of it, or what an operator asks for; any other event is a tick of its own. */
interface Asked extends Partial<ShardEvent> {
  readonly check?: CheckRequest;
  readonly replay?: ReplayRequest & {
    /** The lock is in the caller's name, so that the caller can continue after a kill without waiting for the lock to expire. */
    readonly by: string;
  };
}

type Told = RunSummary | CheckReport | ReplayProgress;

async function poller(asked: Asked, context: Context): Promise<Told> {
  const time = Date.parse(asked.time ?? '');
  const invocation = {
    id: asked.replay?.by ?? context.awsRequestId,
    scheduledAt: Number.isNaN(time) ? systemClock.now() : time,
    remainingMs: () => context.getRemainingTimeInMillis(),
    instances: asked.instances,
  };
  if (asked.check !== undefined) return checked(asked.check);
  if (asked.replay !== undefined) {
    const progress = await replay(asked.replay, stream, invocation, settings, ports);
    reportReplay(stream.name, asked.replay, progress);
    return progress;
  }
  const summary = await run(stream, invocation, settings, ports);
  reportRun(summary);
  return summary;
}

async function checked({ instance, record, stage }: CheckRequest): Promise<CheckReport> {
  const item = record ?? (await ports.instances.list()).find((one) => one.instance === instance);
  return check(item ?? { instance }, streams, settings.instanceRules, ports, stage);
}

/** Polls one stream of all instances that are due; checks an instance, or replays a past stretch, where asked to. */
export const handler = middy<Asked, Told>()
  .use(injectLambdaContext(logger))
  .use(logMetrics(metrics))
  .handler(poller);
