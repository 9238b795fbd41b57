import { SendMessageBatchCommand, type SendMessageBatchCommandInput, SQSClient } from '@aws-sdk/client-sqs';
import { bodyOf } from '../core/packing.ts';
import type { Queue } from '../core/ports.ts';
import { clientConfig } from './aws.ts';

const client = new SQSClient(clientConfig);

/** The artifact queue. The group of a message is its instance: a backlog of one then delays no other. */
export function artifactQueue(QueueUrl: string): Queue {
  return {
    async send(batch, { instance, stream }) {
      const text = (StringValue: string) => ({ DataType: 'String', StringValue });
      const input: SendMessageBatchCommandInput = {
        QueueUrl,
        Entries: batch.map((message, i) => ({
          Id: String(i),
          MessageBody: bodyOf(message),
          MessageGroupId: instance,
          MessageAttributes: {
            instance: text(instance),
            stream: text(stream),
            count: { DataType: 'Number', StringValue: String(message.artifacts.length) },
          },
        })),
      };
      const answer = await client.send(printedBatch(input));
      const accepted = new Set(answer.Successful?.map(({ Id }) => Id));
      const refused = new Map(answer.Failed?.map((failure) => [failure.Id, failure]));
      return batch.flatMap((message, i) => {
        if (accepted.has(String(i))) return [];
        const failure = refused.get(String(i));
        const reason = failure
          ? `${failure.Code}: ${failure.Message ?? ''}`
          : 'it was not mentioned in the answer';
        return [{ message, permanent: failure?.SenderFault ?? false, reason }];
      });
    },
  };
}

/**
 * The command with its body printed by JSON.stringify. The SDK prints in JavaScript, letter by letter, and holds each
 * body against an MD5; a quarter of all work went there. TLS and the signature over the body's SHA-256 vouch for it.
 */
function printedBatch(input: SendMessageBatchCommandInput): SendMessageBatchCommand {
  const command = new SendMessageBatchCommand({ QueueUrl: input.QueueUrl, Entries: [] });
  command.middlewareStack.add(
    (next) => (args) => {
      Object.assign(args.request as object, { body: Buffer.from(JSON.stringify(input)) });
      return next(args);
    },
    { step: 'build', priority: 'high' },
  );
  return command;
}
