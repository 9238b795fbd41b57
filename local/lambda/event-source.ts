import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  type Message,
  type MessageAttributeValue,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSEvent, SQSMessageAttribute, SQSRecord, SQSRecordAttributes } from 'aws-lambda';

/** Sends messages from a queue to a function, as an `AWS::Lambda::EventSourceMapping` does. */
export interface EventSource {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly queueArn: string;
  readonly batchSize: number;
  /** `ReportBatchItemFailures`. Without it, the function's response is ignored. */
  readonly reportsFailures: boolean;
  invoke(event: SQSEvent): Promise<unknown>;
  /** Called with the error of a failed invocation. Its messages stay in the queue. */
  onError(error: unknown): void;
}

/** The result for the visible messages. */
export interface Fed {
  readonly batches: number;
  readonly messages: number;
  /** Messages that were not deleted. They are visible again after their visibility timeout. */
  readonly failed: number;
}

/**
 * Sends all visible messages to the function in batches, and deletes those that did not fail. Lambda runs several
 * invocations in parallel; this runs one at a time.
 * @param hiddenSeconds how long failed messages stay hidden from now on, in place of the queue's visibility timeout
 */
export async function feed(source: EventSource, hiddenSeconds?: number): Promise<Fed> {
  let batches = 0;
  let messages = 0;
  const failed: SQSRecord[] = [];
  for (;;) {
    const received = await receive(source);
    if (received.length === 0) break;
    messages += received.length;
    for (const batch of fitting(received)) {
      batches += 1;
      const failures = await failuresOf(batch, source);
      await remove(
        batch.filter((record) => !failures.has(record)),
        source,
      );
      failed.push(...failures);
    }
  }
  if (hiddenSeconds !== undefined) await hide(failed, hiddenSeconds, source);
  return { batches, messages, failed: failed.length };
}

/** The maximum batch size of SQS. */
const atOnce = 10;

async function receive({ sqs, queueUrl, queueArn, batchSize }: EventSource): Promise<SQSRecord[]> {
  const records: SQSRecord[] = [];
  while (records.length < batchSize) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: Math.min(atOnce, batchSize - records.length),
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0) break;
    records.push(...Messages.map((message) => recordOf(message, queueArn)));
  }
  return records;
}

function recordOf(message: Message, queueArn: string): SQSRecord {
  const { MessageId = '', ReceiptHandle = '', Body = '', MD5OfBody = '', MD5OfMessageAttributes } = message;
  const attributes = Object.entries(message.MessageAttributes ?? {});
  return {
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    body: Body,
    attributes: message.Attributes as unknown as SQSRecordAttributes,
    messageAttributes: Object.fromEntries(attributes.map(([name, value]) => [name, attributeOf(value)])),
    ...(MD5OfMessageAttributes && { md5OfMessageAttributes: MD5OfMessageAttributes }),
    md5OfBody: MD5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: queueArn.split(':')[3] ?? '',
  };
}

function attributeOf({
  DataType = '',
  StringValue,
  BinaryValue,
}: MessageAttributeValue): SQSMessageAttribute {
  return {
    ...(StringValue !== undefined && { stringValue: StringValue }),
    ...(BinaryValue !== undefined && { binaryValue: Buffer.from(BinaryValue).toString('base64') }),
    stringListValues: [],
    binaryListValues: [],
    dataType: DataType,
  };
}

/** Lambda's limit for an event is 6 MB; more messages go into another event. */
const eventBytes = 6 * 1024 * 1024;

function fitting(records: readonly SQSRecord[]): SQSRecord[][] {
  const frame = Buffer.byteLength(JSON.stringify({ Records: [] }));
  const batches: SQSRecord[][] = [];
  let room = 0;
  for (const record of records) {
    const bytes = Buffer.byteLength(JSON.stringify(record)) + ','.length;
    if (bytes > room) {
      batches.push([]);
      room = eventBytes - frame;
    }
    batches.at(-1)?.push(record);
    room -= bytes;
  }
  return batches;
}

async function failuresOf(batch: SQSRecord[], source: EventSource): Promise<Set<SQSRecord>> {
  try {
    const answer = await source.invoke({ Records: batch });
    return source.reportsFailures ? namedIn(answer, batch) : new Set();
  } catch (error) {
    source.onError(error);
    return new Set(batch);
  }
}

/**
 * The messages that a response reports as failed. A missing, null or empty list reports none.
 * @throws Error for any other response: Lambda then treats the whole batch as failed
 */
function namedIn(answer: unknown, batch: SQSRecord[]): Set<SQSRecord> {
  const { batchItemFailures } = (answer ?? {}) as { batchItemFailures?: unknown };
  if (typeof (answer ?? {}) !== 'object' || !Array.isArray(batchItemFailures ?? [])) {
    throw new Error('the function answers with no list of batchItemFailures');
  }
  const byId = new Map(batch.map((record) => [record.messageId, record]));
  const failures = ((batchItemFailures ?? []) as ({ itemIdentifier?: unknown } | null)[]).map((failure) => {
    const record = byId.get(failure?.itemIdentifier as string);
    if (record === undefined) throw new Error('batchItemFailures names what is no message of the batch');
    return record;
  });
  return new Set(failures);
}

async function remove(records: readonly SQSRecord[], { sqs, queueUrl }: EventSource): Promise<void> {
  for (const Entries of entries(records)) {
    const { Failed = [] } = await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    if (Failed.length > 0)
      throw new Error(`${Failed.length} messages can't be deleted: ${Failed[0]?.Message}`);
  }
}

async function hide(
  records: readonly SQSRecord[],
  VisibilityTimeout: number,
  { sqs, queueUrl }: EventSource,
): Promise<void> {
  for (const some of entries(records)) {
    const Entries = some.map((entry) => ({ ...entry, VisibilityTimeout }));
    await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries }));
  }
}

function entries(records: readonly SQSRecord[]) {
  const all = records.map(({ receiptHandle: ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle }));
  return Array.from({ length: Math.ceil(all.length / atOnce) }, (_, i) =>
    all.slice(i * atOnce, (i + 1) * atOnce),
  );
}
