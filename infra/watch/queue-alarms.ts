import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { AlarmsProps, Definition } from './definitions.ts';

type Queues = Pick<AlarmsProps, 'queue' | 'deadLetterQueue' | 'forwards'>;

const { IGNORE, NOT_BREACHING } = TreatMissingData;

/**
 * 1 if messages are in the queue and none is deleted. The consumer may be throttled, fail, or not delete what it
 * receives. The age of the oldest message does not show this, because SQS excludes messages that were received more
 * than three times.
 */
function nothingDeleted(queue: IQueue, period: Duration): IMetric {
  return new MathExpression({
    expression: 'IF(FILL(visible, 0) + FILL(hidden, 0) > 0 AND FILL(deleted, 0) < 1, 1, 0)',
    usingMetrics: {
      visible: queue.metricApproximateNumberOfMessagesVisible({ period, statistic: 'Maximum' }),
      hidden: queue.metricApproximateNumberOfMessagesNotVisible({ period, statistic: 'Maximum' }),
      deleted: queue.metricNumberOfMessagesDeleted({ period, statistic: 'Sum' }),
    },
    period,
    label: 'messages in the queue, none deleted',
  });
}

/** The forwarder deletes messages within seconds of their acceptance by Analytics. */
const forwarderFails = (queue: IQueue): Definition => ({
  name: 'forwarder-failing',
  metric: nothingDeleted(queue, Duration.minutes(15)),
  from: 1,
  periods: 3,
  missing: NOT_BREACHING,
  says: 'The forwarder has delivered nothing to Analytics for 45 minutes; the messages stay in the queue.',
  heading: 'forwarder-failing',
});

/** Another consumer may run once a day. */
const nothingConsumed = (queue: IQueue): Definition => ({
  name: 'queue-unread',
  metric: nothingDeleted(queue, Duration.hours(1)),
  from: 1,
  periods: 24,
  missing: NOT_BREACHING,
  says: 'Messages have been in the queue for 24 hours, and no consumer has deleted one; SQS deletes them after 14 days.',
  heading: 'queue-unread',
});

const dayInSeconds = 24 * 60 * 60;

/** Ten days leave four until the first message is lost; a long weekend has three and a half. */
export const queueOldSeconds = 10 * dayInSeconds;

export function queueAlarms({ queue, deadLetterQueue, forwards }: Queues): Definition[] {
  return [
    forwards ? forwarderFails(queue) : nothingConsumed(queue),
    {
      name: 'queue-loses-messages',
      metric: queue.metricApproximateAgeOfOldestMessage({
        period: Duration.minutes(15),
        statistic: 'Maximum',
      }),
      from: queueOldSeconds,
      periods: 2,
      // An empty queue has no oldest message, so the metric is not sent.
      missing: NOT_BREACHING,
      says: 'A message has waited for a consumer for 10 days; SQS deletes it in 4 days, and it is lost.',
      heading: 'queue-unread',
    },
    {
      name: 'dead-letters',
      metric: deadLetterQueue.metricApproximateNumberOfMessagesVisible({
        period: Duration.minutes(5),
        statistic: 'Maximum',
      }),
      from: 1,
      periods: 1,
      // SQS stops sending metrics of a queue that is not used for hours, even if it is not empty.
      missing: IGNORE,
      says: 'The dead-letter queue contains messages that the consumer rejected or never deleted.',
      heading: 'dead-letters',
    },
  ];
}
