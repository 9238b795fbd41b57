import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ListMessageMoveTasksCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { type Command, InvalidArgumentError } from 'commander';
import { type CommonOptions, does } from '../command.ts';
import { CommandError } from '../errors.ts';
import { counted, moment, type Output, plain, table } from '../output.ts';
import type { Stack } from '../stack.ts';
import { asTyped } from '../typed.ts';

interface CountOptions extends CommonOptions {
  readonly count: number;
}

interface PeekOptions extends CountOptions {
  readonly instance?: string;
  readonly raw?: boolean;
}

export function peek(command: Command): void {
  limited(
    command
      .description('Shows a sample of the artifacts in the queue, in no order, without removing them.')
      .option('--instance <name>', 'only artifacts of one instance')
      .option('--raw', 'also print the records as SentinelOne sent them'),
  );
  does<[], PeekOptions>(command, async ({ out, stack: open }, { count, instance, raw }) => {
    const { sqs, queueUrl } = await open();
    const messages = await look(sqs, queueUrl, (found) => artifactsOf(found, instance).length >= count);
    const artifacts = artifactsOf(messages, instance).slice(0, count);
    out.answer(artifacts, () => (artifacts.length === 0 ? emptyLines(instance) : shown(artifacts, raw)));
    return undefined;
  });
}

const shown = (artifacts: readonly ShownArtifact[], raw = false) => [
  ...table(
    ['TIME', 'INSTANCE', 'STREAM', 'TYPE', 'SEVERITY', 'HOST', 'ID'],
    artifacts.map(({ timestamp = '-', metadata: m }) =>
      [timestamp, m.instance, m.stream, m.messageType, m.severityLabel, m.clientHostname, m.id].map(String),
    ),
  ),
  ...(raw ? artifacts.map((artifact) => plain(artifact.raw)) : []),
  counted(artifacts.length, 'artifact'),
];

/** An empty queue is no problem where something reads it. */
const emptyLines = (instance: string | undefined) => [
  `No artifacts${instance === undefined ? '' : ` of ${instance}`} in the queue.`,
  'This is normal: the forwarder, or your own consumer, has taken them, or has them in flight.',
  `What was collected and forwarded: ${asTyped('collector status')}`,
];

export function dlq(command: Command): void {
  command.description(
    'Lists the messages of the dead-letter queue, or moves them back to the artifact queue.',
  );
  const list = limited(
    command.command('list').description('Lists dead letters and their reasons without removing them.'),
  );
  does<[], CountOptions>(list, async ({ out, stack: open }, { count }) => {
    const { sqs, deadLetterQueueUrl } = await open();
    const all = await waiting(sqs, deadLetterQueueUrl);
    const messages = (await look(sqs, deadLetterQueueUrl, (found) => found.length >= count)).slice(0, count);
    const letters = messages.map(describe);
    out.answer({ waiting: all, letters }, () => {
      const now = Date.now();
      return [
        ...table(
          ['SENT', 'RECEIVED', 'INSTANCE', 'STREAM', 'ARTIFACTS', 'REASON'],
          letters.map(({ sentAt, received, instance, stream, count: artifacts, reason }) =>
            [moment(sentAt, now), `${received} times`, instance, stream, artifacts, reason].map(String),
          ),
        ),
        `about ${counted(all, 'dead letter')}`,
      ];
    });
    return undefined;
  });

  const redrive = command
    .command('redrive')
    .description(
      'Moves all dead letters back to the artifact queue, which restarts their 14 days of retention. Fix the consumer first.',
    );
  does<[]>(redrive, async ({ out, stack: open }) => {
    const stack = await open();
    const moved = stack.isLocal ? await moveByHand(stack, out) : await moveByTask(stack, out);
    out.answer({ moved }, () => [`${counted(moved, 'message')} moved back to the artifact queue`]);
    return undefined;
  });
}

function limited(command: Command): Command {
  return command.option('-n, --count <number>', 'maximum number to show', wholeNumber, 10);
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number of at least 1.');
  return value;
}

/** SQS answers from a sample of its servers. Several answers without a new message mean that there are no more. */
const emptyLooks = 3;

