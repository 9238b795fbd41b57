import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LocalAws } from '../../../local/aws/aws.ts';
import { startLambda } from '../../../local/aws/lambda.ts';
import { startLogs } from '../../../local/aws/logs.ts';
import { startRuntimeApi } from '../../../local/lambda/runtime-api.ts';
import { startStandIns } from '../../support/stand-ins.ts';

let aws: LocalAws;
let closeOthers: () => Promise<unknown>;
const endpoints: Record<string, string> = {};

beforeAll(async () => {
  aws = await startStandIns();
  const { sessionToken } = aws.credentials;
  const lambda = await startLambda(new Map(), sessionToken);
  const logs = await startLogs(sessionToken);
  const runtime = await startRuntimeApi(() => undefined);
  Object.assign(endpoints, {
    dynamodb: aws.environment.AWS_ENDPOINT_URL_DYNAMODB,
    sqs: aws.environment.AWS_ENDPOINT_URL_SQS,
    s3: `${aws.environment.AWS_ENDPOINT_URL_S3}/overflow/key`,
    secretsManager: aws.secrets.endpoint,
    lambda: `${lambda.endpoint}/2015-03-31/functions/any/invocations`,
    logs: logs.endpoint,
    runtime: `http://${runtime.address}/2018-06-01/runtime/init/error`,
  });
  closeOthers = () => Promise.all([lambda.close(), logs.close(), runtime.close()]);
});
afterAll(async () => {
  await closeOthers();
  await aws.close();
});

const targets: Readonly<Record<string, string>> = {
  dynamodb: 'DynamoDB_20120810.Scan',
  sqs: 'AmazonSQS.ListQueues',
  secretsManager: 'secretsmanager.GetSecretValue',
  logs: 'Logs_20140328.FilterLogEvents',
};

/** The status that a request gets; 0 if the connection ends before it is read. */
async function asked(
  service: string,
  { method = 'POST', body = '{}', ...headers }: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const sent = request(endpoints[service] ?? '', {
    method,
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': targets[service] ?? 'none',
      'x-amz-security-token': aws.credentials.sessionToken,
      ...headers,
    },
  });
  // A refusal can come before the whole body is sent.
  sent.on('error', () => undefined).end(body);
  try {
    const [response] = await once(sent, 'response');
    response.resume();
    return response.statusCode;
  } catch {
    return 0;
  }
}

const isOurs = (service: string) => ['secretsManager', 'lambda', 'logs'].includes(service);

const all = ['dynamodb', 'sqs', 's3', 'secretsManager', 'lambda', 'logs', 'runtime'];

describe.each(all)('the stand-in for %s', (service) => {
  test('refuses foreign hosts and web pages', async () => {
    const { host, port } = new URL(endpoints[service] ?? '');
    for (const foreign of ['evil.example', `evil.example:${port}`, '127.0.0.1:1'])
      expect(await asked(service, { host: foreign }), foreign).toBe(421);
    for (const origin of ['https://evil.example', 'null', `http://${host}`])
      expect(await asked(service, { origin }), origin).toBe(403);
    expect(await asked(service, { method: 'OPTIONS', origin: 'https://evil.example' })).toBe(403);
  });

  test('refuses callers that do not know the credential of this start', async () => {
    if (service === 'runtime')
      endpoints.stranger = endpoints.runtime?.replace(/:(\d+)\/[^/]+/, ':$1/guessed') ?? '';
    const asStranger = service === 'runtime' ? 'stranger' : service;
    for (const given of ['', 'local', `${aws.credentials.sessionToken}x`])
      expect(await asked(asStranger, { 'x-amz-security-token': given })).toBe(403);
  });

  test('outlives any body, method and path', async () => {
    const huge = 'x'.repeat(20 * 2 ** 20);
    const statuses: Record<string, number> = {};
    for (const body of ['{', 'null', '[]', '"text"', '\u0000', '{"SecretId":{}}', '{"QueueUrl":1}', huge])
      for (const method of ['POST', 'PUT', 'DELETE', 'GET'])
        statuses[`${method} ${body.slice(0, 9)}`] = await asked(service, { method, body });
    if (isOurs(service))
      expect(statuses).toMatchObject({ 'POST {': 400, 'POST null': 400, 'POST []': 400, 'PUT {': 405 });
    if (isOurs(service)) expect([0, 413]).toContain(statuses['POST xxxxxxxxx']);
    for (const target of ['', 'constructor', 'x.constructor', 'x.__proto__', `${targets[service]}x`])
      await asked(service, { 'x-amz-target': target, body: '{}' });
    for (const path of ['//', '/%', '/%E0%A4%A', '/2015-03-31/functions/%/invocations'])
      await raw(service, `POST ${path} HTTP/1.1\r\n`);
    await raw(service, 'no HTTP at all\r\n');
    await aborted(service);
    await works();
  });
});

const head = () =>
  `host: ${new URL(endpoints.sqs ?? '').host}\r\nx-amz-security-token: ${aws.credentials.sessionToken}\r\n`;

/** Sends the first line as it is, and reads until the connection ends. */
async function raw(service: string, line: string): Promise<void> {
  const { port, hostname, host } = new URL(endpoints[service] ?? '');
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.end(
    `${line}${head().replace(/host: .*/, `host: ${host}`)}content-length: 0\r\nconnection: close\r\n\r\n`,
  );
  socket.resume();
  await new Promise((closed) => socket.once('close', closed));
}

/** Leaves in the middle of the body. */
async function aborted(service: string): Promise<void> {
  const sent = request(endpoints[service] ?? '', {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'content-length': '1000',
      'x-amz-target': targets[service] ?? 'none',
      'x-amz-security-token': aws.credentials.sessionToken,
    },
  });
  sent.on('error', () => undefined);
  await new Promise((written) => sent.write('{"a":', written));
  await new Promise((closed) => sent.once('close', closed).destroy());
}

/** Serves those who know the credential. */
async function works(): Promise<void> {
  const Key = { instance: { S: 'none' } };
  await aws.dynamodb.send(new GetItemCommand({ TableName: aws.names.get('Instances'), Key }));
  await aws.sqs.send(new SendMessageCommand({ QueueUrl: aws.names.get('Artifacts'), MessageBody: 'x' }));
  await aws.s3.send(new ListObjectsV2Command({ Bucket: aws.names.get('Overflow') }));
  expect(await asked('secretsManager', { body: '{"SecretId":"none"}' })).toBe(400);
  expect(await asked('lambda', {})).toBe(404);
  expect(await asked('logs', { body: '{"logGroupName":"none"}' })).toBe(200);
}
