import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import policy from '../../docs/deployer-policy.json' with { type: 'json' };
import { CollectorApp } from '../../infra/synth.ts';
import { type Ask, allows, type Statement } from '../support/policy.ts';
import { everySetting } from '../support/settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'deployer-'));
afterAll(() => rmSync(folder, { recursive: true }));

const [stack, account, region, keyArn] = ['Team', '111122223333', 'eu-west-1', String(everySetting.keyArn)];
const filledIn = (text: string) =>
  text
    .replace('LOWERCASESTACK', stack.toLowerCase())
    .replace('STACK', stack)
    .replace('ACCOUNT', account)
    .replace('REGION', region)
    .replace('BUCKET', 'my-bucket')
    .replace('KEY_ARN', keyArn);

/** The statements as a deployer would have them. */
const statements = policy.Statement.map((statement): Statement & { readonly sid: string } => ({
  sid: statement.Sid,
  effect: 'Allow',
  actions: statement.Action,
  resources: [statement.Resource].flat().map(filledIn),
  conditions: Object.entries(statement.Condition ?? {}).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, value]) => ({ operator, key, values: [value].flat() })),
  ),
}));

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

const arn = (service: string, resource: string) => `arn:aws:${service}:${region}:${account}:${resource}`;
/** CloudFormation generates a name from the stack's, the resource's, and a random part. */
const generated = (id: string) => `${stack}-${id}-A1B2C3D4E5F6`;
const text = (value: unknown, fallback: string) => (typeof value === 'string' ? value : fallback);
const { path: rolePath } = everySetting.roles as { path: string };
const roleArn = (id: string) => `arn:aws:iam::${account}:role${rolePath}${generated(id)}`;

/**
 * What CloudFormation asks of each service, in the deployer's name, to create, read, update and delete a resource: its
 * resource types say so.
 */
const handlers: Readonly<
  Record<
    string,
    (id: string, properties: Resource['Properties']) => readonly [resource: string, actions: string]
  >
> = {
  'AWS::Lambda::Function': (_, { FunctionName }) => [
    arn('lambda', `function:${FunctionName}`),
    'lambda: CreateFunction GetFunction GetFunctionConfiguration UpdateFunctionCode UpdateFunctionConfiguration DeleteFunction PutFunctionConcurrency DeleteFunctionConcurrency TagResource UntagResource ListTags',
  ],
  'AWS::Lambda::Permission': () => [
    arn('lambda', `function:${stack}-threats`),
    'lambda: AddPermission RemovePermission GetPolicy',
  ],
  'AWS::Lambda::EventInvokeConfig': () => [
    arn('lambda', `function:${stack}-threats`),
    'lambda: PutFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig GetFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig',
  ],
  'AWS::Lambda::EventSourceMapping': () => [
    '*',
    'lambda: CreateEventSourceMapping GetEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping',
  ],
  'AWS::IAM::Role': (id) => [
    roleArn(id),
    'iam: CreateRole GetRole DeleteRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy PutRolePolicy GetRolePolicy DeleteRolePolicy PutRolePermissionsBoundary DeleteRolePermissionsBoundary',
  ],
  'AWS::Logs::LogGroup': (_, { LogGroupName }) => [
    arn('logs', `log-group:${LogGroupName}`),
    'logs: CreateLogGroup DeleteLogGroup PutRetentionPolicy AssociateKmsKey DisassociateKmsKey ListTagsForResource',
  ],
  'AWS::Logs::QueryDefinition': () => [
    '*',
    'logs: DescribeLogGroups PutQueryDefinition DescribeQueryDefinitions DeleteQueryDefinition',
  ],
  'AWS::DynamoDB::Table': (id) => [
    arn('dynamodb', `table/${generated(id)}`),
    'dynamodb: CreateTable DescribeTable UpdateTable DeleteTable DescribeContinuousBackups UpdateContinuousBackups DescribeTimeToLive UpdateTimeToLive ListTagsOfResource',
  ],
  'AWS::SQS::Queue': (id) => [
    arn('sqs', generated(id)),
    'sqs: CreateQueue GetQueueAttributes SetQueueAttributes DeleteQueue ListQueueTags',
  ],
  'AWS::SQS::QueuePolicy': (id) => [arn('sqs', generated(id)), 'sqs: SetQueueAttributes'],
  'AWS::S3::Bucket': (id) => [
    `arn:aws:s3:::${generated(id).toLowerCase()}`,
    's3: CreateBucket DeleteBucket GetEncryptionConfiguration PutEncryptionConfiguration GetBucketVersioning PutBucketVersioning GetLifecycleConfiguration PutLifecycleConfiguration GetBucketPublicAccessBlock PutBucketPublicAccessBlock',
  ],
  'AWS::S3::BucketPolicy': (id) => [
    `arn:aws:s3:::${generated(id).toLowerCase()}`,
    's3: GetBucketPolicy PutBucketPolicy DeleteBucketPolicy',
  ],
  'AWS::Events::Rule': (id) => [
    arn('events', `rule/${generated(id)}`),
    'events: PutRule DescribeRule DeleteRule PutTargets RemoveTargets ListTargetsByRule',
  ],
  'AWS::SNS::Topic': (id) => [
    arn('sns', generated(id)),
    'sns: CreateTopic GetTopicAttributes SetTopicAttributes DeleteTopic Subscribe ListSubscriptionsByTopic ListTagsForResource',
  ],
  'AWS::SNS::TopicPolicy': (id) => [arn('sns', generated(id)), 'sns: SetTopicAttributes'],
  'AWS::SNS::Subscription': (id) => [
    arn('sns', `${generated(id)}:0a1b2c3d`),
    'sns: GetSubscriptionAttributes Unsubscribe',
  ],
  'AWS::CloudWatch::Alarm': (_, { AlarmName }) => [
    arn('cloudwatch', `alarm:${AlarmName}`),
    'cloudwatch: PutMetricAlarm DescribeAlarms DeleteAlarms ListTagsForResource',
  ],
  'AWS::CloudWatch::Dashboard': (_, { DashboardName }) => [
    `arn:aws:cloudwatch::${account}:dashboard/${text(DashboardName, stack)}`,
    'cloudwatch: PutDashboard GetDashboard DeleteDashboards',
  ],
};

