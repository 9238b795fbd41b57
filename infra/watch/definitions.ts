import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
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
  /** Whether there is a forwarder. */
  readonly forwards: boolean;
  /** Encrypts the notifications; undefined for none. */
  readonly topicKey: IKey | undefined;
  readonly queue: IQueue;
  readonly deadLetterQueue: IQueue;
}

/** One alarm. */
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
  /** One sentence for the operator. */
  readonly says: string;
  /** The heading in docs/operations.md. */
  readonly heading: string;
}

/** The page whose headings alarms link to, at the deployed version. */
export const operationsPage = 'docs/operations.md';

const { BREACHING, NOT_BREACHING } = TreatMissingData;

/** At a shorter cadence a run may fail, and the next ones succeed, without a notification. */
const shortestPeriodMinutes = 5;

/** Two empty periods of one cadence can be one late tick, so three are required. */
const cycles = 3;

export function instanceAlarms({ settings, pollers }: AlarmsProps): Definition[] {
  // Every run sends these metrics for all instances. The window includes the slowest run of the rarest stream.
  const slowest = Math.max(...pollers.map((one) => one.cadenceMinutes + one.timeoutSeconds / 60));
  const period = Duration.minutes(slowest <= 180 ? 15 : 60);
  const periods = Math.ceil(slowest / period.toMinutes());
  const gauge = { periods, breaching: 1, missing: NOT_BREACHING };
  const most = (metricName: MetricName) => measure(settings.stackName, metricName, 'Maximum', {}, period);
  /** These are sent only if the value is not 0. Filled in, the alarm ends with its window. */
  const problems = (metricName: MetricName) =>
    new MathExpression({
      expression: 'FILL(value, 0)',
      usingMetrics: { value: most(metricName) },
      period,
      label: metricName,
    });
  return [
    {
      ...gauge,
      name: 'token',
      metric: problems('TokenProblems'),
      from: 1,
      says: 'A console refuses the token of an instance, or a token expires within 14 days.',
      heading: 'token',
    },
    {
      ...gauge,
      name: 'polls-failing',
      metric: problems('PollProblems'),
      from: 1,
      says: 'A stream of an instance has failed for more than two cycles, or was not polled for one and a half cadences.',
      heading: 'polls-failing',
    },
    {
      ...gauge,
      name: 'nothing-new',
      metric: problems('InstancesQuiet'),
      from: 1,
      says: 'A stream of an instance has had no new records for an unusually long time.',
      heading: 'nothing-new',
    },
    {
      ...gauge,
      name: 'lag',
      metric: remindingDaily(most('Lag'), period),
      from: settings.alarmLagMinutes * 60,
      says: `A stream of an instance is more than ${settings.alarmLagMinutes} minutes behind, although its polls succeed.`,
      heading: 'lag',
    },
  ];
}

export function ledgerAlarms({ settings }: AlarmsProps): Definition[] {
  const anHour = (metricName: MetricName) =>
    measure(settings.stackName, metricName, 'Sum', {}, Duration.hours(1));
  return [
    {
      name: 'records-missing',
      metric: anHour('RecordsMissing'),
      from: 1,
      periods: 1,
      missing: NOT_BREACHING,
      says: 'A console has records of a past hour that were not delivered; the hour was read again.',
      heading: 'records-missing',
    },
    {
      // A check that fails is repeated by the next poll, and some fail only once.
      name: 'hours-not-checked',
      metric: remindingDaily(anHour('HoursNotChecked'), Duration.hours(1)),
      from: 1,
      periods: 4,
      breaching: 3,
      missing: NOT_BREACHING,
      says: 'Past hours of an instance could not be checked for hours, so missing records are not detected.',
      heading: 'hours-not-checked',
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

/**
 * A run that does not start, is throttled, fails or is killed has no metric or an error. Lambda sends the metric with each
 * run, so one metric shows all of these, and an alarm on missing runs needs a value for periods without any.
 */
export function notRunning({ name, function: poller, cadenceMinutes }: ScheduledFunction): Definition {
  const period = Duration.minutes(Math.max(cadenceMinutes, shortestPeriodMinutes));
  return {
    name: `${name}-not-running`,
    metric: new MathExpression({
      expression: 'IF(FILL(errors, 1) < 1, 0, 1)',
      usingMetrics: { errors: poller.metricErrors({ period, statistic: 'Sum' }) },
      period,
      label: `${name}: no successful run`,
    }),
    from: 1,
    periods: cycles,
    missing: BREACHING,
    says: `The function of ${name} has had no successful run for three cycles: nothing of this stream is collected.`,
    heading: 'not-running',
  };
}
