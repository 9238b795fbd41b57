import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { cursorsTable, instancesTable } from './adapters/dynamodb.ts';
import { furtherRuns, type ShardEvent } from './adapters/lambda.ts';
import { overflowBucket } from './adapters/overflow-bucket.ts';
import { logger, metrics, report, reportRun } from './adapters/powertools.ts';
import { secretsManager } from './adapters/secrets-manager.ts';
import { sentinelOne } from './adapters/sentinelone.ts';
import { artifactQueue } from './adapters/sqs.ts';
import { systemClock } from './clock.ts';
import type { Ports } from './core/ports.ts';
import { type RunSummary, run } from './core/run.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { streams } from './streams/list.ts';

const environment = readEnvironment(process.env as Partial<Environment>, streams);
const { stream, settings } = environment;

const ports: Ports = {
  sentinelone: sentinelOne,
  instances: instancesTable(environment.instancesTable),
  cursors: cursorsTable(environment.cursorsTable),
  secrets: secretsManager(Date.now),
  queue: artifactQueue(environment.artifactQueueUrl),
  overflow: overflowBucket(environment.overflowBucket),
  shards: furtherRuns(process.env.AWS_LAMBDA_FUNCTION_NAME ?? ''),
  clock: systemClock,
  report,
};

/** The tick of the rule, or a shard of it; any other event is a tick of its own. */
type Tick = Partial<ShardEvent>;

async function poller(tick: Tick, context: Context): Promise<RunSummary> {
  const time = Date.parse(tick.time ?? '');
  const invocation = {
    id: context.awsRequestId,
    scheduledAt: Number.isNaN(time) ? systemClock.now() : time,
    remainingMs: () => context.getRemainingTimeInMillis(),
    instances: tick.instances,
  };
  const summary = await run(stream, invocation, settings, ports);
  reportRun(stream.name, summary);
  return summary;
}

metrics.setDefaultDimensions({ stream: stream.name });

/** Polls one stream of all instances that are due. */
export const handler = middy<Tick, RunSummary>()
  .use(injectLambdaContext(logger))
  .use(logMetrics(metrics))
  .handler(poller);
