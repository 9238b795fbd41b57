import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';

/** The collector's own metrics, as functions/adapters/powertools.ts sends them. */
export function measure(
  stackName: string,
  metricName: string,
  statistic: 'Sum' | 'Maximum' | 'Minimum',
  dimensions: { readonly stream?: string; readonly state?: string } = {},
  period = Duration.minutes(5),
): Metric {
  return new Metric({
    namespace: 'SentinelOneCollector',
    metricName,
    dimensionsMap: { service: stackName, ...dimensions },
    statistic,
    period,
    label: Object.values(dimensions)[0] ?? metricName,
  });
}
