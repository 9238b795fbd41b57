import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { AuditResult } from '../core/audit.ts';
import type { ForwardOutcome } from '../core/forward-ports.ts';
import type { Outcome } from '../core/ports.ts';
import type { RunSummary } from '../core/run.ts';

const serviceName = 'sentinelone-collector';

export const logger = new Logger({ serviceName });
export const metrics = new Metrics({ serviceName, namespace: 'SentinelOneCollector' });

/** The log lines and metrics of one instance, stream and run. No token, header or record is in either. */
export function report(outcome: Outcome): void {
  const { error, forgotten, restarted, audit, ...fields } = outcome;
  const { instance, stream, state, artifacts } = fields;
  if (state === 'disabled') {
    logger.info(`sentinelone: ${stream} of ${instance} disabled`, fields);
    return;
  }
  if (restarted) {
    logger.warn(
      `sentinelone: host or filters of ${instance} changed: ${stream} start again from the look-back`,
      fields,
    );
  }
  if (error === undefined || fields.pages > 0) {
    logger.info(`sentinelone: fetched ${artifacts} ${stream}`, fields);
  }
  if (error !== undefined) {
    logger.error(`sentinelone: ${stream} of ${instance} ${state}: ${error.message}. ${error.remedy}`, {
      ...fields,
      errorName: error.name,
      remedy: error.remedy,
    });
  }
  if (forgotten > 0) {
    logger.warn(
      `sentinelone: ${forgotten} ${stream} more than the memory holds may be delivered again`,
      fields,
    );
  }
  if (audit !== undefined) reportAudit(outcome, audit);
  count(outcome);
}

function reportAudit(
  { instance, stream }: Outcome,
  { hour, atConsole, delivered, readAgain }: AuditResult,
): void {
  const fields = { instance, stream, hour, atConsole, delivered, readAgain };
  metrics.addMetric('Audits', MetricUnit.Count, 1);
  metrics.addMetric('AuditMissing', MetricUnit.Count, readAgain === undefined ? 0 : atConsole - delivered);
  if (readAgain === undefined) {
    logger.info(`sentinelone: audited ${stream}: nothing is missing`, fields);
  } else {
    const more = `${atConsole} at the console, ${delivered} delivered: the hour was read again`;
    logger.error(`sentinelone: audited ${stream} of ${instance} from ${hour}: ${more}`, fields);
  }
}

/** Where nothing could be polled at all, or some had to wait. */
export function reportRun(stream: string, summary: RunSummary): void {
  if (summary.notReached > 0) {
    logger.warn(`sentinelone: ${summary.notReached} instances were not reached by this run of ${stream}`, {
      ...summary,
    });
  }
  metrics.addMetric('InstancesNotReached', MetricUnit.Count, summary.notReached);
  if (summary.handedOver > 0) {
    logger.info(`sentinelone: ${summary.handedOver} instances are polled by further runs of ${stream}`, {
      ...summary,
    });
  }
  if (summary.isLateShard) {
    logger.warn(`sentinelone: a further run of ${stream} began late`, { ...summary });
    metrics.addMetric('LateShards', MetricUnit.Count, 1);
  }
}

function count({ pages, artifacts, lagSeconds, error }: Outcome): void {
  metrics.addMetric('Artifacts', MetricUnit.Count, artifacts);
  metrics.addMetric('Pages', MetricUnit.Count, pages);
  metrics.addMetric('PollsCompleted', MetricUnit.Count, error === undefined ? 1 : 0);
  metrics.addMetric('PollsFailed', MetricUnit.Count, error === undefined ? 0 : 1);
  if (lagSeconds !== undefined) metrics.addMetric('Lag', MetricUnit.Seconds, lagSeconds);
}

/** The log lines and metrics of one run of the forwarder. */
export function reportForward(outcome: ForwardOutcome): void {
  const { error, warnings, buried, ...fields } = outcome;
  const counts = { ...fields, buried: buried.length };
  if (error === undefined || fields.accepted > 0) {
    logger.info(`sentinelone: forwarded ${fields.accepted} artifacts`, counts);
  }
  if (error !== undefined) {
    logger.error(`sentinelone: forwarder ${fields.state}: ${error.message}. ${error.remedy}`, {
      ...counts,
      errorName: error.name,
      remedy: error.remedy,
    });
  }
  for (const { id, reason } of buried) {
    logger.error(`sentinelone: ${id} is in the dead-letter queue: ${reason}`, { id, reason });
  }
  for (const warning of warnings) logger.warn(`sentinelone: forwarder: ${warning}`, counts);
  metrics.addMetric('Forwarded', MetricUnit.Count, fields.accepted);
  metrics.addMetric('ForwardRepeats', MetricUnit.Count, fields.repeats);
  metrics.addMetric('ForwardBuried', MetricUnit.Count, buried.length);
  metrics.addMetric('ForwardRequests', MetricUnit.Count, fields.requests);
  metrics.addMetric('ForwardFailed', MetricUnit.Count, error === undefined ? 0 : 1);
  metrics.addMetric('ForwardLag', MetricUnit.Seconds, fields.lagSeconds);
}