const asksFor = ([resource, actions]: readonly [string, string], context: Ask['context'] = {}): Ask[] => {
  const [service, names = ''] = actions.split(': ');
  return names.split(' ').map((name) => ({ action: `${service}:${name}`, resource, context }));
};

/** What a deployment of the template takes, its upload and the stack itself included. */
function asksOf(resources: Readonly<Record<string, Resource>>): Ask[] {
  const all = Object.entries(resources).flatMap(([id, { Type, Properties }]) => {
    const handler = handlers[Type];
    if (handler === undefined) throw new Error(`${Type}: say what creating it takes`);
    return asksFor(handler(id, Properties));
  });
  const roles = Object.keys(resources).filter((id) => resources[id]?.Type === 'AWS::IAM::Role');
  return [
    ...all,
    ...roles.flatMap((id) =>
      asksFor([roleArn(id), 'iam: PassRole'], { 'iam:PassedToService': ['lambda.amazonaws.com'] }),
    ),
    ...asksFor([
      arn('cloudformation', `stack/${stack}/0a1b2c3d`),
      'cloudformation: CreateChangeSet DescribeChangeSet ExecuteChangeSet DeleteStack DescribeStacks DescribeStackEvents DescribeStackResources GetTemplate',
    ]),
    ...asksFor(['*', 'cloudformation: GetTemplateSummary']),
    ...asksFor(['arn:aws:s3:::my-bucket/sentinelone-collector-1.0.0.zip', 's3: GetObject PutObject']),
    ...asksFor(['*', 'ec2: DescribeVpcs DescribeSubnets DescribeSecurityGroups']),
    ...asksFor([keyArn, 'kms: DescribeKey CreateGrant']),
  ];
}

const code = join(folder, 'code');
mkdirSync(code);
const app = new CollectorApp({
  context: { ...everySetting, stackName: stack },
  code,
  outdir: join(folder, 'out'),
});
const { template } = app.synth().getStackByName(stack);
const asks = asksOf(template.Resources);

describe("the deployer's policy", () => {
  test('allows all that a deployment with every setting takes', () => {
    expect(asks.length).toBeGreaterThan(300);
    const missing = asks.filter((ask) => !allows(statements, ask));
    expect(missing.map(({ action, resource }) => `${action} ${resource}`)).toEqual([]);
  });

  test.each(statements.map(({ sid }) => sid))('needs its statement %s, and each action in it', (sid) => {
    const others = statements.filter((statement) => statement.sid !== sid);
    expect(asks.some((ask) => !allows(others, ask))).toBe(true);
    const [own] = statements.filter((statement) => statement.sid === sid);
    for (const action of own?.actions ?? []) {
      const less = { ...own, actions: own?.actions.filter((one) => one !== action) } as Statement;
      expect(
        asks.some((ask) => !allows([...others, less], ask)),
        action,
      ).toBe(true);
    }
  });

  test('allows nothing of another stack', () => {
    const foreign = asks
      .filter(({ resource }) => resource.includes(stack) || resource.includes(stack.toLowerCase()))
      .map((ask) => ({
        ...ask,
        resource: ask.resource.replaceAll(stack, 'Other').replaceAll('team', 'other'),
      }));
    expect(foreign.length).toBeGreaterThan(200);
    expect(foreign.filter((ask) => allows(statements, ask))).toEqual([]);
  });

  test('passes roles to Lambda alone', () => {
    const passed = asks.filter(({ action }) => action === 'iam:PassRole');
    const toEc2 = passed.map((ask) => ({
      ...ask,
      context: { 'iam:PassedToService': ['ec2.amazonaws.com'] },
    }));
    expect(toEc2.filter((ask) => allows(statements, ask))).toEqual([]);
  });

  test('fits into one managed policy', () => {
    expect(JSON.stringify(policy).length).toBeLessThan(6144);
  });
});