/** Receives messages without hiding them from the consumer, each once, until there are enough or no more. */
async function look(
  sqs: Stack['sqs'],
  QueueUrl: string,
  enough: (found: readonly Message[]) => boolean,
): Promise<Message[]> {
  const found = new Map<string, Message>();
  for (let empty = 0; empty < emptyLooks && !enough([...found.values()]); ) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        VisibilityTimeout: 0,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 1,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['SentTimestamp', 'ApproximateReceiveCount'],
      }),
    );
    const fresh = Messages.filter(({ MessageId = '' }) => !found.has(MessageId));
    for (const message of fresh) found.set(message.MessageId ?? '', message);
    empty = fresh.length > 0 ? 0 : empty + 1;
  }
  return [...found.values()];
}

interface ShownArtifact {
  readonly raw: string;
  readonly timestamp?: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Returns the artifacts of all messages that can be parsed; a dead letter can contain anything. */
function artifactsOf(messages: readonly Message[], instance: string | undefined): ShownArtifact[] {
  return messages
    .flatMap(({ Body = '' }) => {
      try {
        return (JSON.parse(Body) as { artifacts: ShownArtifact[] }).artifacts;
      } catch {
        return [];
      }
    })
    .filter(({ metadata }) => instance === undefined || metadata.instance === instance);
}

function describe({ MessageAttributes = {}, Attributes = {}, MessageId }: Message) {
  const attribute = (name: string) => MessageAttributes[name]?.StringValue ?? '-';
  return {
    messageId: MessageId,
    sentAt: new Date(Number(Attributes.SentTimestamp ?? 0)).toISOString(),
    received: Number(Attributes.ApproximateReceiveCount ?? 0),
    instance: attribute('instance'),
    stream: attribute('stream'),
    count: attribute('count'),
    reason: MessageAttributes.reason?.StringValue ?? 'exceeded the maximum receive count',
  };
}

async function attributeOf(
  sqs: Stack['sqs'],
  QueueUrl: string,
  name: 'QueueArn' | 'ApproximateNumberOfMessages',
): Promise<string> {
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [name] }));
  return Attributes?.[name] ?? '';
}

async function waiting(sqs: Stack['sqs'], queueUrl: string): Promise<number> {
  return Number(await attributeOf(sqs, queueUrl, 'ApproximateNumberOfMessages'));
}

/** Names the destination, because SQS does not know the source queue of messages that the forwarder sent there. */
async function moveByTask({ sqs, queueUrl, deadLetterQueueUrl }: Stack, out: Output): Promise<number> {
  const SourceArn = await attributeOf(sqs, deadLetterQueueUrl, 'QueueArn');
  const DestinationArn = await attributeOf(sqs, queueUrl, 'QueueArn');
  await sqs.send(new StartMessageMoveTaskCommand({ SourceArn, DestinationArn }));
  for (;;) {
    const { Results: [task] = [] } = await sqs.send(new ListMessageMoveTasksCommand({ SourceArn }));
    const moved = task?.ApproximateNumberOfMessagesMoved ?? 0;
    if (task?.Status === 'COMPLETED') return moved;
    if (task?.Status !== 'RUNNING')
      throw new CommandError(
        `SQS stopped after ${moved} messages: ${task?.FailureReason ?? task?.Status}`,
        'The other messages are still in the dead-letter queue. Run the command again.',
      );
    out.progress(`${moved} of about ${task.ApproximateNumberOfMessagesToMove ?? '?'} messages moved`);
    await sleep(2_000);
  }
}

/** The local stand-in for SQS has no move tasks. A message is deleted after it was sent to the artifact queue. */
async function moveByHand({ sqs, queueUrl, deadLetterQueueUrl }: Stack, out: Output): Promise<number> {
  for (let moved = 0; ; ) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: deadLetterQueueUrl,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0) return moved;
    for (const { Body: MessageBody = '', MessageAttributes, ReceiptHandle } of Messages) {
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: queueUrl,
          MessageBody,
          ...(MessageAttributes && { MessageAttributes }),
        }),
      );
      await sqs.send(new DeleteMessageCommand({ QueueUrl: deadLetterQueueUrl, ReceiptHandle }));
      moved += 1;
    }
    out.progress(`${moved} messages moved`);
  }
}
