import type { Template } from '../../local/aws/template.ts';
import { prices } from './prices.ts';

/** What a template costs in a month, whatever its functions do. */
export interface Fixed {
  readonly what: string;
  readonly count: number;
  readonly unit: string;
  readonly usd: number;
}

/** Alarms, dashboards and keys. */
export function fixedCosts({ Resources }: Pick<Template, 'Resources'>): Fixed[] {
  const ofType = (type: string) => Object.values(Resources).filter(({ Type }) => Type === type);
  const fixed = (what: string, count: number, unit: string, price: number): Fixed => {
    return { what, count, unit, usd: count * price };
  };
  // An alarm on an expression looks at each metric in it.
  const looksAt = ofType('AWS::CloudWatch::Alarm').map(({ Properties }) => {
    const metrics = Properties.Metrics as readonly { readonly MetricStat?: object }[] | undefined;
    return metrics === undefined ? 1 : metrics.filter(({ MetricStat }) => MetricStat !== undefined).length;
  });
  const composites = ofType('AWS::CloudWatch::CompositeAlarm').length;
  return [
    fixed(
      'alarms',
      looksAt.reduce((all, one) => all + one, 0),
      'metrics',
      prices.alarmMetric,
    ),
    fixed('composite alarms', composites, 'alarms', prices.compositeAlarm),
    fixed('dashboard', ofType('AWS::CloudWatch::Dashboard').length, 'dashboards', prices.dashboard),
    fixed('key of the alarm topic', ofType('AWS::KMS::Key').length, 'keys', prices.key),
  ];
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
