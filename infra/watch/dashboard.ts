import { Duration } from 'aws-cdk-lib';
import {
  type AlarmBase,
  AlarmStatusWidget,
  Dashboard as CloudWatchDashboard,
  CustomWidget,
  type IMetric,
  type IWidget,
  Metric,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { version } from '../functions/function.ts';
import { operationsPage } from './definitions.ts';
import { type FlowProps, flow, forwarding, graph, logged } from './flow.ts';
import { measure } from './measures.ts';
import { queueOldSeconds } from './queue-alarms.ts';

interface DashboardProps extends FlowProps {
  /** Renders the tiles. */
  readonly tiles: IFunction;
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
    const sendsAll = props.settings.metrics !== 'alarms';
    new CloudWatchDashboard(this, 'Dashboard', {
      dashboardName: props.settings.stackName,
      defaultInterval: Duration.hours(12),
      widgets: [
        tiles(props),
        alarms(props),
        sendsAll ? flow(props) : logged(props),
        queues(props),
        ...(props.forwards && sendsAll ? [forwarding(props)] : []),
        functions(props),
        costs(props),
      ],
    });
  }
}

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
      markdown: `What each state and alarm means, how to look, what to do: ${operationsPage}\n\nSaved queries: Logs Insights → Queries → \`${settings.stackName}\`\n\nVersion ${version}`,
      width: 8,
      height: 4,
    }),
  ];
}

function queues({ queue, deadLetterQueue }: DashboardProps): IWidget[] {
  return [
    graph(
      'Artifact queue: oldest message (seconds)',
      [queue.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum' })],
      {
        leftAnnotations: [
          { value: queueOldSeconds, label: 'alarm' },
          { value: 14 * 24 * 60 * 60, label: 'lost' },
        ],
      },
    ),
    graph('Artifact queue: messages', [
      queue.metricApproximateNumberOfMessagesVisible({ label: 'waiting' }),
      queue.metricApproximateNumberOfMessagesNotVisible({ label: 'in flight' }),
    ]),
    graph('Dead letters', [
      deadLetterQueue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum' }),
    ]),
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
        ...(settings.metrics === 'alarms' ? [] : streams).map((stream) =>
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
