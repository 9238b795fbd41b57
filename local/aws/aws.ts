import { randomBytes } from 'node:crypto';
import { CreateTableCommand, type CreateTableInput, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import dynalite from 'dynalite';
import { buildApp } from 'fauxqs';
import { serve, whole } from '../http/serve.ts';
import { type LocalSecretsManager, startSecretsManager } from './secrets-manager.ts';
import { type Known, resolve, resources, type Template } from './template.ts';

/** Stand-ins for the AWS services that the stack uses, with its tables, queues and buckets. */
export interface LocalAws extends Known {
  readonly dynamodb: DynamoDBClient;
  readonly sqs: SQSClient;
  readonly s3: S3Client;
  readonly secrets: LocalSecretsManager;
  /** Every request must have them. */
  readonly credentials: Readonly<Record<'accessKeyId' | 'secretAccessKey' | 'sessionToken', string>>;
  /** Environment variables that direct the AWS SDK of another process here. */
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
  const sessionToken = randomBytes(32).toString('base64url');
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local', sessionToken };
  // Neither server listens on the network. fauxqs would listen on all interfaces, and both would accept requests
  // without credentials.
  const dynalites = dynalite({ createTableMs: 0 });
  const fauxqs = buildApp({ logger: false });
  await fauxqs.ready();
  const [tables, queues, secrets] = await Promise.all([
    serve(async (request, response) => dynalites.emit('request', await whole(request), response), {
      sessionToken,
    }),
    serve(fauxqs.routing, { sessionToken }),
    startSecretsManager(sessionToken),
  ]);
  const client = (endpoint: string) => ({
    endpoint,
    region: 'us-east-1',
    credentials,
  });
  const dynamodb = new DynamoDBClient(client(tables.endpoint));
  const sqs = new SQSClient(client(queues.endpoint));
  const s3 = new S3Client(client(queues.endpoint));
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
    // The queue's own URL has a host name that some machines cannot resolve.
    names.set(logicalId, queues.endpoint + new URL(QueueUrl).pathname);
    arns.set(logicalId, Attributes?.QueueArn ?? '');
  }
  // A queue's attributes can refer to another queue.
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
    credentials,
    environment: {
      AWS_SESSION_TOKEN: sessionToken,
      AWS_ENDPOINT_URL_DYNAMODB: tables.endpoint,
      AWS_ENDPOINT_URL_SQS: queues.endpoint,
      AWS_ENDPOINT_URL_S3: queues.endpoint,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.endpoint,
    },
    async close() {
      for (const one of [dynamodb, sqs, s3]) one.destroy();
      await Promise.all([secrets.close(), tables.close(), queues.close(), fauxqs.close()]);
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

/** The attributes in the format of the SQS API: text, and the redrive policy as JSON. */
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
