import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { AlarmsProps, Definition, Notification } from './definitions.ts';

type Queues = Pick<AlarmsProps, 'queue' | 'deadLetterQueue'>;

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
export function forwarderFails({ queue }: Pick<Queues, 'queue'>): Notification {
  return {
    name: 'forwarder-failing',
    metric: nothingDeleted(queue, Duration.minutes(15)),
    from: 1,
    periods: 3,
    missing: NOT_BREACHING,
    says: 'The forwarder has delivered nothing to Analytics for 45 minutes; the messages stay in the queue.',
    heading: 'forwarder-failing',
  };
}

/**
 * A consumer may run once a day, so this waits two hours longer. A queue that nobody reads has its own alarm before
 * that.
 */
export function nothingConsumed({ queue }: Pick<Queues, 'queue'>): Definition {
  return {
    name: 'queue-nothing-deleted',
    metric: nothingDeleted(queue, Duration.hours(1)),
    from: 1,
    periods: 26,
    missing: NOT_BREACHING,
  };
}

const hour = 60 * 60;

/** A day is longer than any delay of a working consumer. SQS keeps the messages for 13 more days. */
export const queueUnreadSeconds = 24 * hour;

function waits(queue: IQueue): Omit<Notification, 'name' | 'from' | 'says'> {
  return {
    metric: queue.metricApproximateAgeOfOldestMessage({ period: Duration.minutes(15), statistic: 'Maximum' }),
    periods: 2,
    // An empty queue has no oldest message, so the metric is missing.
    missing: NOT_BREACHING,
    heading: 'queue-unread',
  };
}

export function queueUnread({ queue }: Pick<Queues, 'queue'>): Notification {
  return {
    ...waits(queue),
    name: 'queue-unread',
    from: queueUnreadSeconds,
    says: 'A message has waited for a consumer for more than 24 hours; SQS deletes it after 14 days.',
  };
}

export function queueAlarms({ queue, deadLetterQueue }: Queues): Notification[] {
  return [
    {
      // Four days before the first message is deleted, which is longer than a long weekend.
      ...waits(queue),
      name: 'queue-loses-messages',
      from: 10 * 24 * hour,
      says: 'A message has waited for a consumer for 10 days; SQS deletes it in 4 days, and it is lost.',
    },
    {
      name: 'dead-letters',
      metric: deadLetterQueue.metricApproximateNumberOfMessagesVisible({
        period: Duration.minutes(5),
        statistic: 'Maximum',
      }),
      from: 1,
      periods: 1,
      // SQS stops sending metrics of an inactive queue after some hours, even if it contains messages.
      missing: IGNORE,
      says: 'The dead-letter queue contains messages that the consumer rejected or never deleted.',
      heading: 'dead-letters',
    },
  ];
}
