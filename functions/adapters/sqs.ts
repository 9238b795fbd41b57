import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { QueueUnusableError } from '../deliver/errors.ts';
import type { Queue } from '../deliver/ports.ts';
import type { DeadLetter, DeadLetterResult, DeadLetters } from '../forward/ports.ts';
import { clientConfig } from './aws.ts';
import { withBatchBody } from './batch-body.ts';
import { faultOf } from './sqs-codes.ts';

const client = new SQSClient(clientConfig);

/** The artifact queue. The group of a message is its instance: a backlog of one then delays no other. */
export function artifactQueue(QueueUrl: string): Queue {
  return {
    async send(batch, { instance, stream }) {
      const entries = batch.map((message, i) => ({
        Id: String(i),
        MessageGroupId: instance,
        MessageAttributes: {
          instance: text(instance),
          stream: text(stream),
          count: { DataType: 'Number', StringValue: String(message.artifacts.length) },
        },
      }));
      const answer = await withBatchBody(QueueUrl, entries, batch, (body) =>
        client.send(printed(QueueUrl, body)),
      ).catch((error: unknown) => {
        if (error instanceof Error) refuseQueue(error.name, error.message);
        throw error;
      });
      for (const { Code, Message } of answer.Failed ?? []) refuseQueue(Code, Message);
      const accepted = new Set(answer.Successful?.map(({ Id }) => Id));
      const refused = new Map(answer.Failed?.map((failure) => [failure.Id, failure]));
      return batch.flatMap((message, i) => {
        if (accepted.has(String(i))) return [];
        const failure = refused.get(String(i));
        const reason = failure ? `${failure.Code}: ${failure.Message ?? ''}` : 'no result in the response';
        return [{ message, permanent: faultOf(failure?.Code).at === 'message', reason }];
      });
    },
  };
}

/** Throws if the code says that the queue takes no message at all. */
function refuseQueue(code: string | undefined, words = ''): void {
  const fault = faultOf(code);
  if (fault.at === 'queue') throw new QueueUnusableError(`${code}: ${words}`, fault.remedy);
}

const text = (StringValue: string) => ({ DataType: 'String', StringValue });

/** SQS: one message, and one batch in all, attributes included. */
const largestBatch = 1024 * 1024;
const batchEntries = 10;
/** Names and types of three attributes with `instance` (64 at most) and `stream`, rounded up. */
const attributeBytes = 200;
const longestReason = 500;

/** The dead-letter queue, for messages that the forwarder sends there with the attribute `reason`. */
export function deadLetterQueue(QueueUrl: string): DeadLetters {
  const sendBatch = async (batch: readonly DeadLetter[]): Promise<DeadLetterResult[]> => {
    const Entries = batch.map((message, i) => ({ Id: String(i), ...entryOf(message) }));
    const { Successful = [], Failed = [] } = await client.send(
      new SendMessageBatchCommand({ QueueUrl, Entries }),
    );
    return Entries.map(({ Id }) => {
      if (Successful.some((entry) => entry.Id === Id)) return { taken: true };
      const failure = Failed.find((entry) => entry.Id === Id);
      const reason = failure ? `${failure.Code}: ${failure.Message ?? ''}` : 'no result in the response';
      return { taken: false, reason };
    });
  };
  return {
    async send(messages) {
      const results: DeadLetterResult[] = [];
      for (const batch of batches(messages)) {
        const failed = (error: unknown) =>
          batch.map(() => ({ taken: false, reason: String(error) }) as const);
        results.push(...(await sendBatch(batch).catch(failed)));
      }
      return results;
    },
  };
}

function entryOf({ body, reason, instance, stream }: DeadLetter) {
  const room = largestBatch - Buffer.byteLength(body) - attributeBytes;
  // One byte a character, and nothing that SQS refuses.
  const words = reason.replace(/[^\x20-\x7e]/g, '?').slice(0, Math.min(longestReason, Math.max(0, room)));
  const attributes = { reason: words, instance, stream };
  const kept = Object.entries(attributes).flatMap(([name, value]) => (value ? [[name, text(value)]] : []));
  return { MessageBody: body, ...(room > 0 && { MessageAttributes: Object.fromEntries(kept) }) };
}

function batches(messages: readonly DeadLetter[]): DeadLetter[][] {
  const found: DeadLetter[][] = [];
  let room = 0;
  for (const message of messages) {
    const bytes = Buffer.byteLength(message.body) + attributeBytes + longestReason;
    const last = found.at(-1);
    if (last !== undefined && last.length < batchEntries && bytes <= room) {
      last.push(message);
      room -= bytes;
    } else {
      found.push([message]);
      room = largestBatch - bytes;
    }
  }
  return found;
}

/**
 * A SendMessageBatchCommand whose body is printed here. The SDK prints in JavaScript, letter by letter, and holds each body
 * against an MD5: a quarter of all work went there. TLS and the signature over the body's SHA-256 vouch for it.
 */
function printed(QueueUrl: string, body: Uint8Array): SendMessageBatchCommand {
  const command = new SendMessageBatchCommand({ QueueUrl, Entries: [] });
  command.middlewareStack.add(
    (next) => (args) => {
      Object.assign(args.request as object, { body });
      return next(args);
    },
    { step: 'build', priority: 'high' },
  );
  return command;
}
