import { CloudWatchLogsClient, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { clientConfig } from '../../functions/adapters/aws.ts';

/** Resources of earlier stacks of the same name in the account. */
export interface Leftovers {
  readonly tables: readonly string[];
  readonly queues: readonly string[];
  readonly buckets: readonly string[];
  /** CloudFormation cannot create a log group that exists. */
  readonly logGroups: readonly string[];
}

type Config = typeof clientConfig & { readonly region?: string; readonly profile?: string };

/** Generated names start with the name of the stack and the id of the resource. */
export async function leftoversOf(
  stackName: string,
  config: Config,
  abortSignal: AbortSignal,
): Promise<Leftovers> {
  const signal = { abortSignal };
  const prefix = `${stackName}-Tables`;
  const bucketPrefix = `${stackName.toLowerCase()}-artifactsoverflow`;
  const [tables, queues, buckets, logs] = await Promise.all([
    // The list is sorted and starts after the given name.
    new DynamoDBClient(config).send(
      new ListTablesCommand({ ExclusiveStartTableName: `${stackName}-Table` }),
      signal,
    ),
    new SQSClient(config).send(new ListQueuesCommand({ QueueNamePrefix: `${stackName}-Artifacts` }), signal),
    new S3Client(config).send(new ListBucketsCommand({ Prefix: bucketPrefix, MaxBuckets: 100 }), signal),
    new CloudWatchLogsClient(config).send(
      new DescribeLogGroupsCommand({ logGroupNamePrefix: `/aws/lambda/${stackName}-` }),
      signal,
    ),
  ]);
  return {
    tables: (tables.TableNames ?? []).filter((name) => name.startsWith(prefix)),
    queues: queues.QueueUrls ?? [],
    buckets: (buckets.Buckets ?? []).flatMap(({ Name = '' }) =>
      Name.startsWith(bucketPrefix) ? [Name] : [],
    ),
    logGroups: (logs.logGroups ?? []).flatMap(({ logGroupName }) => logGroupName ?? []),
  };
}

/** Returns commands that delete them permanently. */
export function deletions({ tables, queues, buckets, logGroups }: Leftovers): string[] {
  return [
    ...tables.flatMap((name) => [
      `aws dynamodb update-table --table-name ${name} --no-deletion-protection-enabled`,
      `aws dynamodb delete-table --table-name ${name}`,
    ]),
    ...queues.map((url) => `aws sqs delete-queue --queue-url ${url}`),
    // S3 deletes only empty buckets. docs/operations.md shows how to empty a versioned one.
    ...buckets.map((name) => `aws s3 rb s3://${name}`),
    ...logGroups.map((name) => `aws logs delete-log-group --log-group-name ${name}`),
  ];
}
