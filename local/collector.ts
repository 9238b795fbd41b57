import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutItemCommand, paginateScan } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { RunningStack } from '../cli/running.ts';
import type { Status } from '../functions/health/status.ts';
import { type LocalAws, startAws } from './aws/aws.ts';
import { startLambda } from './aws/lambda.ts';
import { startLogs } from './aws/logs.ts';
import { resolve, resources, type Template } from './aws/template.ts';
import { type EventSource, type Fed, feed } from './lambda/event-source.ts';
import { type LocalFunction, startFunction } from './lambda/function.ts';

export interface CollectorOptions {
  readonly template: Template;
  /** The folder with the functions' modules. */
  readonly code: string;
  /** What the functions' processes see beside the template's environment: proxy and CA. */
  readonly environment: Readonly<Record<string, string>>;
  /** What only the forwarder sees; it goes before `environment`. */
  readonly forwarderEnvironment?: Readonly<Record<string, string>>;
  /** How long failed messages stay hidden after `forward`, in place of the artifact queue's visibility timeout. */
  readonly visibilityTimeoutSeconds?: number;
  /** Each line that a function prints. */
  readonly onLine: (line: string) => void;
  /** What runs a handler, as Node's arguments; this project's own runtime unless given. */
  readonly runtime?: (handler: string) => readonly string[];
  /** Lambda's own clock, in milliseconds; the machine's unless given. */
  readonly nowMs?: () => number;
}

/** A status line's worth of one cursor item. */
export type StatusItem = Partial<Status> & { readonly instance: string; readonly stream: string };

/** The deployed stack on this machine: its functions as processes, its tables, queues and bucket as stand-ins. */
export interface LocalCollector {
  readonly aws: LocalAws;
  /** By stream, and the forwarder as `forwarder` where the template has one. */
  readonly functions: ReadonlyMap<string, LocalFunction>;
  /** Where another process finds it, and what CloudFormation would say of it. */
  readonly endpoints: RunningStack['endpoints'];
  readonly outputs: RunningStack['outputs'];
  /** What the rules do: fires one stream's function for the tick at `time`. */
  tick(stream: string, time: Date): Promise<unknown>;
  /** Writes an instance record and, if a token is given, its secret. */
  addInstance(item: { readonly instance: string } & Record<string, unknown>, secret?: string): Promise<void>;
  status(): Promise<StatusItem[]>;
  /** Every instance record. */
  instances(): Promise<Record<string, unknown>[]>;
  /** Takes all messages that are in the artifact queue, as a consumer would. */
  receive(): Promise<Message[]>;
  /**
   * What the event source mapping does: gives the forwarder all messages that are visible in the artifact queue.
   * Rejects where the template has no forwarder, but not where it fails: its messages are counted and stay.
   */
  forward(): Promise<Fed>;
  /** What is in the dead-letter queue; it stays there. */
  deadLetters(): Promise<Message[]>;
  /** The overflow object at `s3://bucket/key`. */
  overflow(location: string): Promise<string>;
  close(): Promise<void>;
}

interface FunctionProperties {
  readonly FunctionName: string;
  readonly Handler: string;
  readonly MemorySize: number;
  readonly Timeout: number;
  readonly Environment: { readonly Variables: Readonly<Record<string, unknown>> };
}

interface EventSourceMappingProperties {
  readonly FunctionName: { readonly Ref: string };
  readonly EventSourceArn: { readonly 'Fn::GetAtt': readonly [id: string, attribute: string] };
  readonly BatchSize: number;
  readonly FunctionResponseTypes?: readonly string[];
}

