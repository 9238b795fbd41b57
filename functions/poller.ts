import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { cursorsTable, instancesTable } from './adapters/dynamodb.ts';
import { overflowBucket } from './adapters/overflow-bucket.ts';
import { logger, metrics, reports } from './adapters/powertools.ts';
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
const { report, reportRun } = reports(stream.name, environment.perInstanceMetrics);

const ports: Ports = {
  sentinelone: sentinelOne,
  instances: instancesTable(environment.instancesTable),
  cursors: cursorsTable(environment.cursorsTable),
  secrets: secretsManager(Date.now),
  queue: artifactQueue(environment.artifactQueueUrl),
  overflow: overflowBucket(environment.overflowBucket),
  clock: systemClock,
  report,
};

/** The tick of the rule; any other event is a tick of its own. */
interface Tick {
  /** ISO 8601. */
  readonly time?: string;
}

async function poller(tick: Tick, context: Context): Promise<RunSummary> {
  const time = Date.parse(tick.time ?? '');
  const invocation = {
    id: context.awsRequestId,
    scheduledAt: Number.isNaN(time) ? systemClock.now() : time,
    remainingMs: () => context.getRemainingTimeInMillis(),
  };
  const summary = await run(stream, invocation, settings, ports);
  reportRun(summary);
  return summary;
}

/** Polls one stream of all instances that are due. */
export const handler = middy<Tick, RunSummary>()
  .use(injectLambdaContext(logger))
  .use(logMetrics(metrics))
  .handler(poller);
