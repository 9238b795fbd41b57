import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ChangeMessageVisibilityBatchCommand,
  type DeleteMessageBatchCommandInput,
  type DeleteMessageBatchCommandOutput,
  type DeleteMessageCommandInput,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import { inject } from 'vitest';
import { dayMs } from '../../functions/kit/time.ts';
import { defaultStreams as streams } from '../../functions/streams/list.ts';
import { resolve, resources, type Template } from '../../local/aws/template.ts';
import { CloudWatch, MetricStore } from './cloudwatch.ts';
import { clockEnvironment, shiftClock, shiftDates } from './shifted-clock.ts';
import { startWorld, type World, type WorldOptions } from './world.ts';

const minuteMs = 60_000;

export interface TimeLineOptions extends WorldOptions {
  /** Whose alarms are evaluated; the deployed one's unless given. */
  readonly template?: Template;
}

/** UTC. Some alarms do not count what happens from 06:00 to 08:00, so that they remind every day. */
const lastNoon = (ms: number) => ms - ((ms + dayMs / 2) % dayMs);

/** How a stream's tick ends, if not with a run. */
type Fate = 'run' | 'not-fired' | 'throttled' | 'killed';

export interface TimeLine {
  readonly world: World;
  /** Names of alarms that someone was told of so far, without the stack's name, in order. */
  readonly told: () => string[];
  readonly raised: () => string[];
  /** Lets minutes pass as they do when deployed: rules fire, a consumer reads, CloudWatch evaluates. */
  pass(minutes: number, during?: During): Promise<void>;
  /** Jumps over a time in which nothing runs. */
  advance(minutes: number): Promise<void>;
  close(): Promise<void>;
}

interface During {
  readonly fate?: (stream: string, minute: number) => Fate;
  /** Before the rules fire. */
  readonly before?: (minute: number) => Promise<void> | void;
  /** False where nobody reads the queue; it reads every ten minutes. */
  readonly consumer?: boolean;
}

/**
 * The deployed functions, their consoles and CloudWatch on a clock that stands still between runs: an hour takes as long
 * as its runs do. The functions send their own metrics; what AWS would send of functions and queues is made of what
 * happened to them here.
 */
