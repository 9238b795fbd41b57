import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { units } from '../../functions/health/metrics.ts';
import { defaultStreams as streams } from '../../functions/streams/list.ts';
import { CollectorApp } from '../../infra/synth.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'collector-watch-'));
const code = join(folder, 'code');
mkdirSync(code);
writeFileSync(join(code, 'index.mjs'), 'export const handler = async () => {};');
afterAll(() => rmSync(folder, { recursive: true }));

const collected = (context: Record<string, unknown> = {}) =>
  Template.fromStack(new CollectorApp({ context, code, outdir: mkdtempSync(join(folder, 'out-')) }).stack);

// biome-ignore lint/suspicious/noExplicitAny: CloudFormation's properties are for the tests to say.
type Properties = any;
const all = (template: Template, type: string): Properties[] =>
  Object.values(template.findResources(type)).map((resource) => resource.Properties);
const alarmsOf = (template: Template) => all(template, 'AWS::CloudWatch::Alarm');

let template: Template;
beforeAll(() => {
  template = collected();
});

/** The anchor that a heading gets where Markdown is shown. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-');

/** A text of the template that names its region. */
const inIreland = (value: { 'Fn::Join': [string, (string | { Ref: string })[]] }) =>
  value['Fn::Join'][1].map((part) => (typeof part === 'string' ? part : 'eu-west-1')).join('');

describe('the alarms', () => {
  test('that someone hears of say where to read what they mean, and that is written', () => {
    const text = readFileSync(join(root, 'docs', 'operations.md'), 'utf8');
    const sections = new Map(
      text.split(/^#+ /m).map((section) => [anchorOf(section.split('\n')[0] ?? ''), section] as const),
    );
    const forwarding = collected({ analyticsUrl: 'https://analytics.example.com' });
    const told = [...alarmsOf(template), ...alarmsOf(forwarding)];
    expect(told.length).toBeGreaterThan(10);
    for (const { AlarmName, AlarmDescription } of told) {
      const description = inIreland(AlarmDescription);
      const [, anchor = ''] = /: docs\/operations\.md#([a-z0-9-]+)$/.exec(description) ?? [];
      expect(description.length, 'CloudWatch takes 1024 characters').toBeLessThanOrEqual(1024);
      expect(description).toContain(
        ' Dashboard: https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/SentinelOneCollector ',
      );
      // The first steps: a command, or what to check.
      expect(description, AlarmName).toMatch(/Run: collector |Check in |Start or fix /);
      const section = sections.get(anchor) ?? '';
      expect(section, `${AlarmName} links to ${anchor}`).toMatch(
        /\*\*Meaning:\*\*[\s\S]+\*\*Check:\*\*[\s\S]+\*\*Action:\*\*/,
      );
      expect(section, AlarmName).toContain(String(AlarmName).replace('SentinelOneCollector-', ''));
    }
  });

  test('go to one topic', () => {
    const [topic] = Object.keys(template.findResources('AWS::SNS::Topic'));
    for (const { AlarmName, AlarmActions, OKActions } of alarmsOf(template)) {
      expect(AlarmActions, AlarmName).toEqual([{ Ref: topic }]);
      expect(OKActions).toBeUndefined();
    }
    // A composite alarm costs as much as five others.
    expect(all(template, 'AWS::CloudWatch::CompositeAlarm')).toEqual([]);
  });

  test('watch ten of the metrics that the collector sends, or fewer', () => {
    const names = JSON.stringify(alarmsOf(template)).match(
      /"MetricName":"[A-Za-z]+","Namespace":"SentinelOneCollector"/g,
    );
    expect(new Set(names).size).toBeGreaterThan(4);
    expect(new Set(names).size).toBeLessThanOrEqual(10);
  });

  test('say for every metric what it means that there is none', () => {
    for (const { AlarmName, TreatMissingData } of all(template, 'AWS::CloudWatch::Alarm')) {
      expect(TreatMissingData, AlarmName).toMatch(/^(breaching|notBreaching|ignore)$/);
    }
  });

  test('look at windows that CloudWatch allows', () => {
    for (const alarm of all(template, 'AWS::CloudWatch::Alarm')) {
      const periods = [
        alarm.Period,
        ...(alarm.Metrics ?? []).map((one: Properties) => one.MetricStat?.Period),
      ];
      for (const period of periods.filter((one) => one !== undefined)) {
        expect(period % 60).toBe(0);
        const most = period >= 3600 ? 7 * 86_400 : 86_400;
        expect(period * alarm.EvaluationPeriods, alarm.AlarmName).toBeLessThanOrEqual(most);
      }
    }
  });

  test('take their bounds from the settings', () => {
    const other = collected({ stackName: 'Team', alarmLagMinutes: 30 });
    other.hasResourceProperties('AWS::CloudWatch::Alarm', { AlarmName: 'Team-lag', Threshold: 1800 });
    const dimensions = [{ Name: 'service', Value: 'Team' }];
    other.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'Team-token',
      Metrics: Match.arrayWith([
        Match.objectLike({
          MetricStat: Match.objectLike({ Metric: Match.objectLike({ Dimensions: dimensions }) }),
        }),
      ]),
    });
  });
});

describe('the topic', () => {
  test('takes notifications from the alarms of this account, over TLS alone', () => {
    template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Action: 'sns:Publish',
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          }),
          Match.objectLike({
            Effect: 'Allow',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Action: 'sns:Publish',
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          }),
        ]),
      },
    });
  });

  test('has the subscriber that the settings name, or none', () => {
    template.resourceCountIs('AWS::SNS::Subscription', 0);
    collected({ alarmEmail: 'soc@example.com' }).hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'soc@example.com',
    });
  });
});

