import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { ExpiryDays } from '../../functions/health/fleet.ts';
import type { MetricName } from '../../functions/health/metrics.ts';
import type { Settings } from '../settings.ts';
import { measure } from './measures.ts';

/** A function that a rule fires. */
interface Clockwork {
  /** Of its stream. */
  readonly name: string;
  readonly function: IFunction;
  readonly cadenceMinutes: number;
  readonly timeoutSeconds: number;
}

export interface AlarmsProps {
  readonly settings: Settings;
  readonly pollers: readonly Clockwork[];
  readonly operator: IFunction;
  /** Absent where nothing is forwarded. */
  readonly forwarder?: IFunction;
  readonly queue: IQueue;
  readonly deadLetterQueue: IQueue;
}

/** What one alarm watches, and its name. */
export interface Definition {
  /** Also ends the alarm's name. */
  readonly name: string;
  readonly metric: IMetric;
  /** The alarm is raised at this value and above. */
  readonly from: number;
  readonly periods: number;
  /** How many of the periods must breach; all of them unless given. */
  readonly breaching?: number;
  readonly missing: TreatMissingData;
}

/** An alarm that notifies someone. */
export interface Notification extends Definition {
  /** One sentence. */
  readonly says: string;
  /** The heading in docs/operations.md. */
  readonly heading: string;
}

/** The page of this repository whose headings alarms name, as it is at the version that is deployed. */
export const operationsPage = 'docs/operations.md';

const { BREACHING, IGNORE, NOT_BREACHING } = TreatMissingData;

/** Three windows of a cadence each: two that are empty may be one tick that is late. */
const cycles = 3;

export function instanceAlarms({ settings, pollers }: AlarmsProps): Notification[] {
  // Every run says how all instances are. The rarest run has to be in the window, however long it took.
  const slowest = Math.max(...pollers.map((one) => one.cadenceMinutes + one.timeoutSeconds / 60));
  const period = Duration.minutes(slowest <= 180 ? 15 : 60);
  const periods = Math.ceil(slowest / period.toMinutes());
  // No run, no news: not-running says so.
  const gauge = { periods, breaching: 1, missing: IGNORE };
  const most = (metricName: MetricName) => measure(settings.stackName, metricName, 'Maximum', {}, period);
  const expiring = ([days, left]: readonly [ExpiryDays, string]): Notification => ({
    ...gauge,
    // Sent only where there are any.
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
      // Not sent where nothing is polled well; that has other alarms.
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
      // Each poll tries again what failed; some do once.
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
 * Zero for two hours of each day, from 06:00 UTC. An instance for which this alarm is raised for good would hide the others;
 * so the alarm ends, and is raised again if its cause lasts.
 */
function remindingDaily(metric: IMetric, period: Duration): IMetric {
  return new MathExpression({
    expression: 'IF(HOUR(value) == 6 OR HOUR(value) == 7, 0, value)',
    usingMetrics: { value: metric },
    period,
    label: 'but for two hours of the day',
  });
}

/** One where there were none: an alarm on what is not there needs a value for it. */
export function invocations({ name, function: poller, cadenceMinutes }: Clockwork): Definition {
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

/** Tells apart why a function does not run; one that runs all the same may be throttled now and then. */
export function throttles({ name, function: poller }: Clockwork): Definition {
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
}: Omit<Clockwork, 'timeoutSeconds'>): Definition {
  return {
    name: `${name}-errors`,
    metric: poller.metricErrors({ period: Duration.minutes(cadenceMinutes), statistic: 'Sum' }),
    from: 1,
    // One that fails every second time is told of once, not again and again.
    periods: 5,
    breaching: 2,
    missing: NOT_BREACHING,
  };
}
