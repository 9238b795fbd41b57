import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CreateTableCommand, type CreateTableInput, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import dynalite from 'dynalite';
import { startFauxqs } from 'fauxqs';
import { type LocalSecretsManager, startSecretsManager } from './secrets-manager.ts';
import { type Known, resolve, resources, type Template } from './template.ts';

/** Stand-ins for the AWS services that the stack uses, holding its tables, queues and buckets. */
export interface LocalAws extends Known {
  readonly dynamodb: DynamoDBClient;
  readonly sqs: SQSClient;
  readonly s3: S3Client;
  readonly secrets: LocalSecretsManager;
  /** Leads the AWS SDK of another process here. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

type Properties<T> = T & { readonly logicalId: string };

interface QueueProperties {
  readonly VisibilityTimeout?: number;
  readonly MaximumMessageSize?: number;
  readonly MessageRetentionPeriod?: number;
  readonly RedrivePolicy?: { readonly deadLetterTargetArn: unknown; readonly maxReceiveCount: number };
}

export async function startAws(template: Template): Promise<LocalAws> {
  const tables = dynalite({ createTableMs: 0 });
  const [dynamodbEndpoint, queues, secrets] = await Promise.all([
    listening(tables),
    startFauxqs({ port: 0, logger: false }),
    startSecretsManager(),
  ]);
  // An address, not a name: S3 then keeps the bucket out of the host name.
  const queuesEndpoint = `http://127.0.0.1:${queues.port}`;
  const client = (endpoint: string) => ({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  const dynamodb = new DynamoDBClient(client(dynamodbEndpoint));
  const sqs = new SQSClient(client(queuesEndpoint));
  const s3 = new S3Client(client(queuesEndpoint));
  const names = new Map<string, string>();
  const arns = new Map<string, string>();

  for (const table of resources<CreateTableInput>(template, 'AWS::DynamoDB::Table')) {
    await dynamodb.send(new CreateTableCommand(tableOf(table)));
    names.set(table.logicalId, table.logicalId);
  }
  const queueProperties = resources<QueueProperties>(template, 'AWS::SQS::Queue');
  for (const { logicalId } of queueProperties) {
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: logicalId }));
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
    );
    // Its own URL has a host name that only some machines resolve.
    names.set(logicalId, queuesEndpoint + new URL(QueueUrl).pathname);
    arns.set(logicalId, Attributes?.QueueArn ?? '');
  }
  // One queue's attributes may name another queue.
  for (const queue of queueProperties) {
    const QueueUrl = names.get(queue.logicalId);
    const Attributes = attributesOf(queue, { names, arns });
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
  }
  for (const { logicalId } of resources(template, 'AWS::S3::Bucket')) {
    const Bucket = logicalId.toLowerCase();
    await s3.send(new CreateBucketCommand({ Bucket }));
    names.set(logicalId, Bucket);
  }

  return {
    dynamodb,
    sqs,
    s3,
    secrets,
    names,
    arns,
    environment: {
      AWS_ENDPOINT_URL_DYNAMODB: dynamodbEndpoint,
      AWS_ENDPOINT_URL_SQS: queuesEndpoint,
      AWS_ENDPOINT_URL_S3: queuesEndpoint,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.endpoint,
    },
    async close() {
      for (const one of [dynamodb, sqs, s3]) one.destroy();
      secrets.close();
      tables.close();
      await queues.stop();
    },
  };
}

function tableOf({
  logicalId,
  KeySchema,
  AttributeDefinitions,
  BillingMode,
}: Properties<CreateTableInput>): CreateTableInput {
  return { TableName: logicalId, KeySchema, AttributeDefinitions, BillingMode };
}

/** As the SQS API takes them: text, and the redrive policy as JSON. */
function attributesOf(queue: QueueProperties, known: Known): Record<string, string> {
  const numbers = (['VisibilityTimeout', 'MaximumMessageSize', 'MessageRetentionPeriod'] as const).flatMap(
    (name) => (queue[name] === undefined ? [] : [[name, String(queue[name])]]),
  );
  const { deadLetterTargetArn, maxReceiveCount } = queue.RedrivePolicy ?? {};
  return {
    ...Object.fromEntries(numbers),
    ...(deadLetterTargetArn !== undefined && {
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: resolve(deadLetterTargetArn, known),
        maxReceiveCount,
      }),
    }),
  };
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
