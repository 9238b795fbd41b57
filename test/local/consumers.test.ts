import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type LocalAws, startAws } from '../../local/aws/aws.ts';
import { type LocalFunction, startFunction } from '../../local/lambda/function.ts';
import { artifacts, type FixtureArtifact, idOf } from '../fixtures/artifacts.ts';

const root = join(import.meta.dirname, '..', '..');

const template = {
  Resources: {
    Seen: {
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        BillingMode: 'PAY_PER_REQUEST',
      },
    },
    Archive: { Type: 'AWS::S3::Bucket', Properties: {} },
  },
  Outputs: {},
};

let aws: LocalAws;
let folder: string;
let running: LocalFunction | undefined;
const lines: string[] = [];

beforeAll(async () => {
  aws = await startAws(template);
  folder = await mkdtemp(join(tmpdir(), 'consumers-'));
});
afterEach(() => running?.stop());
afterAll(async () => {
  await aws.close();
  await rm(folder, { recursive: true, force: true });
});

/** The example below a heading, as it stands in the documentation, in Lambda's runtime. */
async function startExample(heading: string): Promise<LocalFunction> {
  const page = await readFile(join(root, 'docs', 'consumers.md'), 'utf8');
  const section = page.slice(page.indexOf(`\n## ${heading}\n`));
  const source = /```js\n([\s\S]*?)```/.exec(section)?.[1] ?? '';
  const code = join(folder, heading.replaceAll(' ', '-'));
  // Lambda's runtime has the AWS SDK; a folder of its own does not.
  await build({
    stdin: { contents: source, resolveDir: root, loader: 'js' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    outfile: join(code, 'index.mjs'),
    logLevel: 'silent',
  });
  lines.length = 0;
  running = await startFunction({
    name: 'consumer',
    code,
    handler: 'index.handler',
    memoryMb: 256,
    timeoutSeconds: 60,
    environment: {
      ...aws.environment,
      SEEN_TABLE: aws.names.get('Seen') ?? '',
      ARCHIVE_BUCKET: aws.names.get('Archive') ?? '',
    },
    onLine: (line) => lines.push(line),
  });
  return running;
}

const sentAt = Date.parse('2026-03-04T05:06:07Z');
const record = (messageId: string, body: string) => ({
  messageId,
  body,
  attributes: { SentTimestamp: String(sentAt), ApproximateReceiveCount: '1' },
});
const message = (messageId: string, list: readonly FixtureArtifact[]) =>
  record(messageId, JSON.stringify({ artifacts: list }));

test('the Lambda example uses each artifact once, and gives back only the message that fails', async () => {
  const consumer = await startExample('A Lambda function of your own');
  const [a, b, c] = artifacts(3) as [FixtureArtifact, FixtureArtifact, FixtureArtifact];
  const first = { Records: [message('1', [a, b]), record('2', 'no message'), message('3', [b, c])] };
  expect(await consumer.invoke(first)).toEqual({ batchItemFailures: [{ itemIdentifier: '2' }] });
  expect(await consumer.invoke({ Records: [message('4', [c, a])] })).toEqual({ batchItemFailures: [] });
  const used = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line).id);
  expect(used.toSorted()).toEqual([a, b, c].map(idOf).toSorted());
});

test('the archive example keeps what came, and a message that comes twice once', async () => {
  const archive = await startExample('An archive in S3');
  const list = artifacts(4);
  const all = { Records: [message('1', list.slice(0, 3)), record('2', 'no message'), message('3', list)] };
  expect(await archive.invoke(all)).toEqual({ batchItemFailures: [{ itemIdentifier: '2' }] });
  expect(await archive.invoke({ Records: [message('1', list.slice(0, 3))] })).toEqual({
    batchItemFailures: [],
  });
  const Bucket = aws.names.get('Archive') ?? '';
  const { Contents = [] } = await aws.s3.send(new ListObjectsV2Command({ Bucket }));
  expect(Contents.map(({ Key }) => Key)).toEqual([
    'sentinelone/2026-03-04/1.ndjson.gz',
    'sentinelone/2026-03-04/3.ndjson.gz',
  ]);
  const { Body } = await aws.s3.send(new GetObjectCommand({ Bucket, Key: Contents[1]?.Key }));
  const kept = gunzipSync((await Body?.transformToByteArray()) ?? new Uint8Array()).toString();
  expect(
    kept
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual(list);
});
