import { expect, test } from 'vitest';
import { fixedCosts, metricsIn } from './fixed.ts';

const resource = (Type: string, Properties = {}) => ({ Type: `AWS::${Type}`, Properties });

test('what does not depend on use is counted from the template', () => {
  const Metrics = [{ Expression: 'a + b' }, { MetricStat: {} }, { MetricStat: {} }];
  const Resources = {
    A: resource('CloudWatch::Alarm', { MetricName: 'a' }),
    B: resource('CloudWatch::Alarm', { Metrics }),
    C: resource('CloudWatch::CompositeAlarm'),
    D: resource('CloudWatch::Dashboard'),
    E: resource('KMS::Key'),
    F: resource('SQS::Queue'),
  };
  expect(fixedCosts({ Resources }).map(({ what, count, usd }) => [what, count, usd.toFixed(2)])).toEqual([
    ['alarms', 3, '0.30'],
    ['composite alarms', 1, '0.50'],
    ['dashboard', 1, '3.00'],
    ['key of the alarm topic', 1, '1.00'],
  ]);
});

test('a metric is counted once for each set of dimensions, in however many lines it is', () => {
  const line = (names: string[], stream: string) =>
    JSON.stringify({
      _aws: {
        Timestamp: 1,
        CloudWatchMetrics: [
          { Namespace: 'N', Dimensions: [names], Metrics: [{ Name: 'Lag' }, { Name: 'Pages' }] },
        ],
      },
      service: 'S',
      stream,
    });
  const lines = [line(['service', 'stream'], 'threats'), line(['stream', 'service'], 'threats'), 'a line'];
  expect(metricsIn(lines).size).toBe(2);
  expect(
    metricsIn([...lines, line(['service'], 'threats'), line(['service', 'stream'], 'agents')]).size,
  ).toBe(6);
});
