import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { ExpiryDays } from '../../functions/health/fleet.ts';
import type { MetricName } from '../../functions/health/metrics.ts';
import type { Settings } from '../settings.ts';
import { measure } from './measures.ts';

interface ScheduledFunction {
  readonly name: string;
  readonly function: IFunction;
  readonly cadenceMinutes: number;
  readonly timeoutSeconds: number;
}

export interface AlarmsProps {
  readonly settings: Settings;
  readonly pollers: readonly ScheduledFunction[];
  readonly operator: IFunction;
  /** Absent if nothing is forwarded. */
  readonly forwarder?: IFunction;
  readonly queue: IQueue;
  readonly deadLetterQueue: IQueue;
}

/** The metric, threshold and name of one alarm. */
export interface Definition {
  /** Also the suffix of the alarm's name. */
  readonly name: string;
  readonly metric: IMetric;
  /** The threshold: the alarm is raised at this value or above. */
  readonly from: number;
  readonly periods: number;
  /** How many of the periods must breach; all if absent. */
  readonly breaching?: number;
  readonly missing: TreatMissingData;
}

/** An alarm that notifies the topic. */
export interface Notification extends Definition {
  /** One sentence for the operator. */
  readonly says: string;
  /** The heading in docs/operations.md. */
  readonly heading: string;
}

/** The page whose headings alarms link to, at the deployed version. */
export const operationsPage = 'docs/operations.md';

const { BREACHING, IGNORE, NOT_BREACHING } = TreatMissingData;

/** Two empty periods of one cadence can be one late tick, so three are required. */
const cycles = 3;

export function instanceAlarms({ settings, pollers }: AlarmsProps): Notification[] {
  // Every run sends these metrics for all instances. The window includes the slowest run of the rarest stream.
  const slowest = Math.max(...pollers.map((one) => one.cadenceMinutes + one.timeoutSeconds / 60));
  const period = Duration.minutes(slowest <= 180 ? 15 : 60);
  const periods = Math.ceil(slowest / period.toMinutes());
  // Without a run there is no new data; `not-running` reports that.
  const gauge = { periods, breaching: 1, missing: IGNORE };
  const most = (metricName: MetricName) => measure(settings.stackName, metricName, 'Maximum', {}, period);
  const expiring = ([days, left]: readonly [ExpiryDays, string]): Notification => ({
    ...gauge,
    // Sent only if the value is not 0.
    missing: NOT_BREACHING,
    name: `token-expires-in-${left.replace(' ', '-')}`,
    metric: most(`TokensExpiring${days}`),
    from: 1,
    says: `The API token of an instance expires within ${left}.`,
    heading: 'token-expires',
  });
  return [
    {
      ...gauge,
      name: 'token-rejected',
      metric: most('TokensRejected'),
      from: 1,
      says: 'A console refuses the token of an instance: its data is not being collected.',
      heading: 'token-rejected',
    },
    ...(
      [
        [14, '14 days'],
        [7, '7 days'],
        [1, '1 day'],
      ] as const
    ).map(expiring),
    {
      ...gauge,
      name: 'polls-failing',
      metric: most('InstancesFailing'),
      from: 1,
      says: 'A stream of an instance has failed for more than two cycles, for a reason other than its token.',
      heading: 'polls-failing',
    },
    {
      ...gauge,
      name: 'instances-silent',
      metric: most('InstancesSilent'),
      from: 1,
      says: 'A poll of a stream of an instance is late by one and a half cadences, without an error.',
      heading: 'instances-silent',
    },
    {
      ...gauge,
      name: 'nothing-new',
      metric: most('InstancesQuiet'),
      from: 1,
      says: 'A stream of an instance has had no new records for an unusually long time.',
      heading: 'nothing-new',
    },
    {
      ...gauge,
      name: 'lag',
      metric: remindingDaily(most('Lag'), period),
      // Sent only if a poll succeeds; other alarms report failing polls.
      missing: NOT_BREACHING,
      from: settings.alarmLagMinutes * 60,
      says: `A stream of an instance is more than ${settings.alarmLagMinutes} minutes behind, although its polls succeed.`,
      heading: 'lag',
    },
  ];
}

export function auditAlarms({ settings }: AlarmsProps): Notification[] {
  const anHour = (metricName: MetricName) =>
    measure(settings.stackName, metricName, 'Sum', {}, Duration.hours(1));
  return [
    {
      name: 'audit-difference',
      metric: anHour('AuditMissing'),
      from: 1,
      periods: 1,
      missing: NOT_BREACHING,
      says: 'An audit found records that were never delivered; their hour was read again.',
      heading: 'an-audit-found-something-missing',
    },
    {
      // An audit that fails is retried at the next poll, and some fail only once.
      name: 'audits-failing',
      metric: remindingDaily(anHour('AuditsFailed'), Duration.hours(1)),
      from: 1,
      periods: 4,
      breaching: 3,
      missing: NOT_BREACHING,
      says: 'Audits have been failing for hours, so missing records are not detected.',
      heading: 'audits-failing',
    },
  ];
}

/**
 * Sets the metric to zero for two hours a day, from 06:00 UTC. The alarm ends then, and is raised again if its cause
 * lasts, so that a permanent failure of one instance does not hide failures of others.
 */
function remindingDaily(metric: IMetric, period: Duration): IMetric {
  return new MathExpression({
    expression: 'IF(HOUR(value) == 6 OR HOUR(value) == 7, 0, value)',
    usingMetrics: { value: metric },
    period,
    label: 'but for two hours of the day',
  });
}

/** An alarm on missing invocations needs a value for periods without any. */
export function invocations({ name, function: poller, cadenceMinutes }: ScheduledFunction): Definition {
  const period = Duration.minutes(cadenceMinutes);
  return {
    name: `${name}-not-run`,
    metric: new MathExpression({
      expression: 'IF(FILL(invocations, 0) < 1, 1, 0)',
      usingMetrics: { invocations: poller.metricInvocations({ period, statistic: 'Sum' }) },
      period,
      label: `${name} did not run`,
    }),
    from: 1,
    periods: cycles,
    missing: BREACHING,
  };
}

/** Distinguishes throttling from other reasons why a function does not run. Occasional throttling is normal. */
export function throttles({ name, function: poller }: ScheduledFunction): Definition {
  return {
    name: `${name}-throttled`,
    metric: poller.metricThrottles({ period: Duration.minutes(15), statistic: 'Sum' }),
    from: 1,
    periods: 1,
    missing: NOT_BREACHING,
  };
}

export function errors({
  name,
  function: poller,
  cadenceMinutes,
}: Omit<ScheduledFunction, 'timeoutSeconds'>): Definition {
  return {
    name: `${name}-errors`,
    metric: poller.metricErrors({ period: Duration.minutes(cadenceMinutes), statistic: 'Sum' }),
    from: 1,
    // A function that fails every second time raises one alarm, instead of one after another.
    periods: 5,
    breaching: 2,
    missing: NOT_BREACHING,
  };
}