describe("the tiles' function", () => {
  test('may read two tables, write its log, and nothing else', () => {
    const [functionOf] = Object.values(
      template.findResources('AWS::Lambda::Function', {
        Properties: { FunctionName: 'SentinelOneCollector-tiles' },
      }),
    );
    const role = template.findResources('AWS::IAM::Role')[functionOf?.Properties.Role['Fn::GetAtt'][0]];
    const variables = functionOf?.Properties.Environment.Variables;
    const arn = ({ Ref }: { Ref: string }) => ({ 'Fn::GetAtt': [Ref, 'Arn'] });
    const allow = (Action: unknown, Resource: unknown) => ({ Effect: 'Allow', Action, Resource });
    expect(Object.keys(variables)).toEqual(['COLLECTOR', 'POWERTOOLS_SERVICE_NAME']);
    const refs = variables.COLLECTOR['Fn::Join'][1].filter((part: unknown) => typeof part !== 'string');
    const [instances, cursors] = refs;
    expect(refs).toHaveLength(2);
    expect(role?.Properties.ManagedPolicyArns).toBeUndefined();
    expect(role?.Properties.Policies).toEqual([
      {
        PolicyName: 'read',
        PolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            allow(
              ['logs:CreateLogStream', 'logs:PutLogEvents'],
              arn(functionOf?.Properties.LoggingConfig.LogGroup),
            ),
            allow('dynamodb:Scan', arn(instances)),
            allow('dynamodb:BatchGetItem', arn(cursors)),
          ],
        },
      },
    ]);
  });
});

describe('the dashboard', () => {
  /** What is written of it; references are named after what they refer to. */
  const body = (of = template) => {
    const [{ DashboardBody, DashboardName }] = all(of, 'AWS::CloudWatch::Dashboard');
    expect(DashboardName).toBe('SentinelOneCollector');
    const parts = DashboardBody['Fn::Join'][1] as (string | Record<string, unknown>)[];
    return JSON.parse(
      parts.map((part) => (typeof part === 'string' ? part : Object.values(part).flat().join('.'))).join(''),
    ) as { widgets: { type: string; properties: Record<string, Properties>; y: number }[] };
  };

  test('begins with the tiles, which the function renders anew with each refresh', () => {
    const [first] = body().widgets;
    expect(first).toMatchObject({
      type: 'custom',
      y: 0,
      properties: { updateOn: { refresh: true }, endpoint: expect.stringMatching(/TilesFunction/) },
    });
  });

  test.each(['alarms', 'full'])(
    'shows what flows, what is wrong and what it costs, with the metrics %s',
    (metrics) => {
      const of = collected({ metrics });
      const titles = body(of).widgets.flatMap(({ properties }) => properties.title ?? []);
      expect(new Set(titles).size).toBe(titles.length);
      const words = [
        'Artifacts',
        'Lag',
        'by state',
        'red and yellow',
        'oldest message',
        'Dead letters',
        'Duration',
        'Throttles',
        'Cost',
      ];
      for (const word of words) expect(titles.join('\n')).toContain(word);
    },
  );

  test('and the alarms use every metric that the collector sends', () => {
    const used = JSON.stringify(
      collected({ analyticsUrl: 'https://analytics.example.com', metrics: 'full' }).toJSON(),
    );
    // This one is for queries; PollsFailed is its counterpart.
    const unused = new Set(['PollsCompleted']);
    for (const name of Object.keys(units).filter((one) => !unused.has(one)))
      expect(used).toMatch(new RegExp(`\\b${name}\\b`));
  });
});

test('the dashboard is one of the three that are free: it shows no more than fifty metrics', () => {
  const [{ DashboardBody }] = all(template, 'AWS::CloudWatch::Dashboard');
  const text = DashboardBody['Fn::Join'][1]
    .map((part: unknown) => (typeof part === 'string' ? part : 'ref'))
    .join('');
  const { widgets } = JSON.parse(text) as { widgets: { properties: { metrics?: unknown[] } }[] };
  const shown = widgets.flatMap(({ properties }) => properties.metrics ?? []);
  expect(shown.length).toBeGreaterThan(20);
  expect(shown.length).toBeLessThanOrEqual(50);
  // Nothing is drawn from metrics that are not sent.
  expect(JSON.stringify(shown)).not.toContain('"SentinelOneCollector",');
});

describe('the saved queries', () => {
  test('look at what every stream logs, under the name of the stack', () => {
    const logs = streams.map(({ name }) => `/aws/lambda/SentinelOneCollector-${name}`);
    const groups = template.findResources('AWS::Logs::LogGroup');
    const queries = all(template, 'AWS::Logs::QueryDefinition');
    for (const { Name, LogGroupNames } of queries.filter((one) => !one.Name.endsWith('/operator requests'))) {
      expect(Name).toMatch(/^SentinelOneCollector\/\w/);
      const names = LogGroupNames.map(({ Ref }: { Ref: string }) => groups[Ref]?.Properties.LogGroupName);
      expect(names).toEqual(logs);
    }
  });

  test('are there for each thing that operators look for', () => {
    const names = all(template, 'AWS::Logs::QueryDefinition').map(({ Name }) => Name.split('/')[1]);
    expect(names).toEqual(
      expect.arrayContaining([
        'fetched',
        'history of one instance',
        'errors by remedy',
        'rate limits',
        'refused tokens (401)',
      ]),
    );
  });
});
