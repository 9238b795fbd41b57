import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import type { RunningStack } from '../cli/running.ts';
import { documentClient } from '../functions/adapters/dynamodb/client.ts';
import { cursorItems, cursorsTable, type StatusItem } from '../functions/adapters/dynamodb/cursors.ts';
import { type InstanceRecord, instanceRecords } from '../functions/adapters/dynamodb/instances.ts';
import { variable } from '../functions/environment.ts';
import { statusMs } from '../functions/forward/settings.ts';
import { readRules, rulesText } from '../functions/health/rules.ts';
import { type LocalAws, startAws } from './aws/aws.ts';
import { startLambda } from './aws/lambda.ts';
import { startLogs } from './aws/logs.ts';
import { resolve, resources, type Template } from './aws/template.ts';
import { startConcurrent } from './lambda/concurrent.ts';
import { type EventSource, type Fed, feed } from './lambda/event-source.ts';
import { type LocalFunction, startFunction } from './lambda/function.ts';
import { TickTimes } from './tick-times.ts';

export interface CollectorOptions {
  readonly template: Template;
  readonly code: string;
  /** Environment variables in addition to those of the template: proxy and CA. */
  readonly environment: Readonly<Record<string, string>>;
  /** Environment variables for the forwarder only. They override `environment`. */
  readonly forwarderEnvironment?: Readonly<Record<string, string>>;
  /** Overrides the settings that the stack passes to each function (functions/environment.ts). */
  readonly overrides?: Readonly<Record<string, unknown>>;
  /** How long failed messages stay hidden after `forward`, in place of the artifact queue's visibility timeout. */
  readonly visibilityTimeoutSeconds?: number;
  /** Called with each line that a function prints. */
  readonly onLine: (line: string) => void;
  /** The Node arguments that run a handler (default: the runtime of this project). */
  readonly runtime?: (handler: string) => readonly string[];
  /** Lambda's clock in milliseconds (default: the system clock). */
  readonly nowMs?: () => number;
  /** Runs several invocations of a poller at once, as with the setting `reservedConcurrency: false`. */
  readonly concurrent?: boolean;
  /** How many times faster than in AWS the functions are invoked (default: 1). */
  readonly speed?: number;
}

/** The deployed stack on this machine: its functions as processes, its tables, queues and bucket as stand-ins. */
export interface LocalCollector {
  readonly aws: LocalAws;
  /** The functions by stream, `operator`, and `forwarder` if the template has one. */
  readonly functions: ReadonlyMap<string, LocalFunction>;
  /** Endpoints and stack outputs for other processes. */
  readonly endpoints: RunningStack['endpoints'];
  readonly outputs: RunningStack['outputs'];
  /** Invokes the function of a stream for the tick at `time`, as an EventBridge rule does. The time may be far from now. */
  tick(stream: string, time: Date): Promise<unknown>;
  /** Writes an instance record and, if a token is given, its secret. */
  addInstance(record: InstanceRecord, secret?: string): Promise<void>;
  /** Sets when the collector first saw an instance, from which its look-back counts. */
  firstSaw(instance: string, atMs: number): Promise<void>;
  status(): Promise<StatusItem[]>;
  instances(): Promise<InstanceRecord[]>;
  /** Receives and deletes all messages in the artifact queue, as a consumer does. */
  receive(): Promise<Message[]>;
  /**
   * Sends all visible messages in the artifact queue to the forwarder, as the event source mapping does. Rejects if
   * the template has no forwarder. If the forwarder fails, its messages are counted and stay in the queue.
   */
  forward(): Promise<Fed>;
  /** Returns the messages in the dead-letter queue without deleting them. */
  deadLetters(): Promise<Message[]>;
  /** Returns the overflow object at `s3://bucket/key`, as UTF-8 or in another encoding. */
  overflow(location: string, encoding?: string): Promise<string>;
  close(): Promise<void>;
}

/** The properties of a Lambda function in a template, as far as it is started locally. */
export interface FunctionProperties {
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
  const { template, environment, forwarderEnvironment, onLine, speed = 1 } = options;
  const overrides = { ...(speed > 1 && { statusMs: statusMs / speed }), ...options.overrides };
  const aws = await startAws(template);
  // Outside the project, so that a package missing from the bundle is not found in node_modules.
  const root = await mkdtemp(join(tmpdir(), 'sentinelone-collector-'));
  const code = join(root, 'task');
  await cp(options.code, code, { recursive: true });