export async function startCollector(options: CollectorOptions): Promise<LocalCollector> {
  const { template, environment, forwarderEnvironment, onLine } = options;
  const aws = await startAws(template);
  // Away from the project, where a package that the bundle lacks would be found in node_modules.
  const root = await mkdtemp(join(tmpdir(), 'sentinelone-collector-'));
  const code = join(root, 'task');
  await cp(options.code, code, { recursive: true });

  const [mapping] = resources<EventSourceMappingProperties>(template, 'AWS::Lambda::EventSourceMapping');
  const logs = await startLogs();
  const functions = new Map<string, LocalFunction>();
  const byName = new Map<string, LocalFunction>();
  const lambda = await startLambda(byName);
  for (const definition of resources<FunctionProperties>(template, 'AWS::Lambda::Function')) {
    const variables = Object.entries(definition.Environment.Variables).map(([name, value]) => [
      name,
      resolve(value, aws),
    ]);
    const own: Record<string, string> = Object.fromEntries(variables);
    const isForwarder = definition.logicalId === mapping?.FunctionName.Ref;
    // Nothing here shows a dashboard: the tiles are served by tiles.ts.
    if (own.STREAM === undefined && !isForwarder) continue;
    const started = await startFunction({
      name: definition.FunctionName,
      code,
      handler: definition.Handler,
      memoryMb: definition.MemorySize,
      timeoutSeconds: definition.Timeout,
      environment: {
        ...own,
        ...aws.environment,
        AWS_ENDPOINT_URL_LAMBDA: lambda.endpoint,
        ...environment,
        ...(isForwarder && forwarderEnvironment),
      },
      onLine(line) {
        logs.append(`/aws/lambda/${definition.FunctionName}`, line);
        onLine(line);
      },
      ...(options.runtime && { runtime: options.runtime(definition.Handler) }),
      ...(options.nowMs && { nowMs: options.nowMs }),
    });
    byName.set(definition.FunctionName, started);
    functions.set(isForwarder ? 'forwarder' : (own.STREAM ?? definition.FunctionName), started);
  }

  const output = (name: string) => resolve(template.Outputs[name]?.Value, aws);
  const QueueUrl = output('ArtifactQueueUrl');
  return {
    aws,
    functions,
    endpoints: {
      dynamodb: aws.environment.AWS_ENDPOINT_URL_DYNAMODB ?? '',
      sqs: aws.environment.AWS_ENDPOINT_URL_SQS ?? '',
      secretsManager: aws.secrets.endpoint,
      lambda: lambda.endpoint,
      logs: logs.endpoint,
    },
    outputs: outputsOf(template, aws.names),
    async tick(stream, time) {
      const fired = functions.get(stream);
      if (fired === undefined) throw new Error(`no function polls ${stream}`);
      return fired.invoke({
        source: 'aws.events',
        'detail-type': 'Scheduled Event',
        time: time.toISOString(),
      });
    },
    async addInstance(item, secret) {
      if (secret !== undefined) aws.secrets.put(`signal-client/sentinelone/${item.instance}`, secret);
      const Item = marshall(item);
      await aws.dynamodb.send(new PutItemCommand({ TableName: output('InstancesTableName'), Item }));
    },
    async status() {
      const items: StatusItem[] = [];
      const scan = paginateScan({ client: aws.dynamodb }, { TableName: output('CursorsTableName') });
      for await (const { Items = [] } of scan)
        items.push(...Items.map((item) => unmarshall(item) as StatusItem));
      return items.filter(({ state }) => state !== undefined);
    },
    async instances() {
      const records: Record<string, unknown>[] = [];
      const scan = paginateScan({ client: aws.dynamodb }, { TableName: output('InstancesTableName') });
      for await (const { Items = [] } of scan) records.push(...Items.map((item) => unmarshall(item)));
      return records;
    },
    async receive() {
      const messages: Message[] = [];
      for (;;) {
        const { Messages = [] } = await aws.sqs.send(
          new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] }),
        );
        if (Messages.length === 0) return messages;
        messages.push(...Messages);
        const Entries = Messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle }));
        await aws.sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
      }
    },
    async forward() {
      const forwarder = functions.get('forwarder');
      if (mapping === undefined || forwarder === undefined) throw new Error('the template has no forwarder');
      const [queueId] = mapping.EventSourceArn['Fn::GetAtt'];
      const source: EventSource = {
        sqs: aws.sqs,
        queueUrl: resolve({ Ref: queueId }, aws),
        queueArn: resolve(mapping.EventSourceArn, aws),
        batchSize: mapping.BatchSize,
        reportsFailures: mapping.FunctionResponseTypes?.includes('ReportBatchItemFailures') ?? false,
        invoke: forwarder.invoke,
        onError: (error) => onLine(`ERROR ${String(error)}`),
      };
      return feed(source, options.visibilityTimeoutSeconds);
    },
    async deadLetters() {
      const dead = output('ArtifactDeadLetterQueueUrl');
      const messages: Message[] = [];
      for (;;) {
        const { Messages = [] } = await aws.sqs.send(
          new ReceiveMessageCommand({
            QueueUrl: dead,
            MaxNumberOfMessages: 10,
            MessageSystemAttributeNames: ['All'],
            MessageAttributeNames: ['All'],
          }),
        );
        if (Messages.length === 0) break;
        messages.push(...Messages);
      }
      for (const { ReceiptHandle } of messages) {
        await aws.sqs.send(
          new ChangeMessageVisibilityCommand({ QueueUrl: dead, ReceiptHandle, VisibilityTimeout: 0 }),
        );
      }
      return messages;
    },
    async overflow(location) {
      const { host: Bucket, pathname } = new URL(location);
      const { Body } = await aws.s3.send(new GetObjectCommand({ Bucket, Key: pathname.slice(1) }));
      return (await Body?.transformToString()) ?? '';
    },
    async close() {
      for (const one of byName.values()) one.stop();
      lambda.close();
      logs.close();
      await aws.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Those that something here stands in for. */
function outputsOf({ Outputs }: Template, names: ReadonlyMap<string, string>): Record<string, string> {
  const found = Object.entries(Outputs).flatMap(([name, { Value }]) => {
    const { Ref: ref } = Value as { Ref?: string };
    const value = ref === undefined ? undefined : names.get(ref);
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(found);
}
