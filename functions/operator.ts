import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { cursorsTable } from './adapters/dynamodb/cursors.ts';
import { instancesTable } from './adapters/dynamodb/instances.ts';
import { tokenHosts } from './adapters/dynamodb/token-hosts.ts';
import { overflowBucket } from './adapters/overflow-bucket.ts';
import { logger, reportAction, reportCheck, reportReplay } from './adapters/powertools.ts';
import { readSecret, secretsManager } from './adapters/secrets-manager.ts';
import { sentinelOne } from './adapters/sentinelone.ts';
import { artifactQueue } from './adapters/sqs.ts';
import { type ReplayProgress, replay } from './collect/replay.ts';
import { type CheckReport, check } from './console/check/check.ts';
import { TypeNames } from './console/type-names.ts';
import { readOperatorEnvironment } from './environment.ts';
import { ClaimLostError, CollectorError, MisconfiguredError, RecordChangedError } from './errors.ts';
import { type CheckRequest, type ReplayEvent, readRequest } from './events.ts';
import { type Instance, readInstance } from './instances/instance.ts';
import { confirm, foreign, tokenFor } from './instances/secret-owner.ts';
import { boundHost } from './instances/token.ts';
import { systemClock } from './kit/clock.ts';
import type { Timestamp } from './kit/time.ts';
import { streams } from './streams/list.ts';

const environment = readOperatorEnvironment(process.env, streams);
const { instanceRules, settingsOf } = environment;
const streamNames = streams.map(({ name }) => name);

const ports = {
  sentinelone: sentinelOne,
  instances: instancesTable(environment.instancesTable),
  cursors: cursorsTable(environment.cursorsTable),
  tokenHosts: tokenHosts(environment.cursorsTable),
  secrets: secretsManager(Date.now),
  typeNames: new TypeNames(),
  queue: artifactQueue(environment.artifactQueueUrl),
  overflow: overflowBucket(environment.overflowBucket),
  clock: systemClock,
};

type Item = Readonly<Record<string, unknown>>;

async function operator(event: unknown, context: Context): Promise<CheckReport | ReplayProgress> {
  const request = readEvent(event);
  return request.action === 'check' ? checked(request) : replayed(request, context);
}

function readEvent(event: unknown) {
  try {
    return readRequest(event, streamNames);
  } catch (error) {
    logger.error(`sentinelone: event refused: ${String(error)}`);
    throw error;
  }
}

async function checked({ action, askedBy, of, version }: CheckRequest): Promise<CheckReport> {
  const instance = typeof of === 'string' ? of : of.instance;
  const record = typeof of === 'string' ? ((await ports.instances.read(of)) ?? { instance }) : of;
  const asked = { action, instance, host: readable(record)?.host, askedBy, version };
  reportAction(asked);
  const tokenOf = (instance: Instance) => ownToken(instance, version);
  const report = await check(record, streams, instanceRules, { ...ports, tokenOf });
  reportCheck(asked, report);
  return report;
}

/** Throws MisconfiguredError unless the secret belongs to the record that is checked. */
async function ownToken(instance: Instance, version: string | undefined) {
  const secret = await (version === undefined
    ? readSecret(instance.secretId)
    : readWritten(instance.secretId, version));
  const isBound = boundHost(secret?.value) !== undefined;
  try {
    if (secret !== undefined && !isBound) await confirm(instance, ports);
    return { token: await tokenFor(instance, secret, ports), isBound };
  } catch (error) {
    if (!(error instanceof RecordChangedError)) throw error;
    throw foreign(instance, `does not say that it belongs to ${instance.instance}`);
  }
}

/** Secrets Manager may return a new version only after some time. */
async function readWritten(secretId: string, version: string) {
  for (let tries = 1; ; tries++) {
    const secret = await readSecret(secretId, version);
    if (secret !== undefined || tries === mostTries) return secret;
    await systemClock.sleep(pauseMs);
  }
}

const [mostTries, pauseMs] = [30, 500];

async function replayed(request: ReplayEvent, context: Context): Promise<ReplayProgress> {
  const { action, askedBy, by, instance, stream: name, from, to } = request;
  const stream = streams.find((one) => one.name === name);
  if (stream === undefined) throw new Error(`there is no stream ${name}`);
  const stored = await ports.instances.read(instance);
  const asked = { action, instance, host: stored && readable(stored)?.host, askedBy, stream: name, from, to };
  reportAction(asked);
  const invocation = {
    id: by,
    scheduledAt: systemClock.now(),
    remainingMs: () => context.getRemainingTimeInMillis(),
  };
  const progress = await replay(request, stream, invocation, settingsOf(stream), ports).catch(
    (error: unknown) => endedBy(error, from),
  );
  reportReplay(asked, progress);
  return progress;
}

/**
 * Converts an error that ends a replay before its first page, or takes its claim. Throws errors of the collector or
 * of AWS.
 */
function endedBy(error: unknown, position: Timestamp): ReplayProgress {
  if (error instanceof ClaimLostError) return { state: 'claimed', artifacts: 0, position };
  if (!(error instanceof CollectorError)) throw error;
  const { state, message, remedy } = error;
  return { state: 'failed', artifacts: 0, position, error: { state, message, remedy } };
}

/** Returns undefined if the record is invalid; the check or the replay reports why. */
function readable(record: Item): Instance | undefined {
  try {
    return readInstance(record, instanceRules);
  } catch (error) {
    if (error instanceof MisconfiguredError) return undefined;
    throw error;
  }
}

/** Checks an instance, or continues a replay. */
export const handler = middy<unknown, CheckReport | ReplayProgress>()
  .before(({ context }) => logger.addContext(context))
  .handler(operator);
