import { ArnFormat, Stack, Validations } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket, CfnBucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Settings } from '../settings.ts';

/** What a poller may touch. */
export interface Reach {
  readonly instances: Table;
  readonly cursors: Table;
  readonly queue: Queue;
  readonly overflow: Bucket;
  readonly logGroup: LogGroup;
  /** By name: the function needs its role before it is there itself. */
  readonly functionName: string;
  readonly settings: Pick<
    Settings,
    'secretArns' | 'secretKeyArns' | 'keyArn' | 'subnetIds' | 'reservedConcurrency'
  >;
}

/** What the forwarder may touch. */
export interface ForwarderReach {
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;
  readonly overflow: Bucket;
  readonly cursors: Table;
  /** Undefined where accepted ids are not remembered. */
  readonly accepted: Table | undefined;
  readonly logGroup: LogGroup;
  readonly settings: Pick<Settings, 'analyticsSecretId' | 'secretKeyArns' | 'keyArn' | 'subnetIds'>;
}

/** What the widget may touch. */
export interface WidgetReach {
  readonly instances: Table;
  readonly cursors: Table;
  readonly logGroup: LogGroup;
  readonly settings: Pick<Settings, 'keyArn' | 'subnetIds'>;
}

/** A poller's own role: it may do what a poll does, and nothing else. */
export class PollerRole extends Role {
  constructor(scope: Construct, id: string, { settings, ...reach }: Reach) {
    const ownSecrets = secretArn(scope, 'signal-client/sentinelone/*');
    super(
      scope,
      id,
      allowing('poll', [
        writeLogs(reach.logGroup),
        may(['dynamodb:Scan'], reach.instances.tableArn),
        may(
          ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
          reach.cursors.tableArn,
        ),
        may(['sqs:SendMessage'], reach.queue.queueArn),
        may(['s3:PutObject'], reach.overflow.arnForObjects('*')),
        may(['secretsmanager:GetSecretValue'], ownSecrets, ...settings.secretArns),
        ...decryptSecrets(settings),
        ...useKey(settings),
        ...makeNetworkInterfaces(settings),
        ...(settings.reservedConcurrency === 1 ? [] : [startItself(scope, reach.functionName)]),
      ]),
    );
    Validations.of(this).acknowledge(
      objectsOf(reach.overflow, 'Objects are named after records: PutObject alone, in this one bucket.'),
      wildcard(
        'arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:signal-client/sentinelone/*',
        'A new instance brings its secret under this prefix and needs no deployment.',
      ),
      ...settings.secretArns
        .filter((arn) => arn.includes('*'))
        .map((arn) => wildcard(arn, 'The operator who deploys grants these secrets by a setting.')),
      ...furtherWildcards(settings),
    );
  }
}

/** The forwarder's own role: it may take what is in the artifact queue, and nothing of what a poll does. */
export class ForwarderRole extends Role {
  constructor(scope: Construct, id: string, { settings, ...reach }: ForwarderReach) {
    const { analyticsSecretId: secret } = settings;
    super(
      scope,
      id,
      allowing('forward', [
        writeLogs(reach.logGroup),
        may(['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'], reach.queue.queueArn),
        may(['sqs:SendMessage'], reach.deadLetterQueue.queueArn),
        may(['s3:GetObject'], reach.overflow.arnForObjects('*')),
        // Without it S3 calls an object that is gone forbidden.
        may(['s3:ListBucket'], reach.overflow.bucketArn),
        // Secrets Manager adds a hyphen and six characters to a secret's name.
        may(
          ['secretsmanager:GetSecretValue'],
          secret.startsWith('arn:') ? secret : secretArn(scope, `${secret}-??????`),
        ),
        new PolicyStatement({
          actions: ['dynamodb:UpdateItem'],
          resources: [reach.cursors.tableArn],
          // Its status, in the same table as the instances' cursors.
          conditions: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['#analytics'] } },
        }),
        ...(reach.accepted
          ? [may(['dynamodb:BatchGetItem', 'dynamodb:BatchWriteItem'], reach.accepted.tableArn)]
          : []),
        ...decryptSecrets(settings),
        ...useKey(settings),
        ...makeNetworkInterfaces(settings),
      ]),
    );
    Validations.of(this).acknowledge(
      objectsOf(reach.overflow, 'Objects are named after records: GetObject alone, in this one bucket.'),
      ...furtherWildcards(settings),
    );
  }
}

