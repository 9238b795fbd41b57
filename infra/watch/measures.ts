import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { type MetricName, namespace } from '../../functions/health/metrics.ts';

export function measure(
  stackName: string,
  metricName: MetricName,
  statistic: 'Sum' | 'Maximum' | 'Minimum',
  dimensions: { readonly stream?: string; readonly state?: string } = {},
  period = Duration.minutes(5),
): Metric {
  return new Metric({
    namespace,
    metricName,
    dimensionsMap: { service: stackName, ...dimensions },
    statistic,
    period,
    label: Object.values(dimensions)[0] ?? metricName,
  });
}
