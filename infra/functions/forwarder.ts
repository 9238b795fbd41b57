import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping, type Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { ForwarderEnvironment } from '../../functions/environment.ts';
import type { Encryption } from '../storage/encryption.ts';
import { addFunction, type CollectorFunction, type Shared } from './function.ts';
import { arnOf, decryptSecrets, keyWildcards, may, objectsOf, useKey } from './rights.ts';

interface ForwarderProps extends Shared {
  readonly analyticsUrl: string;
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;
  readonly overflow: Bucket;
  readonly cursors: Table;
  readonly ledger: Table;
}

/** Posts artifacts to WitFoo Analytics: a function that the artifact queue invokes. */
export class Forwarder extends Construct implements CollectorFunction {
  readonly function: Lambda;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: ForwarderProps) {
    super(scope, id);
    const { settings } = props;
    const accepted =
      settings.forwarder.rememberAcceptedDays > 0
        ? new AcceptedTable(this, 'Accepted', props.encryption)
        : undefined;
    const added = addFunction(this, props, {
      name: 'forwarder',
      entry: 'forwarder',
      description: 'Posts SentinelOne artifacts to WitFoo Analytics',
      // AWS recommends a visibility timeout of six times this plus the batching window; the queue has six minutes.
      timeout: Duration.seconds(59),
      environment: environment(props, accepted),
      policy: 'forward',
      rights: rights(this, props, accepted),
      acknowledgements: [
        objectsOf(props.overflow, 'Objects are named after records: GetObject alone, in this one bucket.'),
        ...keyWildcards(settings),
      ],
    });
    this.function = added.function;
    this.logGroup = added.logGroup;
    // `addEventSource` of the function would add permissions to the role.
    new EventSourceMapping(this, 'Source', {
      target: this.function,
      eventSourceArn: props.queue.queueArn,
      batchSize: 100,
      maxBatchingWindow: Duration.seconds(5),
      reportBatchItemFailures: true,
      maxConcurrency: settings.forwarder.concurrency,
    });
  }
}

class AcceptedTable extends Table {
  constructor(scope: Construct, id: string, { table }: Encryption) {
    super(scope, id, {
      ...table,
      partitionKey: { name: 'id', type: AttributeType.STRING },
      timeToLiveAttribute: 'expiresAt',
      billingMode: BillingMode.PAY_PER_REQUEST,
      // Without the table, repeats are posted again. No artifact is lost.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Validations.of(this).acknowledge({
      id: 'AwsSolutions-DDB3',
      reason:
        'What is in here only spares Analytics repeats, and expires within days: a backup would cost more than its loss.',
    });
  }
}

function environment(
  { analyticsUrl, settings, deadLetterQueue, cursors, ledger }: ForwarderProps,
  accepted: Table | undefined,
): ForwarderEnvironment {
  return {
    analyticsUrl,
    secretId: settings.forwarder.secretId,
    deadLetterQueueUrl: deadLetterQueue.queueUrl,
    cursorsTable: cursors.tableName,
    ledgerTable: ledger.tableName,
    metrics: settings.metrics,
    ...(accepted && {
      accepted: { table: accepted.tableName, days: settings.forwarder.rememberAcceptedDays },
    }),
  };
}

function rights(scope: Construct, props: ForwarderProps, accepted: Table | undefined): PolicyStatement[] {
  const { settings, queue, deadLetterQueue, overflow, cursors, ledger } = props;
  const { secretId: secret } = settings.forwarder;
  return [
    may(['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'], queue.queueArn),
    may(['sqs:SendMessage'], deadLetterQueue.queueArn),
    may(['s3:GetObject'], overflow.arnForObjects('*')),
    // Without this permission, S3 answers 403 instead of 404 for a deleted object.
    may(['s3:ListBucket'], overflow.bucketArn),
    // Secrets Manager appends a hyphen and six characters to a secret's name.
    may(
      ['secretsmanager:GetSecretValue'],
      secret.startsWith('arn:') ? secret : arnOf(scope, 'secretsmanager', 'secret', `${secret}-??????`),
    ),
    new PolicyStatement({
      actions: ['dynamodb:UpdateItem'],
      resources: [cursors.tableArn],
      // Its status is in the same table as the cursors.
      conditions: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['#analytics'] } },
    }),
    may(['dynamodb:UpdateItem'], ledger.tableArn),
    ...(accepted ? [may(['dynamodb:BatchGetItem', 'dynamodb:BatchWriteItem'], accepted.tableArn)] : []),
    ...decryptSecrets(settings),
    ...useKey(settings),
  ];
}