/** The widget's own role: it may read what is polled and how far it is, and nothing else. */
export class WidgetRole extends Role {
  constructor(scope: Construct, id: string, { settings, ...reach }: WidgetReach) {
    super(
      scope,
      id,
      allowing('read', [
        writeLogs(reach.logGroup),
        may(['dynamodb:Scan'], reach.instances.tableArn),
        // The memories are large items in the same table, so the cursors are read by key.
        may(['dynamodb:BatchGetItem'], reach.cursors.tableArn),
        ...through(settings, ['dynamodb'], 'kms:Decrypt', 'kms:DescribeKey'),
        ...makeNetworkInterfaces(settings),
      ]),
    );
    Validations.of(this).acknowledge(...furtherWildcards({ subnetIds: settings.subnetIds }));
  }
}

function allowing(name: string, statements: PolicyStatement[]) {
  return {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: { [name]: new PolicyDocument({ statements }) },
  };
}

function may(actions: string[], ...resources: string[]): PolicyStatement {
  return new PolicyStatement({ actions, resources });
}

const writeLogs = ({ logGroupArn }: LogGroup) =>
  may(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroupArn);

function secretArn(scope: Construct, resourceName: string): string {
  return Stack.of(scope).formatArn({
    service: 'secretsmanager',
    resource: 'secret',
    resourceName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}

function startItself(scope: Construct, functionName: string): PolicyStatement {
  const itself = { service: 'lambda', resource: 'function', resourceName: functionName };
  return may(
    ['lambda:InvokeFunction'],
    Stack.of(scope).formatArn({ ...itself, arnFormat: ArnFormat.COLON_RESOURCE_NAME }),
  );
}

/** A key opens nothing by itself: only a secret that the function may read, and only for Secrets Manager. */
function decryptSecrets({ secretKeyArns: keys }: Pick<Settings, 'secretKeyArns'>): PolicyStatement[] {
  if (keys.length === 0) return [];
  return [
    new PolicyStatement({
      actions: ['kms:Decrypt'],
      resources: [...keys],
      conditions: { StringEquals: { 'kms:ViaService': [...new Set(keys.map(secretsManagerOf))] } },
    }),
  ];
}

/** What is stored is encrypted with the operator's key: each service uses it in the function's name. */
function useKey(settings: Pick<Settings, 'keyArn'>): PolicyStatement[] {
  return [
    ...through(settings, ['sqs', 's3'], 'kms:Decrypt', 'kms:GenerateDataKey'),
    // DynamoDB's documentation requires this for principals that write to a table.
    ...through(
      settings,
      ['dynamodb'],
      ...['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
    ),
  ];
}

function through({ keyArn }: Pick<Settings, 'keyArn'>, services: string[], ...actions: string[]) {
  if (keyArn === undefined) return [];
  const conditions = {
    StringEquals: { 'kms:ViaService': services.map((service) => serviceOf(keyArn, service)) },
  };
  return [new PolicyStatement({ actions, resources: [keyArn], conditions })];
}

/** Lambda puts a function into a subnet in the function's own name; these actions know no resources. */
function makeNetworkInterfaces({ subnetIds }: Pick<Settings, 'subnetIds'>): PolicyStatement[] {
  return subnetIds.length === 0 ? [] : [may(networkInterfaces, '*')];
}

const networkInterfaces = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
];

function furtherWildcards({ keyArn, subnetIds }: Pick<Settings, 'keyArn' | 'subnetIds'>) {
  const onAll = wildcard(
    '*',
    'Lambda makes network interfaces in its own name; EC2 knows no narrower resource for it.',
  );
  const onKey = ['kms:GenerateDataKey*', 'kms:ReEncrypt*'].map((action) => ({
    id: `AwsSolutions-IAM5[Action::${action}]`,
    reason:
      "Two actions each, as DynamoDB's documentation lists them, on one key and through DynamoDB alone.",
  }));
  return [...(subnetIds.length > 0 ? [onAll] : []), ...(keyArn === undefined ? [] : onKey)];
}

/** A service in the key's own region, which may use the key for us. */
const serviceOf = (keyArn: string, service: string) => `${service}.${keyArn.split(':')[3]}.amazonaws.com`;

const secretsManagerOf = (keyArn: string) => serviceOf(keyArn, 'secretsmanager');

const wildcard = (resource: string, reason: string) => ({
  id: `AwsSolutions-IAM5[Resource::${resource}]`,
  reason,
});

function objectsOf(bucket: Bucket, reason: string) {
  const id = bucket.stack.getLogicalId(bucket.node.defaultChild as CfnBucket);
  return wildcard(`<${id}.Arn>/*`, reason);
}
