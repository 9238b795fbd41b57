import { Duration } from 'aws-cdk-lib';
import {
  type AlarmBase,
  AlarmStatusWidget,
  Dashboard as CloudWatchDashboard,
  CustomWidget,
  GraphWidget,
  type IMetric,
  type IWidget,
  MathExpression,
  Metric,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { type MetricName, namespace } from '../../functions/health/metrics.ts';
import type { Settings } from '../settings.ts';
import { operationsPage } from './definitions.ts';
import { measure } from './measures.ts';
import { queueUnreadSeconds } from './queue-alarms.ts';

interface DashboardProps {
  readonly settings: Pick<Settings, 'stackName' | 'alarmLagMinutes'>;
  readonly streams: readonly string[];
  readonly tiles: IFunction;
  readonly functions: readonly {
    readonly name: string;
    readonly function: IFunction;
    readonly logGroup: ILogGroup;
  }[];
  readonly queue: IQueue;
  readonly deadLetterQueue: IQueue;
  readonly tables: readonly Table[];
  readonly alarms: readonly AlarmBase[];
  readonly forwards: boolean;
}

const hourly = Duration.hours(1);

/** The dashboard: tiles, throughput, errors and costs. */
export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    new CloudWatchDashboard(this, 'Dashboard', {
      dashboardName: props.settings.stackName,
      defaultInterval: Duration.hours(12),
      widgets: [
        tiles(props),
        alarms(props),
        flow(props),
        queues(props),
        ...(props.forwards ? [forwarding(props)] : []),
        functions(props),
        costs(props),
      ],
    });
  }
}

const graph = (
  title: string,
  left: IMetric[],
  more: Partial<ConstructorParameters<typeof GraphWidget>[0]> = {},
) => new GraphWidget({ title, left, width: 8, height: 6, ...more });

function tiles({ tiles }: DashboardProps): IWidget[] {
  return [
    new CustomWidget({
      title: 'Instances',
      functionArn: tiles.functionArn,
      width: 24,
      height: 12,
      updateOnRefresh: true,
      updateOnResize: false,
      updateOnTimeRangeChange: false,
    }),
  ];
}

function alarms({ alarms, settings }: DashboardProps): IWidget[] {
  return [
    new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 16, height: 4 }),
    new TextWidget({
      markdown: `What each state and alarm means, how to look, what to do: ${operationsPage}\n\nSaved queries: Logs Insights → Queries → \`${settings.stackName}\``,
      width: 8,
      height: 4,
    }),
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

function flow({ settings, streams }: DashboardProps): IWidget[] {
  const { stackName } = settings;
  const byStream = (metricName: MetricName, statistic: 'Sum' | 'Maximum') =>
    streams.map((stream) => measure(stackName, metricName, statistic, { stream }));
  const failures = `SEARCH('{${namespace},service,state} service="${stackName}" MetricName="${'PollsFailed' satisfies MetricName}"', 'Sum', 300)`;
  return [
    graph('Artifacts', byStream('Artifacts', 'Sum'), { stacked: true }),
    graph('Lag (seconds)', byStream('Lag', 'Maximum'), {
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
      'Audits: missing and failed; first token expires (days)',
      [
        measure(stackName, 'AuditMissing', 'Sum', {}, hourly),
        measure(stackName, 'AuditsFailed', 'Sum', {}, hourly),
      ],
      { right: [measure(stackName, 'TokenExpiryDays', 'Minimum')] },
    ),
  ];
}

function queues({ queue, deadLetterQueue }: DashboardProps): IWidget[] {
  return [
    graph(
      'Artifact queue: oldest message (seconds)',
      [queue.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum' })],
      {
        leftAnnotations: [
          { value: queueUnreadSeconds, label: 'unread' },
          { value: 14 * 24 * 60 * 60, label: 'lost' },
        ],
      },
    ),
    graph('Artifact queue: messages', [
      queue.metricApproximateNumberOfMessagesVisible({ label: 'waiting' }),
      queue.metricApproximateNumberOfMessagesNotVisible({ label: 'being read' }),
    ]),
    graph('Dead letters', [
      deadLetterQueue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum' }),
    ]),
  ];
}

function forwarding({ settings }: DashboardProps): IWidget[] {
  const of = (name: MetricName, statistic: 'Sum' | 'Maximum' = 'Sum') =>
    measure(settings.stackName, name, statistic, { stream: 'forwarder' }).with({ label: name });
  return [
    graph('Forwarder: artifacts', [of('Forwarded'), of('ForwardRepeats'), of('ForwardDeadLettered')]),
    graph('Forwarder: requests, and runs that failed', [of('ForwardRequests'), of('ForwardFailed')]),
    graph('Forwarder: lag (seconds)', [of('ForwardLag', 'Maximum')]),
  ];
}

function functions({ functions }: DashboardProps): IWidget[] {
  const of = (make: (one: IFunction, label: string) => IMetric) =>
    functions.map(({ name, function: one }) => make(one, name));
  return [
    graph(
      'Duration (ms)',
      of((one, label) => one.metricDuration({ statistic: 'Maximum', label })),
    ),
    graph(
      'Errors and time-outs',
      of((one, label) => one.metricErrors({ label })),
    ),
    graph(
      'Throttles',
      of((one, label) => one.metricThrottles({ label })),
    ),
  ];
}

/** Usage that is billed, per hour. */
function costs({ functions, queue, tables, streams, settings }: DashboardProps): IWidget[] {
  const sum = { statistic: Stats.SUM, period: hourly };
  const consumed = (table: Table, kind: 'Read' | 'Write') =>
    new Metric({
      namespace: 'AWS/DynamoDB',
      metricName: `Consumed${kind}CapacityUnits`,
      dimensionsMap: { TableName: table.tableName },
      label: `${kind.toLowerCase()}s of ${table.node.id}`,
      ...sum,
    });
  const logged = ({ name, logGroup }: DashboardProps['functions'][number]) =>
    new Metric({
      namespace: 'AWS/Logs',
      metricName: 'IncomingBytes',
      dimensionsMap: { LogGroupName: logGroup.logGroupName },
      label: name,
      ...sum,
    });
  return [
    graph(
      'Cost: Lambda (ms an hour)',
      functions.map(({ name, function: one }) => one.metricDuration({ ...sum, label: name })),
      { stacked: true, width: 6 },
    ),
    graph(
      'Cost: SQS messages, and pages asked for',
      [
        queue.metricNumberOfMessagesSent({ ...sum, label: 'sent' }),
        queue.metricNumberOfMessagesReceived({ ...sum, label: 'received' }),
        ...streams.map((stream) =>
          measure(settings.stackName, 'Pages', 'Sum', { stream }, hourly).with({
            label: `pages of ${stream}`,
          }),
        ),
      ],
      { width: 6 },
    ),
    graph(
      'Cost: DynamoDB (units an hour)',
      tables.flatMap((table) => [consumed(table, 'Read'), consumed(table, 'Write')]),
      { stacked: true, width: 6 },
    ),
    graph('Cost: logs (bytes an hour)', functions.map(logged), { stacked: true, width: 6 }),
  ];
}
