import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CollectorApp } from '../../infra/synth.ts';
import { everySetting } from '../support/settings.ts';
import { total } from './bill.ts';
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
    ['keys', 1, '1.00'],
  ]);
});

test.each([
  ['by default', {}],
  ['with every setting', everySetting],
])('%s each resource of the template is counted', (_, context) => {
  const folder = mkdtempSync(join(tmpdir(), 'fixed-'));
  const code = join(folder, 'code');
  mkdirSync(code);
  const app = new CollectorApp({ context, code, outdir: join(folder, 'out') });
  const { template } = app.synth().getStackByName(app.stack.stackName);
  rmSync(folder, { recursive: true });
  expect(() => fixedCosts(template)).not.toThrow();
  const another = { ...template.Resources, Another: resource('EC2::NatGateway') };
  expect(() => fixedCosts({ Resources: another })).toThrow('AWS::EC2::NatGateway is not counted');
});

test('an account whose free metrics, alarms and dashboards are unused pays for those above', () => {
  const line = (what: string, count: number, usd: number) => ({ what, count, unit: '', usd, isCall: false });
  const lines = [line('alarms', 14, 1.4), line('dashboard', 1, 3), line('secrets', 1, 0.4), line('S3', 0, 0)];
  expect(total(lines)).toBeCloseTo(4.8);
  expect(total(lines, true)).toBeCloseTo(0.8);
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
