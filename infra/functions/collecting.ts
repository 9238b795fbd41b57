import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Shared } from './function.ts';
import {
  type Acknowledgement,
  arnOf,
  decryptSecrets,
  keyWildcards,
  may,
  objectsOf,
  secretsOf,
  useKey,
  wildcard,
} from './rights.ts';

/** The resources of a function that reads instances and delivers artifacts. */
export interface Collecting extends Shared {
  readonly instances: Table;
  readonly cursors: Table;
  readonly queue: Queue;
  readonly overflow: Bucket;
}

/**
 * For the C library of Node, which by default keeps the memory of pages and messages that were freed
 * (docs/benchmarks.md).
 */
export const allocator = {
  /** One arena for all threads. */
  MALLOC_ARENA_MAX: '1',
  /** Bytes; a larger block is returned to the system when it is freed. */
  MALLOC_MMAP_THRESHOLD_: '131072',
} as const;

/** The environment that all such functions share. */
export const collectingEnvironment = ({ settings, instances, cursors, queue, overflow }: Collecting) => ({
  instancesTable: instances.tableName,
  cursorsTable: cursors.tableName,
  artifactQueueUrl: queue.queueUrl,
  overflowBucket: overflow.bucketName,
  allowedHostSuffixes: settings.allowedHostSuffixes,
  overlapMs: settings.overlapMinutes * 60_000,
});

/**
 * The policy statements that all such functions share.
 * @param cursorActions DynamoDB actions on the cursors table
 * @param instanceActions DynamoDB actions on the instances table, in addition to GetItem
 */
export function collectingRights(
  scope: Construct,
  { settings, instances, cursors, queue, overflow }: Collecting,
  cursorActions: string[],
  instanceActions: string[] = [],
): PolicyStatement[] {
  const ownSecrets = arnOf(scope, 'secretsmanager', 'secret', 'signal-client/sentinelone/*');
  return [
    may(['dynamodb:GetItem', ...instanceActions], instances.tableArn),
    may(cursorActions, cursors.tableArn),
    may(['sqs:SendMessage'], queue.queueArn),
    may(['s3:PutObject'], overflow.arnForObjects('*')),
    may(['secretsmanager:GetSecretValue'], ownSecrets, ...secretsOf(settings)),
    ...decryptSecrets(settings),
    ...useKey(settings),
  ];
}

export function collectingWildcards({ settings, overflow }: Collecting): Acknowledgement[] {
  return [
    objectsOf(overflow, 'Objects are named after records: PutObject alone, in this one bucket.'),
    wildcard(
      'arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:signal-client/sentinelone/*',
      'A new instance brings its secret under this prefix and needs no deployment.',
    ),
    ...secretsOf(settings)
      .filter((arn) => arn.includes('*'))
      .map((arn) => wildcard(arn, 'The operator who deploys grants these secrets by a setting.')),
    ...keyWildcards(settings),
  ];
}
