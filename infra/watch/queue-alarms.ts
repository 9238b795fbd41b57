import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { AlarmsProps, Definition, Notification } from './definitions.ts';

type Queues = Pick<AlarmsProps, 'queue' | 'deadLetterQueue'>;

const { IGNORE, NOT_BREACHING } = TreatMissingData;

/**
 * One where messages are in the queue and none is deleted, whatever the reason: a consumer that is throttled, that fails, or
 * that does not delete what it receives. The age of the oldest message shows none of this, because SQS leaves out messages
 * that were received more than three times.
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

/** The forwarder deletes what Analytics has accepted within seconds. */
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

/** A consumer may run once a day. Two hours more than that: by then a queue that nobody reads has its own alarm. */
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

/** After a day a consumer is not merely slow; SQS keeps the messages for thirteen days more. */
export const queueUnreadSeconds = 24 * hour;

function waits(queue: IQueue): Omit<Notification, 'name' | 'from' | 'says'> {
  return {
    metric: queue.metricApproximateAgeOfOldestMessage({ period: Duration.minutes(15), statistic: 'Maximum' }),
    periods: 2,
    // An empty queue has no oldest message, and says nothing.
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
      // Four days before the first is lost: a long weekend is three and a half.
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
      // A queue that nobody touches falls silent after hours, whatever is in it.
      missing: IGNORE,
      says: 'The dead-letter queue contains messages that the consumer rejected or never deleted.',
      heading: 'dead-letters',
    },
  ];
}
