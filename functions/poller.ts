import { randomUUID } from 'node:crypto';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { cursorsTable } from './adapters/dynamodb/cursors.ts';
import { instancesTable } from './adapters/dynamodb/instances.ts';
import { ledgerTable } from './adapters/dynamodb/ledger.ts';
import { shardsTable } from './adapters/dynamodb/shards.ts';
import { tokenHosts } from './adapters/dynamodb/token-hosts.ts';
import { overflowBucket } from './adapters/overflow-bucket.ts';
import { logger, reports } from './adapters/powertools.ts';
import { secretsManager } from './adapters/secrets-manager.ts';
import { artifactQueue } from './adapters/sqs.ts';
import { type RunPorts, type RunSummary, run } from './collect/run.ts';
import { shardTaker } from './collect/shards.ts';
import { TypeNames } from './console/type-names.ts';
import { readPollerEnvironment } from './environment.ts';
import { readTick } from './events.ts';
import { systemClock } from './kit/clock.ts';
import { streams } from './streams/list.ts';

const environment = readPollerEnvironment(process.env, streams);
const { stream, settings } = environment;
const { report, reportSuspect, reportChange, reportRun } = reports(stream.name, environment);

// The tables are read while it is loaded.
const loading = import('./adapters/sentinelone.ts');
const sentinelOne = async () => (await loading).sentinelOne;
const furtherRuns = async () =>
  (await import('./adapters/lambda.ts')).furtherRuns(process.env.AWS_LAMBDA_FUNCTION_NAME ?? '');

const offers = shardsTable(environment.cursorsTable, stream.name);

const ports: RunPorts = {
  sentinelone: {
    get: async (request) => (await sentinelOne()).get(request),
    expiry: async (request) => (await sentinelOne()).expiry(request),
  },
  instances: instancesTable(environment.instancesTable),
  cursors: cursorsTable(environment.cursorsTable),
  ledger: ledgerTable(environment.ledgerTable),
  tokenHosts: tokenHosts(environment.cursorsTable),
  secrets: secretsManager(Date.now),
  typeNames: new TypeNames(),
  queue: artifactQueue(environment.artifactQueueUrl),
  overflow: overflowBucket(environment.overflowBucket),
  shards: {
    offer: offers.offer,
    take: shardTaker(offers),
    start: async (...asked) => (await furtherRuns()).start(...asked),
  },
  clock: systemClock,
  report,
  reportSuspect,
  reportChange,
};

async function poller(event: unknown, context: Context): Promise<RunSummary> {
  const tick = readEvent(event);
  const invocation = {
    // An asynchronous event that is delivered twice has the same request id.
    id: `${context.awsRequestId}/${randomUUID()}`,
    remainingMs: () => context.getRemainingTimeInMillis(),
    ...tick,
  };
  const summary = await run(stream, invocation, settings, ports);
  reportRun(summary);
  return summary;
}

function readEvent(event: unknown) {
  try {
    return readTick(event, systemClock.now());
  } catch (error) {
    logger.error(`sentinelone: event refused: ${String(error)}`);
    throw error;
  }
}

/** Polls one stream of all instances that are due. */
export const handler = middy<unknown, RunSummary>()
  .before(({ context }) => logger.addContext(context))
  .handler(poller);
