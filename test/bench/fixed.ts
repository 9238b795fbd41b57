import type { Template } from '../../local/aws/template.ts';
import { prices } from './prices.ts';

/** What a template costs in a month, whatever its functions do. */
export interface Fixed {
  readonly what: string;
  readonly count: number;
  readonly unit: string;
  readonly usd: number;
}

/** Resources that AWS bills by use, each with the lines of the bill that count it. */
export const billedByUse: Readonly<Record<string, readonly string[]>> = {
  'AWS::Lambda::Function': ['Lambda, time', 'Lambda, invocations'],
  'AWS::DynamoDB::Table': ['DynamoDB, writes', 'DynamoDB, reads', 'DynamoDB, storage and backups'],
  'AWS::SQS::Queue': ['SQS, sending', 'SQS, receiving and deleting'],
  'AWS::S3::Bucket': ['S3, overflow'],
  'AWS::Logs::LogGroup': ['CloudWatch Logs, ingestion', 'CloudWatch Logs, storage'],
  'AWS::Events::Rule': ['EventBridge rules'],
  'AWS::SNS::Topic': ['SNS, notifications'],
};

/** Resources that cost nothing. The event source mapping is of the forwarder, which is off by default. */
const free = new Set([
  ...['AWS::IAM::Role', 'AWS::Lambda::Permission', 'AWS::Lambda::EventInvokeConfig'],
  ...['AWS::SQS::QueuePolicy', 'AWS::S3::BucketPolicy', 'AWS::SNS::TopicPolicy', 'AWS::SNS::Subscription'],
  ...['AWS::Logs::QueryDefinition', 'AWS::Lambda::EventSourceMapping'],
]);

/** What a month of one resource costs, whatever the functions do. */
const billedByMonth: Readonly<Record<string, Omit<Fixed, 'count' | 'usd'> & { readonly price: number }>> = {
  'AWS::CloudWatch::Alarm': { what: 'alarms', unit: 'metrics', price: prices.alarmMetric },
  'AWS::CloudWatch::CompositeAlarm': {
    what: 'composite alarms',
    unit: 'alarms',
    price: prices.compositeAlarm,
  },
  'AWS::CloudWatch::Dashboard': { what: 'dashboard', unit: 'dashboards', price: prices.dashboard },
  'AWS::KMS::Key': { what: 'keys', unit: 'keys', price: prices.key },
};

/**
 * What is billed by the month.
 * @throws Error where nobody has said how AWS bills a type of resource
 */
export function fixedCosts({ Resources }: Pick<Template, 'Resources'>): Fixed[] {
  for (const { Type } of Object.values(Resources)) {
    if (!Object.hasOwn(billedByMonth, Type) && !Object.hasOwn(billedByUse, Type) && !free.has(Type))
      throw new Error(`${Type} is not counted: say in test/bench/fixed.ts what it costs`);
  }
  return Object.entries(billedByMonth).flatMap(([type, { what, unit, price }]) => {
    const resources = Object.values(Resources).filter(({ Type }) => Type === type);
    const count = resources.reduce((sum, one) => sum + metricsOf(one), 0);
    return count === 0 ? [] : [{ what, count, unit, usd: count * price }];
  });
}

/** An alarm on an expression is billed for each metric in it. */
function metricsOf({ Properties }: Template['Resources'][string]): number {
  const metrics = Properties.Metrics as readonly { readonly MetricStat?: object }[] | undefined;
  return metrics === undefined ? 1 : metrics.filter(({ MetricStat }) => MetricStat !== undefined).length;
}

/** The custom metrics in functions' lines: each name under each set of dimensions is billed once. */
export function metricsIn(lines: readonly string[]): Set<string> {
  const found = new Set<string>();
  for (const line of lines.filter((one) => one.startsWith('{"_aws"'))) {
    const { _aws, ...values } = JSON.parse(line);
    for (const { Namespace, Dimensions, Metrics } of _aws.CloudWatchMetrics as Embedded[])
      for (const names of Dimensions)
        for (const { Name } of Metrics)
          found.add(JSON.stringify([Namespace, Name, names.toSorted().map((name) => [name, values[name]])]));
  }
  return found;
}

interface Embedded {
  readonly Namespace: string;
  readonly Dimensions: readonly (readonly string[])[];
  readonly Metrics: readonly { readonly Name: string }[];
}
