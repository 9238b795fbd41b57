import { Validations } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Settings } from '../settings.ts';
import {
  allowing,
  decryptSecrets,
  furtherWildcards,
  makeNetworkInterfaces,
  may,
  objectsOf,
  secretArn,
  startItself,
  through,
  useKey,
  wildcard,
  writeLogs,
} from './statements.ts';

/** What a function that collects may touch. */
export interface CollectReach {
  readonly instances: Table;
  readonly cursors: Table;
  readonly queue: Queue;
  readonly overflow: Bucket;
  readonly logGroup: LogGroup;
  readonly settings: Pick<
    Settings,
    'secretArns' | 'secretKeyArns' | 'keyArn' | 'subnetIds' | 'reservedConcurrency'
  >;
}

/** What a poller may touch. */
export interface Reach extends CollectReach {
  /** By name: the function needs its role before it is there itself. */
  readonly functionName: string;
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

/** The role of a function that reads instances and their tokens, and delivers. */
class CollectRole extends Role {
  constructor(
    scope: Construct,
    id: string,
    { settings, ...reach }: CollectReach,
    policy: { readonly name: string; readonly cursors: string[]; readonly further: PolicyStatement[] },
  ) {
    const ownSecrets = secretArn(scope, 'signal-client/sentinelone/*');
    super(
      scope,
      id,
      allowing(policy.name, [
        writeLogs(reach.logGroup),
        may(['dynamodb:Scan'], reach.instances.tableArn),
        may(policy.cursors, reach.cursors.tableArn),
        may(['sqs:SendMessage'], reach.queue.queueArn),
        may(['s3:PutObject'], reach.overflow.arnForObjects('*')),
        may(['secretsmanager:GetSecretValue'], ownSecrets, ...settings.secretArns),
        ...decryptSecrets(settings),
        ...useKey(settings),
        ...makeNetworkInterfaces(settings),
        ...policy.further,
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

/** A poller's own role: it may do what a poll does, and nothing else. */
export class PollerRole extends CollectRole {
  constructor(scope: Construct, id: string, reach: Reach) {
    const startsItself = reach.settings.reservedConcurrency !== 1;
    super(scope, id, reach, {
      name: 'poll',
      cursors: ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      further: startsItself ? [startItself(scope, reach.functionName)] : [],
    });
  }
}

/** The operator function's own role. A replay claims and commits its own cursor item; it reads no other. */
export class OperatorRole extends CollectRole {
  constructor(scope: Construct, id: string, reach: CollectReach) {
    super(scope, id, reach, { name: 'operate', cursors: ['dynamodb:UpdateItem'], further: [] });
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
