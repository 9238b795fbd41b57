import { hash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { partOptions, serveAsPart } from './child.ts';
import { createTables, type Item, type Tables } from './tables.ts';

export interface SinkOptions {
  /** Before each answer; AWS takes a few milliseconds itself. */
  readonly latencyMs: number;
  /** Messages are counted without being read: what drains is not to wait for them. Their bytes are then unknown. */
  readonly skims: boolean;
}

export interface SinkReady {
  readonly endpoint: string;
}

/** What was asked of AWS, and what AWS bills for it. */
export interface Counts {
  /** By service and operation, such as `DynamoDB.UpdateItem`. */
  readonly calls: { [operation: string]: number };
  /** Of all request bodies as they came, by service. */
  readonly wireBytes: { [service: string]: number };
  sqsMessages: number;
  /** Of message bodies. */
  sqsBytes: number;
  /** SQS bills each 64 KiB of a call's messages. */
  sqsChunks: number;
  writeUnits: number;
  readUnits: number;
  /** The size of the largest item. */
  largestItem: number;
  artifacts: number;
  /** The events of further runs. */
  readonly runs: object[];
}

export type SinkAsk =
  | { readonly put: { readonly table: string; readonly items: readonly Item[] } }
  | { readonly clear: true }
  | { readonly counts: true };

const { latencyMs, skims } = partOptions<SinkOptions>();
const none = (): Counts => ({
  calls: {},
  wireBytes: {},
  sqsMessages: 0,
  sqsBytes: 0,
  sqsChunks: 0,
  writeUnits: 0,
  readUnits: 0,
  largestItem: 0,
  artifacts: 0,
  runs: [],
});
let counts = none();
let tables: Tables = createTables();

interface Entry {
  readonly Id: string;
  readonly MessageBody: string;
  readonly MessageAttributes?: { readonly count?: { readonly StringValue: string } };
}

const chunkBytes = 64 * 1024;

function sendMessageBatch({ Entries }: { readonly Entries: readonly Entry[] }): unknown {
  let batchBytes = 0;
  const Successful = Entries.map(({ Id, MessageBody, MessageAttributes }) => {
    batchBytes += Buffer.byteLength(MessageBody);
    counts.artifacts += Number(MessageAttributes?.count?.StringValue ?? 0);
    return { Id, MessageId: Id, MD5OfMessageBody: hash('md5', MessageBody) };
  });
  counts.sqsMessages += Entries.length;
  counts.sqsBytes += batchBytes;
  counts.sqsChunks += Math.ceil(batchBytes / chunkBytes);
  return { Successful };
}

const [bodyMark, countMark] = ['"MessageBody":"', '"count":{"DataType":"Number","StringValue":"'];

/** The same of a body that is not parsed; within a message these marks would have backslashes. */
function skim(body: Buffer): unknown {
  let messages = 0;
  for (let at = body.indexOf(bodyMark); at >= 0; at = body.indexOf(bodyMark, at + 1)) messages += 1;
  for (let at = body.indexOf(countMark); at >= 0; at = body.indexOf(countMark, at + 1))
    counts.artifacts += Number.parseInt(
      body.toString('latin1', at + countMark.length, at + countMark.length + 8),
      10,
    );
  counts.sqsMessages += messages;
  return {
    Successful: Array.from({ length: messages }, (_, i) => ({ Id: String(i), MessageId: String(i) })),
  };
}

function dynamodb(operation: string, input: never): { status: number; body: unknown } {
  const done = tables.call(operation, input);
  counts.writeUnits += done.writeUnits;
  counts.readUnits += done.readUnits;
  counts.largestItem = Math.max(counts.largestItem, done.largestItem);
  return done.refused
    ? { status: 400, body: { __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException' } }
    : { status: 200, body: done.answer };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const services: { readonly [prefix: string]: string } = {
  DynamoDB_20120810: 'DynamoDB',
  AmazonSQS: 'SQS',
  secretsmanager: 'SecretsManager',
};

const server = createServer(async (request, response) => {
  const [prefix = '', operation = ''] = String(request.headers['x-amz-target']).split('.');
  const service = services[prefix] ?? prefix;
  const body = await bodyOf(request);
  if (request.url?.endsWith('/invocations')) {
    counts.runs.push(JSON.parse(body.toString()));
    response.writeHead(202).end();
    return;
  }
  const name = `${service}.${operation}`;
  counts.calls[name] = (counts.calls[name] ?? 0) + 1;
  counts.wireBytes[service] = (counts.wireBytes[service] ?? 0) + body.length;
  const answer = answerTo(service, operation, body);
  if (latencyMs > 0) await sleep(latencyMs);
  const text = JSON.stringify(answer.body);
  response
    .writeHead(answer.status, {
      'content-type': 'application/x-amz-json-1.0',
      'content-length': Buffer.byteLength(text),
    })
    .end(text);
});

function answerTo(service: string, operation: string, body: Buffer): { status: number; body: unknown } {
  if (service === 'SQS' && skims) return { status: 200, body: skim(body) };
  const input = JSON.parse(body.toString());
  if (service === 'DynamoDB') return dynamodb(operation, input as never);
  if (service === 'SQS') return { status: 200, body: sendMessageBatch(input) };
  // As the command line stores it. An instance's host is named after it.
  const host = `${String(input.SecretId).split('/').at(-1)}.bench.sentinelone.net`;
  const SecretString = JSON.stringify({ apiKey: 'a-token', host });
  return { status: 200, body: { Name: input.SecretId, SecretString, VersionId: versionId } };
}

/** As long as Secrets Manager's own: it lies in every cursor item. */
const versionId = '11111111-2222-3333-4444-555555555555';
server.keepAliveTimeout = 75_000;
server.listen(0, '127.0.0.1', () => {
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  serveAsPart<SinkReady, SinkAsk, Counts>({ endpoint }, (message) => {
    if ('put' in message) for (const item of message.put.items) tables.put(message.put.table, item);
    if ('clear' in message) {
      counts = none();
      tables = createTables();
    }
    const answer = counts;
    if ('counts' in message) counts = none();
    return answer;
  });
});
