import { describe, expect, test } from 'vitest';
import type { Template } from '../../local/aws/template.ts';
import { CloudWatch, MetricStore } from './cloudwatch.ts';

const minuteMs = 60_000;
const now = 100 * minuteMs;

const metric = { Namespace: 'N', MetricName: 'M', Dimensions: [], Period: 60, Statistic: 'Maximum' };
const alarm = (properties: object): Template['Resources'][string] => ({
  Type: 'AWS::CloudWatch::Alarm',
  Properties: {
    ...metric,
    AlarmActions: ['topic'],
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    Threshold: 1,
    ...properties,
  },
});
function watching(resources: Template['Resources'], otherReading = false) {
  const store = new MetricStore();
  const template = { Resources: resources, Outputs: {} };
  return { store, cloudWatch: new CloudWatch({ template, store, resolve: String, otherReading }) };
}

/** `0`, `X` (breaching) and `-` (missing), the oldest first. */
function put(store: MetricStore, points: string, at = now): void {
  const kinds = points.split(' ');
  for (const [i, kind] of kinds.entries()) {
    if (kind !== '-') store.put('N', 'M', {}, at - (kinds.length - 1 - i) * minuteMs, kind === 'X' ? 1 : 0);
  }
}

describe('an alarm with missing data', () => {
  // The rows of "How alarm state is evaluated when data is missing" in CloudWatch's user guide; "kept" is the state before.
  test.each([
    [3, '0 - X - X', 'OK', 'OK', 'OK'],
    [3, '- - - - 0', 'OK', 'OK', 'OK'],
    [3, '- - - - -', 'kept', 'ALARM', 'OK'],
    [3, '0 X X - X', 'ALARM', 'ALARM', 'ALARM'],
    [3, '- - X - -', 'kept', 'ALARM', 'OK'],
    [2, '0 - X - X', 'ALARM', 'ALARM', 'ALARM'],
    [2, '0 0 X 0 X', 'ALARM', 'ALARM', 'ALARM'],
    [2, '0 - X - -', 'OK', 'ALARM', 'OK'],
    [2, '- - - - 0', 'OK', 'ALARM', 'OK'],
    [2, '- - - - X', 'kept', 'ALARM', 'OK'],
  ])('%d of 3 at %s: ignore %s, breaching %s, notBreaching %s', (DatapointsToAlarm, points, ...expected) => {
    for (const [i, TreatMissingData] of ['ignore', 'breaching', 'notBreaching'].entries()) {
      for (const before of ['OK', 'ALARM']) {
        const { store, cloudWatch } = watching({
          A: alarm({ AlarmName: 'a', EvaluationPeriods: 3, DatapointsToAlarm, TreatMissingData }),
        });
        put(store, before === 'OK' ? '0 0 0' : 'X X X', now - 50 * minuteMs);
        cloudWatch.evaluate(now - 50 * minuteMs);
        put(store, points);
        cloudWatch.evaluate(now);
        const state = expected[i] === 'kept' ? before : expected[i];
        expect(cloudWatch.raised, `${TreatMissingData} after ${before}`).toEqual(
          state === 'ALARM' ? ['a'] : [],
        );
      }
    }
  });

  test('that no rule here covers is an error, not a guess', () => {
    const { cloudWatch } = watching({ A: alarm({ AlarmName: 'a', EvaluationPeriods: 1 }) });
    expect(() => cloudWatch.evaluate(now)).toThrow(/undefined is not evaluated here|missing/);
  });
});

describe('an alarm', () => {
  test('is told of once, until it was over', () => {
    const { store, cloudWatch } = watching({
      A: alarm({ AlarmName: 'a', EvaluationPeriods: 1, TreatMissingData: 'notBreaching' }),
    });
    for (const [i, kind] of [...'0XX0X'].entries()) {
      put(store, kind, now + i * minuteMs);
      cloudWatch.evaluate(now + i * minuteMs);
    }
    expect(cloudWatch.told).toEqual(['a', 'a']);
  });

  test('looks at a window that ends now, wherever the clock stands', () => {
    const { store, cloudWatch } = watching({
      A: alarm({
        AlarmName: 'a',
        EvaluationPeriods: 1,
        Period: 300,
        Statistic: 'Sum',
        Threshold: 3,
        TreatMissingData: 'notBreaching',
      }),
    });
    put(store, 'X - X - X');
    cloudWatch.evaluate(now);
    expect(cloudWatch.raised).toEqual(['a']);
    cloudWatch.evaluate(now + minuteMs);
    expect(cloudWatch.raised).toEqual([]);
  });

  test('on what is filled counts nothing as an error, in either reading', () => {
    for (const otherReading of [false, true]) {
      const { store, cloudWatch } = watching(
        {
          A: alarm({
            AlarmName: 'a',
            EvaluationPeriods: 2,
            TreatMissingData: 'breaching',
            Metrics: [
              { Id: 'e', Expression: 'IF(FILL(errors, 1) < 1, 0, 1)', ReturnData: true },
              {
                Id: 'errors',
                MetricStat: { Metric: metric, Period: 60, Stat: 'Sum' },
                ReturnData: false,
              },
            ],
          }),
        },
        otherReading,
      );
      put(store, '0');
      cloudWatch.evaluate(now);
      expect(cloudWatch.raised).toEqual([]);
      cloudWatch.evaluate(now + minuteMs);
      expect(cloudWatch.raised).toEqual([]);
      cloudWatch.evaluate(now + 2 * minuteMs);
      expect(cloudWatch.raised).toEqual(['a']);
      cloudWatch.evaluate(now + 9 * minuteMs);
      expect(cloudWatch.raised).toEqual(['a']);
    }
  });
});

test('a line in the embedded metric format is each of its values, under each set of dimensions', () => {
  const { store, cloudWatch } = watching({
    A: alarm({
      AlarmName: 'a',
      EvaluationPeriods: 1,
      TreatMissingData: 'notBreaching',
      Statistic: 'Sum',
      Threshold: 5,
      Dimensions: [{ Name: 'stream', Value: 'threats' }],
    }),
  });
  store.take({
    _aws: {
      Timestamp: now,
      CloudWatchMetrics: [{ Namespace: 'N', Dimensions: [['stream'], []], Metrics: [{ Name: 'M' }] }],
    },
    stream: 'threats',
    M: [2, 3],
  });
  store.take({ message: 'no metric' });
  cloudWatch.evaluate(now);
  expect(cloudWatch.raised).toEqual(['a']);
});