  const [mapping] = resources<EventSourceMappingProperties>(template, 'AWS::Lambda::EventSourceMapping');
  const logs = await startLogs(aws.credentials.sessionToken);
  const functions = new Map<string, LocalFunction>();
  const byName = new Map<string, LocalFunction>();
  const functionNames = new Map<string, string>();
  const lambda = await startLambda(byName, aws.credentials.sessionToken);
  for (const definition of resources<FunctionProperties>(template, 'AWS::Lambda::Function')) {
    const variables = Object.entries(definition.Environment.Variables).map(([name, value]) => [
      name,
      resolve(value, aws),
    ]);
    const own: Record<string, string> = Object.fromEntries(variables);
    const settings = { ...JSON.parse(own[variable] ?? '{}'), ...overrides };
    const isForwarder = definition.logicalId === mapping?.FunctionName.Ref;
    const isOperator = definition.Handler === 'operator.handler';
    // There is no local dashboard; tiles.ts serves the tiles.
    if (settings.stream === undefined && !isForwarder && !isOperator) continue;
    const start = isOperator || options.concurrent ? startConcurrent : startFunction;
    const started = await start({
      name: definition.FunctionName,
      code,
      handler: definition.Handler,
      memoryMb: definition.MemorySize,
      timeoutSeconds: definition.Timeout,
      environment: {
        ...own,
        [variable]: JSON.stringify(settings),
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
    functions.set(isForwarder ? 'forwarder' : isOperator ? 'operator' : settings.stream, started);
    functionNames.set(definition.logicalId, definition.FunctionName);
  }

  const output = (name: string) => resolve(template.Outputs[name]?.Value, aws);
  const QueueUrl = output('ArtifactQueueUrl');
  const tables = documentClient({
    endpoint: aws.environment.AWS_ENDPOINT_URL_DYNAMODB ?? '',
    region: 'us-east-1',
    credentials: aws.credentials,
  });
  const instances = instanceRecords(output('InstancesTableName'), tables);
  const cursors = cursorItems(output('CursorsTableName'), tables);
  const tickTimes = new TickTimes(cursors, tables, output('CursorsTableName'), options.nowMs ?? Date.now);
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
    outputs: atSpeed(speed, outputsOf(template, new Map([...aws.names, ...functionNames]))),
    async tick(stream, time) {
      const fired = functions.get(stream);
      if (fired === undefined) throw new Error(`no function polls ${stream}`);
      const scheduledAt = await tickTimes.until(stream, time.getTime(), () => !fired.busy);
      return fired.invoke({
        source: 'aws.events',
        'detail-type': 'Scheduled Event',
        time: new Date(scheduledAt).toISOString(),
      });
    },
    async addInstance(record, secret) {
      if (secret !== undefined) aws.secrets.put(`signal-client/sentinelone/${record.instance}`, secret);
      await instances.put(record);
    },
    async firstSaw(instance, atMs) {
      const table = cursorsTable(output('CursorsTableName'), tables);
      for (const stream of functions.keys()) {
        if (stream === 'forwarder') continue;
        const claim = { instance, stream, run: 'first' };
        await table.claim(claim, atMs, atMs);
        // Without `checkedUntil`, the weeks since then would be checked, hour by hour.
        const checkedUntil = `${new Date().toISOString().slice(0, 13)}:00:00.000000Z`;
        const status = { state: 'pending', checkedUntil } as const;
        await table.save(claim, { status, claimUntil: undefined });
      }
    },
    status: cursors.list,
    instances: instances.list,
    async receive() {
      const messages = await receiveAll(aws.sqs, QueueUrl);
      for (const { ReceiptHandle } of messages)
        await aws.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      return messages;
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
      const deadLetterQueue = output('ArtifactDeadLetterQueueUrl');
      const messages = await receiveAll(aws.sqs, deadLetterQueue);
      for (const { ReceiptHandle } of messages) {
        const visible = { QueueUrl: deadLetterQueue, ReceiptHandle, VisibilityTimeout: 0 };
        await aws.sqs.send(new ChangeMessageVisibilityCommand(visible));
      }
      return messages;
    },
    async overflow(location, encoding) {
      const { host: Bucket, pathname } = new URL(location);
      const { Body } = await aws.s3.send(new GetObjectCommand({ Bucket, Key: pathname.slice(1) }));
      return (await Body?.transformToString(encoding)) ?? '';
    },
    async close() {
      for (const one of byName.values()) one.stop();
      await Promise.all([lambda.close(), logs.close(), aws.close()]);
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Lets those who judge health know the speed. */
function atSpeed(speed: number, outputs: Record<string, string>): Record<string, string> {
  const { HealthRules } = outputs;
  if (speed === 1 || HealthRules === undefined) return outputs;
  return { ...outputs, HealthRules: rulesText({ ...readRules(HealthRules), speed }) };
}

async function receiveAll(sqs: LocalAws['sqs'], QueueUrl: string): Promise<Message[]> {
  const all: Message[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0) return all;
    all.push(...Messages);
  }
}

/** The stack outputs that are plain text, or have a local stand-in. */
function outputsOf({ Outputs }: Template, names: ReadonlyMap<string, string>): Record<string, string> {
  const found = Object.entries(Outputs).flatMap(([name, { Value }]) => {
    const { Ref: ref } = Value as { Ref?: string };
    const value = ref === undefined ? Value : names.get(ref);
    return typeof value === 'string' ? [[name, value]] : [];
  });
  return Object.fromEntries(found);
}
