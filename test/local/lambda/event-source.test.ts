import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Template } from '../../../local/aws/template.ts';
import { type LocalCollector, startCollector } from '../../../local/collector.ts';

/** Prints what it gets, then does what the bodies say. */
const handler = `
import { existsSync } from 'node:fs';
export const handler = async ({ Records }) => {
  const { WHICH, NODE_EXTRA_CA_CERTS } = process.env;
  const records = Records.map(({ body, ...others }) => ({ ...others, body: body.slice(0, 100) }));
  console.log(JSON.stringify({ records, WHICH, trusts: existsSync(NODE_EXTRA_CA_CERTS) }));
  for (const { body } of Records) {
    if (body === 'throws') throw new Error('as it was told');
    if (body.startsWith('answers ')) return JSON.parse(body.slice('answers '.length));
  }
  const failed = Records.filter(({ body }) => body === 'fails');
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
};`;

const code = mkdtempSync(join(tmpdir(), 'event-source-'));
writeFileSync(join(code, 'made-up.mjs'), handler);
writeFileSync(join(code, 'ca.pem'), '');
afterAll(() => rmSync(code, { recursive: true }));

const arn = (id: string) => ({ 'Fn::GetAtt': [id, 'Arn'] });

const table = (...keys: string[]) => ({
  Type: 'AWS::DynamoDB::Table',
  Properties: {
    KeySchema: keys.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
    AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    BillingMode: 'PAY_PER_REQUEST',
  },
});

function template({ mapping = {}, maxReceiveCount = 1000 } = {}): Template {
  const Variables = { WHICH: 'the template', NODE_EXTRA_CA_CERTS: '/var/task/ca.pem' };
  return {
    Resources: {
      Artifacts: {
        Type: 'AWS::SQS::Queue',
        Properties: {
          VisibilityTimeout: 360,
          MaximumMessageSize: 1024 * 1024,
          RedrivePolicy: { deadLetterTargetArn: arn('Dead'), maxReceiveCount },
        },
      },
      Instances: table('instance'),
      Cursors: table('instance', 'stream'),
      Dead: { Type: 'AWS::SQS::Queue', Properties: {} },
      Forward: {
        Type: 'AWS::Lambda::Function',
        Properties: {
          FunctionName: 'Collector-forwarder',
          Handler: 'made-up.handler',
          MemorySize: 128,
          Timeout: 60,
          Environment: { Variables },
        },
      },
      Source: {
        Type: 'AWS::Lambda::EventSourceMapping',
        Properties: {
          FunctionName: { Ref: 'Forward' },
          EventSourceArn: arn('Artifacts'),
          BatchSize: 20,
          FunctionResponseTypes: ['ReportBatchItemFailures'],
          ...mapping,
        },
      },
    },
    Outputs: {
      InstancesTableName: { Value: { Ref: 'Instances' } },
      CursorsTableName: { Value: { Ref: 'Cursors' } },
      ArtifactQueueUrl: { Value: { Ref: 'Artifacts' } },
      ArtifactDeadLetterQueueUrl: { Value: { Ref: 'Dead' } },
    },
  };
}

/** One event, as the function printed it. */
interface Seen {
  readonly records: SQSRecord[];
  readonly WHICH: string;
  readonly trusts: boolean;
}

let collector: LocalCollector | undefined;
afterEach(async () => {
  await collector?.close();
  collector = undefined;
});

async function start(options: Partial<Parameters<typeof startCollector>[0]> = {}) {
  const lines: string[] = [];
  const onLine = (line: string) => lines.push(line);
  const made = await startCollector({ template: template(), code, environment: {}, onLine, ...options });
  collector = made;
  const QueueUrl = made.aws.names.get('Artifacts');
  return {
    ...made,
    lines,
    seen: () => lines.filter((line) => line.startsWith('{')).map((line): Seen => JSON.parse(line)),
    async send(...bodies: string[]) {
      for (const MessageBody of bodies)
        await made.aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    },
  };
}

const many = (count: number, body = 'fine') => Array.from({ length: count }, () => body);

