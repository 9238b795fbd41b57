import { ArnFormat, Stack, Validations } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket, CfnBucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Settings } from './settings.ts';

/** What a function may touch. */
export interface Reach {
  readonly instances: Table;
  readonly cursors: Table;
  readonly queue: Queue;
  readonly overflow: Bucket;
  readonly logGroup: LogGroup;
  /** By name: the function needs its role before it is there itself. */
  readonly functionName: string;
  readonly settings: Pick<Settings, 'secretArns' | 'secretKeyArns' | 'reservedConcurrency'>;
}

/** A function's own role: it may do what a poll does, and nothing else. */
export class PollerRole extends Role {
  constructor(scope: Construct, id: string, reach: Reach) {
    super(scope, id, {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: { poll: new PolicyDocument({ statements: rights(Stack.of(scope), reach) }) },
    });

    const bucketId = this.stack.getLogicalId(reach.overflow.node.defaultChild as CfnBucket);
    const wildcard = (resource: string, reason: string) => ({
      id: `AwsSolutions-IAM5[Resource::${resource}]`,
      reason,
    });
    Validations.of(this).acknowledge(
      wildcard(
        `<${bucketId}.Arn>/*`,
        'Objects are named after records: PutObject alone, in this one bucket.',
      ),
      wildcard(
        'arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:signal-client/sentinelone/*',
        'A new instance brings its secret under this prefix and needs no deployment.',
      ),
      ...reach.settings.secretArns
        .filter((arn) => arn.includes('*'))
        .map((arn) => wildcard(arn, 'The operator who deploys grants these secrets by a setting.')),
    );
  }
}

function rights(stack: Stack, { settings, ...reach }: Reach): PolicyStatement[] {
  const ownSecrets = stack.formatArn({
    service: 'secretsmanager',
    resource: 'secret',
    resourceName: 'signal-client/sentinelone/*',
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  const itself = stack.formatArn({
    service: 'lambda',
    resource: 'function',
    resourceName: reach.functionName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  const may = (actions: string[], ...resources: string[]) => new PolicyStatement({ actions, resources });
  const keys = settings.secretKeyArns;
  const decrypt = new PolicyStatement({
    actions: ['kms:Decrypt'],
    resources: [...keys],
    conditions: { StringEquals: { 'kms:ViaService': [...new Set(keys.map(secretsManagerBeside))] } },
  });
  return [
    may(['logs:CreateLogStream', 'logs:PutLogEvents'], reach.logGroup.logGroupArn),
    may(['dynamodb:Scan'], reach.instances.tableArn),
    may(
      ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      reach.cursors.tableArn,
    ),
    may(['sqs:SendMessage'], reach.queue.queueArn),
    may(['s3:PutObject'], reach.overflow.arnForObjects('*')),
    may(['secretsmanager:GetSecretValue'], ownSecrets, ...settings.secretArns),
    ...(keys.length > 0 ? [decrypt] : []),
    ...(settings.reservedConcurrency === 1 ? [] : [may(['lambda:InvokeFunction'], itself)]),
  ];
}

/** The service that may use a key for us: Secrets Manager in the key's own region. */
const secretsManagerBeside = (keyArn: string) => `secretsmanager.${keyArn.split(':')[3]}.amazonaws.com`;