export async function startTimeLine({ template, ...options }: TimeLineOptions): Promise<TimeLine> {
  const deployed = inject('deployment').template;
  const folder = mkdtempSync(join(tmpdir(), 'time-line-'));
  const file = join(folder, 'clock');
  const realStart = Date.now();
  const startedAt = lastNoon(realStart);
  shiftClock(file, startedAt - realStart);
  const unshift = shiftDates();
  const world = await startWorld({
    ...options,
    nowMs: () => Date.now(),
    environment: {
      ...clockEnvironment(file),
      ...options.environment,
    },
  });
  const { aws } = world.collector;
  const store = new MetricStore();
  const functionNames = new Map(
    resources<{ FunctionName: string }>(deployed, 'AWS::Lambda::Function').map(
      ({ logicalId, FunctionName }) => [logicalId, FunctionName],
    ),
  );
  /** A function's reference is its name, a queue's name here its logical id. */
  const named = (value: unknown): string => {
    const { Ref: ref, 'Fn::GetAtt': attribute } = Object(value) as {
      Ref?: string;
      'Fn::GetAtt'?: [string, string];
    };
    return functionNames.get(ref ?? '') ?? attribute?.[0] ?? resolve(value, aws);
  };
  const watched = { template: template ?? deployed, store, resolve: named };
  const cloudWatch = new CloudWatch(watched);
  // What is not written down must not matter.
  const doubtful = new CloudWatch({ ...watched, otherReading: true });
  // Whoever reads the queue here uses this client: a consumer, and what stands in for the forwarder's source.
  aws.sqs.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const answer = await next(args);
        if (!commandName?.startsWith('DeleteMessage')) return answer;
        const { QueueUrl } = args.input as DeleteMessageBatchCommandInput | DeleteMessageCommandInput;
        const [QueueName = ''] = [...aws.names].find(([, url]) => url === QueueUrl) ?? [];
        const { Successful = [QueueUrl] } = answer.output as Partial<DeleteMessageBatchCommandOutput>;
        store.put('AWS/SQS', 'NumberOfMessagesDeleted', { QueueName }, Date.now(), Successful.length);
        return answer;
      },
    { step: 'initialize' },
  );
  const queues = resources<{ RedrivePolicy?: unknown }>(deployed, 'AWS::SQS::Queue');
  let minute = 0;
  let read = 0;

  const now = () => startedAt + minute * minuteMs;
  /** Never back: a run takes real time. */
  const turnClock = () => shiftClock(file, Math.max(now() - realNow(), Date.now() - realNow()));
  const began = performance.now();
  const realNow = () => realStart + performance.now() - began;

  const lambda = (stream: string, name: string, value: number) => {
    const FunctionName = [...functionNames.values()].find((one) => one.endsWith(`-${stream}`)) ?? '';
    store.put('AWS/Lambda', name, { FunctionName }, now(), value);
  };
  const kill = async (stream: string) => {
    const running = world.collector.functions.get(stream);
    while (running?.pid === undefined) await sleep(1);
    process.kill(running.pid, 'SIGKILL');
  };
  const fire = async (stream: string, fate: Fate) => {
    if (fate === 'not-fired') return;
    if (fate === 'throttled') {
      // Lambda tries an event again, one and three minutes later the first times.
      lambda(stream, 'Throttles', 3);
      return;
    }
    const ran = world.collector.tick(stream, new Date(now()));
    if (fate === 'killed') await kill(stream);
    const failed = await ran.then(
      () => 0,
      () => 1,
    );
    // Further runs come after it, in the same process.
    while (world.collector.functions.get(stream)?.busy) await sleep(1);
    lambda(stream, 'Invocations', 1);
    lambda(stream, 'Errors', failed);
    lambda(stream, 'Throttles', 0);
  };
  const sampleQueues = async () => {
    for (const { logicalId } of queues) {
      const QueueUrl = aws.names.get(logicalId) ?? '';
      const { Attributes = {} } = await aws.sqs.send(
        new GetQueueAttributesCommand({
          QueueUrl,
          AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
        }),
      );
      const visible = Number(Attributes.ApproximateNumberOfMessages);
      const sample = (name: string, value: number) =>
        store.put('AWS/SQS', name, { QueueName: logicalId }, Date.now(), value);
      sample('ApproximateNumberOfMessagesVisible', visible);
      // SQS says so too where there was nothing to delete.
      sample('NumberOfMessagesDeleted', 0);
      sample(
        'ApproximateNumberOfMessagesNotVisible',
        Number(Attributes.ApproximateNumberOfMessagesNotVisible),
      );
      if (visible === 0) continue;
      const { Messages = [] } = await aws.sqs.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: 10,
          MessageSystemAttributeNames: ['SentTimestamp'],
        }),
      );
      const Entries = Messages.map(({ ReceiptHandle }, i) => ({
        Id: String(i),
        ReceiptHandle,
        VisibilityTimeout: 0,
      }));
      await aws.sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
      const sent = Messages.map((message) => Number(message.Attributes?.SentTimestamp));
      sample('ApproximateAgeOfOldestMessage', Math.round((Date.now() - Math.min(...sent)) / 1000));
    }
  };
  const evaluate = () => {
    for (; read < world.log.length; read++) store.take(world.log[read] ?? {});
    for (const one of [cloudWatch, doubtful]) one.evaluate(now());
  };
  const short = (name: string) => name.replace(/^SentinelOneCollector-/, '');
  const agreed = (of: (one: CloudWatch) => string[]) => {
    const [sure, unsure] = [of(cloudWatch), of(doubtful)].map((names) => names.map(short));
    if (String(sure?.toSorted()) !== String(unsure?.toSorted()))
      throw new Error(`it depends on the reading: ${sure} or ${unsure}`);
    return sure ?? [];
  };

  return {
    world,
    told: () => agreed(({ told }) => told),
    raised: () => agreed(({ raised }) => raised),
    async pass(minutes, { fate = () => 'run' as const, before, consumer = true } = {}) {
      for (const end = minute + minutes; minute < end; ) {
        turnClock();
        await before?.(minute);
        const due = streams.filter(({ cadenceMinutes }) => minute % cadenceMinutes === 0);
        await Promise.all(due.map(({ name }) => fire(name, fate(name, minute))));
        if (consumer && minute % 10 === 9) await world.collector.receive();
        if (minute % 5 === 0) await sampleQueues();
        minute += 1;
        evaluate();
      }
    },
    async advance(minutes) {
      for (const end = minute + minutes; minute < end; ) {
        minute += 1;
        if (minute % 15 > 0) continue;
        turnClock();
        await sampleQueues();
        evaluate();
      }
    },
    async close() {
      await world.close();
      unshift();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