describe('the event source', () => {
  test('gives the function what Lambda gives it', async () => {
    const { aws, forward, seen } = await start();
    const { MessageId, MD5OfMessageBody, MD5OfMessageAttributes } = await aws.sqs.send(
      new SendMessageCommand({
        QueueUrl: aws.names.get('Artifacts'),
        MessageBody: 'fine',
        MessageAttributes: {
          stream: { DataType: 'String', StringValue: 'threats' },
          count: { DataType: 'Number', StringValue: '3' },
          bytes: { DataType: 'Binary', BinaryValue: Uint8Array.of(0, 255) },
        },
      }),
    );
    expect(await forward()).toEqual({ batches: 1, messages: 1, failed: 0 });
    const lists = { stringListValues: [], binaryListValues: [] };
    expect(seen()[0]?.records).toEqual([
      {
        messageId: MessageId,
        receiptHandle: expect.stringMatching(/./),
        body: 'fine',
        attributes: {
          ApproximateReceiveCount: '1',
          ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
          SentTimestamp: expect.stringMatching(/^\d{13}$/),
          SenderId: expect.stringMatching(/./),
        },
        messageAttributes: {
          stream: { dataType: 'String', stringValue: 'threats', ...lists },
          count: { dataType: 'Number', stringValue: '3', ...lists },
          bytes: { dataType: 'Binary', binaryValue: 'AP8=', ...lists },
        },
        md5OfBody: MD5OfMessageBody,
        md5OfMessageAttributes: MD5OfMessageAttributes,
        eventSource: 'aws:sqs',
        eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:Artifacts',
        awsRegion: 'us-east-1',
      },
    ]);
  });

  test('gives all that is visible in batches of the size that the mapping says, and deletes it', async () => {
    const { forward, seen, send, receive } = await start();
    await send(...many(45));
    expect(await forward()).toEqual({ batches: 3, messages: 45, failed: 0 });
    expect(seen().map(({ records }) => records.length)).toEqual([20, 20, 5]);
    expect(await receive()).toEqual([]);
    expect(await forward()).toEqual({ batches: 0, messages: 0, failed: 0 });
  });

  test('splits a batch that is larger than an event may be', async () => {
    const { forward, seen, send } = await start();
    // A quotation mark takes two bytes in JSON: two megabytes of event each.
    await send(...many(4, '"'.repeat(1_000_000)), ...many(3));
    expect(await forward()).toEqual({ batches: 2, messages: 7, failed: 0 });
    expect(seen().map(({ records }) => records.length)).toEqual([3, 4]);
  });

  test('leaves what is named as failed to its visibility timeout', async () => {
    const { forward, send, receive } = await start();
    await send('fine', 'fails', 'fine');
    expect(await forward()).toEqual({ batches: 1, messages: 3, failed: 1 });
    expect(await forward()).toEqual({ batches: 0, messages: 0, failed: 0 });
    expect(await receive()).toEqual([]);
  });

  test('counts how often a message was given, where the visibility timeout is over', async () => {
    const { forward, seen, send } = await start({ visibilityTimeoutSeconds: 0 });
    await send('fails');
    await forward();
    expect(await forward()).toEqual({ batches: 1, messages: 1, failed: 1 });
    const counts = seen().map(({ records: [record] }) => record?.attributes.ApproximateReceiveCount);
    expect(counts).toEqual(['1', '2']);
  });

  describe('reads the answer of the function:', () => {
    let answering: Awaited<ReturnType<typeof start>>;
    beforeAll(async () => {
      answering = await start({ visibilityTimeoutSeconds: 0 });
      collector = undefined;
    });
    afterEach(() => answering.receive());
    afterAll(() => answering.close());

    test.each<unknown>([null, {}, { batchItemFailures: null }, { batchItemFailures: [] }])(
      'deletes the whole batch after %j',
      async (answer) => {
        await answering.send(`answers ${JSON.stringify(answer)}`, 'fine');
        expect(await answering.forward()).toEqual({ batches: 1, messages: 2, failed: 0 });
      },
    );

    const failing = [
      'throws',
      ...[
        'done',
        { batchItemFailures: 'none' },
        { batchItemFailures: [null] },
        { batchItemFailures: [{}] },
        { batchItemFailures: [{ itemIdentifier: null }] },
        { batchItemFailures: [{ itemIdentifier: '' }] },
        { batchItemFailures: [{ itemIdentifier: 'of another batch' }] },
      ].map((answer) => `answers ${JSON.stringify(answer)}`),
    ];

    test.each(failing)('keeps the whole batch where it %s, and says why', async (body) => {
      const errors = () => answering.lines.filter((line) => line.startsWith('ERROR '));
      const before = errors().length;
      await answering.send(body, 'fine');
      expect(await answering.forward()).toEqual({ batches: 1, messages: 2, failed: 2 });
      expect(errors()).toHaveLength(before + 1);
      expect(await answering.receive()).toHaveLength(2);
    });
  });

  test('does not read the answer where the mapping does not say so', async () => {
    const silent = template({ mapping: { FunctionResponseTypes: [] } });
    const { forward, send } = await start({ template: silent });
    await send('fails');
    expect(await forward()).toEqual({ batches: 1, messages: 1, failed: 0 });
  });

  test('sets the function up as the template says, and the forwarder alone as it is told', async () => {
    const usual = await start();
    await usual.send('fine');
    await usual.forward();
    expect(usual.seen()[0]).toMatchObject({ WHICH: 'the template', trusts: true });
    await usual.close();
    const told = await start({
      environment: { WHICH: 'all functions' },
      forwarderEnvironment: { WHICH: 'the forwarder' },
    });
    await told.send('fine');
    await told.forward();
    expect(told.seen()[0]?.WHICH).toBe('the forwarder');
    expect([...told.functions.keys()]).toEqual(['forwarder']);
  });

  test('is missing where the template has no forwarder', async () => {
    const { Source: _, ...Resources } = template().Resources;
    const { forward } = await start({ template: { ...template(), Resources } });
    await expect(forward()).rejects.toThrow('the template has no forwarder');
  });
});

describe('the queues', () => {
  test('have the attributes of the template', async () => {
    const { aws } = await start();
    const { Attributes } = await aws.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: aws.names.get('Artifacts'), AttributeNames: ['All'] }),
    );
    expect(Attributes).toMatchObject({ VisibilityTimeout: '360', MaximumMessageSize: String(1024 * 1024) });
    expect(JSON.parse(Attributes?.RedrivePolicy ?? '')).toEqual({
      deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:Dead',
      maxReceiveCount: 1000,
    });
  });

  test('move what failed too often to the dead-letter queue, and the dead letters can be looked at again and again', async () => {
    const deadLettered = { template: template({ maxReceiveCount: 2 }), visibilityTimeoutSeconds: 0 };
    const { forward, send, deadLetters } = await start(deadLettered);
    await send('fails', ...many(12, 'throws'));
    expect(await forward()).toMatchObject({ messages: 13, failed: 13 });
    expect(await forward()).toMatchObject({ messages: 13, failed: 13 });
    expect(await deadLetters()).toEqual([]);
    expect(await forward()).toEqual({ batches: 0, messages: 0, failed: 0 });
    for (const _ of [1, 2]) {
      const bodies = (await deadLetters()).map(({ Body }) => Body);
      expect(bodies.sort()).toEqual(['fails', ...many(12, 'throws')]);
    }
  });
});
