import { Duration } from 'aws-cdk-lib';
import {
  GraphWidget,
  type IMetric,
  type IWidget,
  LogQueryVisualizationType,
  LogQueryWidget,
  MathExpression,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { type MetricName, namespace } from '../../functions/health/metrics.ts';
import type { Settings } from '../settings.ts';
import { measure } from './measures.ts';

export interface FlowProps {
  readonly settings: Pick<Settings, 'stackName' | 'alarmLagMinutes' | 'metrics'>;
  readonly streams: readonly string[];
  readonly functions: readonly {
    readonly name: string;
    readonly function: IFunction;
    readonly logGroup: ILogGroup;
  }[];
}

const hourly = Duration.hours(1);

export const graph = (
  title: string,
  left: IMetric[],
  more: Partial<ConstructorParameters<typeof GraphWidget>[0]> = {},
) => new GraphWidget({ title, left, width: 8, height: 6, ...more });

/** The same as `flow` from the log, where the metrics are not sent. Logs Insights bills the bytes that a query reads. */
export function logged({ functions, streams }: FlowProps): IWidget[] {
  const logGroupNames = functions
    .filter(({ name }) => streams.includes(name))
    .map(({ logGroup }) => logGroup.logGroupName);
  const query = (title: string, view: LogQueryVisualizationType, ...queryLines: string[]) =>
    new LogQueryWidget({ title, view, logGroupNames, queryLines, width: 8, height: 6 });
  const { LINE, STACKEDAREA, TABLE } = LogQueryVisualizationType;
  /** A graph needs a column for each stream. */
  const columns = (statistic: string, field: string) =>
    streams
      .map(
        (name) =>
          `${statistic}(${field} * strcontains(concat("|", stream, "|"), "|${name}|")) as \`${name}\``,
      )
      .join(', ');
  return [
    query(
      'Artifacts',
      STACKEDAREA,
      'filter message like /^sentinelone: fetched/',
      `stats ${columns('sum', 'artifacts')} by bin(5m)`,
    ),
    query(
      'Lag (seconds)',
      LINE,
      'filter message like /^sentinelone: run of/',
      `stats ${columns('max', 'fleetLagSeconds')} by bin(5m)`,
    ),
    query(
      'Failed polls by state',
      TABLE,
      'filter ispresent(remedy) and ispresent(state)',
      'stats count(*) as polls, count_distinct(instance) as instances, latest(remedy) as remedy by state, stream',
      'sort polls desc',
    ),
    query(
      'Instances red and yellow, and not reached; first token expires (days)',
      LINE,
      'filter message like /^sentinelone: run of/',
      'stats max(red) as red_streams, max(yellow) as yellow_streams, max(notReached) as not_reached, min(tokenExpiryDays) as token_days by bin(15m)',
    ),
    query(
      'Missing records, and hours not checked',
      TABLE,
      'filter message like /^sentinelone: (missing|past hours)/',
      'fields @timestamp, level, stream, instance, hour, atConsole, delivered, found, left, remedy',
      'sort @timestamp desc',
      'limit 20',
    ),
  ];
}

const needSomeone: readonly MetricName[] = [
  'InstancesRed',
  'InstancesYellow',
  'TokensRejected',
  'InstancesFailing',
  'InstancesSilent',
  'InstancesQuiet',
];

/** From metrics. */
export function flow({ settings, streams }: FlowProps): IWidget[] {
  const { stackName } = settings;
  const byStream = (metricName: MetricName, statistic: 'Sum' | 'Maximum') =>
    streams.map((stream) => measure(stackName, metricName, statistic, { stream }));
  const failures = `SEARCH('{${namespace},service,state} service="${stackName}" MetricName="${'PollsFailed' satisfies MetricName}"', 'Sum', 300)`;
  return [
    graph('Artifacts', byStream('Artifacts', 'Sum'), { stacked: true }),
    graph('Lag; right: how late records become visible (seconds)', byStream('Lag', 'Maximum'), {
      right: byStream('Lateness', 'Maximum'),
      leftAnnotations: [{ value: settings.alarmLagMinutes * 60, label: 'alarm' }],
    }),
    graph(
      'Failed polls by state',
      [new MathExpression({ expression: failures, label: '', usingMetrics: {} })],
      {
        stacked: true,
      },
    ),
    graph('Instances red and yellow; new problems and daily reminders', [
      ...needSomeone.map((name) => measure(stackName, name, 'Maximum')),
    ]),
    graph('Instances polled, and not reached', [
      ...byStream('Instances', 'Maximum'),
      ...streams.flatMap((stream) => [
        measure(stackName, 'InstancesNotReached', 'Maximum', { stream }).with({
          label: `${stream} not reached`,
        }),
        measure(stackName, 'LateShards', 'Sum', { stream }).with({ label: `${stream} late further runs` }),
      ]),
    ]),
    graph(
      'Missing records, failed checks; first token expires (days)',
      [
        measure(stackName, 'RecordsMissing', 'Sum', {}, hourly),
        measure(stackName, 'HoursNotChecked', 'Sum', {}, hourly),
      ],
      { right: [measure(stackName, 'TokenExpiryDays', 'Minimum')] },
    ),
  ];
}

export function forwarding({ settings }: FlowProps): IWidget[] {
  const of = (name: MetricName, statistic: 'Sum' | 'Maximum' = 'Sum') =>
    measure(settings.stackName, name, statistic, { stream: 'forwarder' }).with({ label: name });
  return [
    graph('Forwarder: artifacts', [of('Forwarded'), of('ForwardRepeats'), of('ForwardDeadLettered')]),
    graph('Forwarder: requests, and runs that failed', [of('ForwardRequests'), of('ForwardFailed')]),
    graph('Forwarder: lag (seconds)', [of('ForwardLag', 'Maximum')]),
  ];
}
