import middy from '@middy/core';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { witfooAnalytics } from './adapters/analytics.ts';
import { flawOf } from './adapters/artifact-schema.ts';
import { acceptedIds } from './adapters/dynamodb/accepted-ids.ts';
import { forwarderStatus } from './adapters/dynamodb/forwarder-status.ts';
import { acceptedLedger } from './adapters/dynamodb/ledger.ts';
import { overflowObjects } from './adapters/overflow-bucket.ts';
import { logger, reportForward } from './adapters/powertools.ts';
import { secretsManager } from './adapters/secrets-manager.ts';
import { deadLetterQueue } from './adapters/sqs.ts';
import { readForwarderEnvironment } from './environment.ts';
import { forward, type SharedState } from './forward/forward.ts';
import type { ForwardOutcome, ForwardPorts } from './forward/ports.ts';
import { openSession } from './forward/session.ts';
import { isNews, forwarderStatus as statusAfter } from './forward/status.ts';
import type { Status } from './health/status.ts';
import { systemClock } from './kit/clock.ts';
import { within } from './kit/pacing.ts';

const environment = readForwarderEnvironment(process.env);
const { settings, accepted, statusMs } = environment;

const ports: ForwardPorts = {
  analytics: witfooAnalytics(environment.analyticsUrl),
  secrets: secretsManager(systemClock.now),
  overflow: overflowObjects,
  deadLetters: deadLetterQueue(environment.deadLetterQueueUrl),
  accepted: accepted === undefined ? undefined : acceptedIds(accepted.table, accepted.days),
  ledger: acceptedLedger(environment.ledgerTable),
  flaw: flawOf,
  clock: systemClock,
};
let shared: SharedState = {
  session: openSession(environment.secretId, ports),
  refusedInARow: 0,
  acceptedInPart: new Set(),
  notCounted: [],
};
const status = forwarderStatus(environment.cursorsTable);

async function forwarder({ Records }: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  const messages = Records.map(({ messageId, body, attributes }) => ({
    id: messageId,
    body,
    receives: Number(attributes.ApproximateReceiveCount),
    sentAt: Number(attributes.SentTimestamp),
  }));
  const remainingMs = () => context.getRemainingTimeInMillis();
  const forwarded = await forward(messages, settings, ports, shared, remainingMs);
  const { toRetry, outcome } = forwarded;
  shared = forwarded.shared;
  reportForward(outcome, environment.metrics);
  await keepStatus(outcome);
  return { batchItemFailures: [...toRetry].map(({ id }) => ({ itemIdentifier: id })) };
}

/** Less than the time that `forward` leaves at its end. */
const writeMs = 2_000;

let known: Partial<Status> = {};
let written: Partial<Status> = {};

/** Writes the status. A failure is only logged, because the artifacts are already forwarded. */
async function keepStatus(outcome: ForwardOutcome): Promise<void> {
  known = statusAfter(known, outcome, systemClock.now());
  if (!isNews(written, known, statusMs)) return;
  try {
    await within(writeMs, () => status.write(known), systemClock);
    written = known;
  } catch (error) {
    logger.warn(`sentinelone: the forwarder's status cannot be written: ${String(error)}`);
  }
}

/** Posts artifacts from the queue to WitFoo Analytics. */
export const handler = middy<SQSEvent, SQSBatchResponse>()
  .before(({ context }) => logger.addContext(context))
  .handler(forwarder);
