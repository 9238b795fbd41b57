import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { activityText, ago } from '../fixtures/records.ts';
import { type Ended, ended, spawnCli } from '../support/cli.ts';
import { readDeployment } from '../support/readme-commands.ts';
import { goodToken, startWorld, type World } from '../support/world.ts';

let world: World;
let server: Server;
let environment: Record<string, string>;
let added: Ended;
let home: string;
const deployment = readDeployment();
/** What SQS was asked for, and the state of its task. */
const asked: [operation: string, input: Record<string, string>][] = [];
const statuses = ['RUNNING', 'COMPLETED'];

/** CloudFormation, and SQS where the stand-in for it knows no task; the rest is the world's. */
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'home-'));
  world = await startWorld({ hosts: { [host]: {} } });
  world.consoles.console(host).put('activities', activityText(ago(1)));
  server = createServer(async (request, response) => {
    const body = await text(request);
    const operation = String(request.headers['x-amz-target'] ?? '').split('.')[1];
    if (operation === undefined) {
      const query = new URLSearchParams(body);
      const [status, answer] =
        query.get('Action') === 'GetCallerIdentity' ? identity : describeStacks(query.get('StackName') ?? '');
      response.writeHead(status, { 'content-type': 'text/xml' }).end(answer);
      return;
    }
    const input = JSON.parse(body);
    asked.push([operation, input]);
    response
      .writeHead(200, { 'content-type': 'application/x-amz-json-1.0' })
      .end(JSON.stringify(sqs(operation, input)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { endpoints } = world.collector;
  environment = {
    AWS_DEFAULT_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'x',
    AWS_SECRET_ACCESS_KEY: 'y',
    AWS_SESSION_TOKEN: world.collector.aws.credentials.sessionToken,
    AWS_ENDPOINT_URL_CLOUDFORMATION: address(),
    AWS_ENDPOINT_URL_SQS: address(),
    AWS_ENDPOINT_URL_STS: address(),
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoints.secretsManager,
    AWS_ENDPOINT_URL_LAMBDA: endpoints.lambda,
    AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: endpoints.logs,
  };
  added = await typed(deployment.at(-1) ?? '', goodToken);
});
afterAll(async () => {
  server.close();
  await world.close();
  await rm(home, { recursive: true });
});

const host = 'usea1-acme.sentinelone.net';

/** A command as it is written, in a shell. */
function typed(line: string, input: string): Promise<Ended> {
  const PATH = [join(process.execPath, '..'), process.env.PATH].join(delimiter);
  const shell = spawn('bash', ['--norc', '-c', line], {
    cwd: root,
    env: { PATH, HOME: home, ...environment },
    stdio: 'pipe',
  });
  shell.stdin.end(input);
  return ended(shell);
}

const root = join(import.meta.dirname, '..', '..');
const address = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const cli = (...args: readonly string[]) => ended(spawnCli(args, environment));

function describeStacks(name: string): [status: number, xml: string] {
  if (name === 'Forbidden') return [403, failure('AccessDenied', 'User: somebody is not authorized (test)')];
  if (name !== 'SentinelOneCollector' && name !== 'Older')
    return [400, failure('ValidationError', `Stack with id ${name} does not exist`)];
  const { ArtifactQueueUrl, ArtifactDeadLetterQueueUrl, OperatorFunctionName, ...others } =
    world.collector.outputs;
  const outputs = {
    ...others,
    ...(name !== 'Older' && { OperatorFunctionName }),
    ArtifactQueueUrl: `${address()}/1/artifacts`,
    ArtifactDeadLetterQueueUrl: `${address()}/1/dead`,
  };
  const members = Object.entries(outputs).map(
    ([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
  );
  return [
    200,
    `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>${name}</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>${members.join('')}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
  ];
}

const callerArn = 'arn:aws:sts::123456789012:assumed-role/Soc/jo@example.com';
const identity: [status: number, xml: string] = [
  200,
  `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>${callerArn}</Arn><UserId>x</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
];

const failure = (code: string, message: string) =>
  `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;

function sqs(operation: string, { QueueUrl = '' }: Record<string, string>): object {
  if (operation === 'GetQueueAttributes')
    return { Attributes: { QueueArn: `arn:aws:sqs:eu-west-1:1:${QueueUrl.split('/').at(-1)}` } };
  if (operation === 'ListMessageMoveTasks')
    return { Results: [{ Status: statuses.shift(), ApproximateNumberOfMessagesMoved: 7 }] };
  return { TaskHandle: 'x' };
}

test('six commands of the README lead from nothing to the first artifact', async () => {
  expect(deployment).toEqual([
    'git clone REPOSITORY sentinelone-collector',
    'cd sentinelone-collector',
    'npm ci',
    'npx cdk bootstrap',
    'npm run deploy',
    expect.stringMatching(/^\.\/collector add acme --host /),
  ]);
  expect(added).toMatchObject({ code: 0, out: expect.stringContaining('Added acme') });
  while ((await world.artifacts()).length === 0) await setTimeout(50);
  expect(await world.artifacts()).toMatchObject([{ metadata: { instance: 'acme', stream: 'activities' } }]);
});

test('everything is found through the outputs of the stack, in the region of the AWS CLI', async () => {
  expect(await cli('test', 'acme')).toMatchObject({ code: 0, err: '' });
  expect((await cli('list')).out).toContain('acme      usea1-acme.sentinelone.net');
  expect((await cli('tail', 'acme', '--no-follow')).code).toBe(0);
});

test('a stack that is not there is named, with its region', async () => {
  expect(await cli('list', '--stack', 'Nowhere')).toMatchObject({
    code: 1,
    err: 'there is no stack Nowhere in eu-west-1\n→ Deploy it (npm run deploy), or choose another with --stack and --region. For a running npm start, use --local.\n',
  });
});

test('a check is logged with the caller that AWS names', async () => {
  world.log.length = 0;
  await cli('test', 'acme');
  const action = { action: 'check', instance: 'acme', host, askedBy: callerArn };
  expect(world.log.filter(({ action }) => action === 'check')).toEqual([
    expect.objectContaining({ ...action, message: `sentinelone: check of acme requested by ${callerArn}` }),
    expect.objectContaining({ ...action, outcome: 'ok' }),
  ]);
});

test('a stack without the operator function is called older, and the other commands still work', async () => {
  for (const args of [
    ['test', 'acme'],
    ['replay', 'acme', '--stream', 'threats', '--from', '2h', '--to', '1h'],
  ])
    expect(await cli(...args, '--stack', 'Older')).toMatchObject({
      code: 1,
      err: 'Older is an older version than this command line\n→ Deploy the stack again: npm run deploy\n',
    });
  expect((await cli('list', '--stack', 'Older')).code).toBe(0);
});

test('an older command line is told so by the poller that it invokes', async () => {
  const poller = world.collector.functions.get('threats');
  for (const event of [{ check: { instance: 'acme' } }, { replay: { instance: 'acme' } }])
    await expect(poller?.invoke(event)).rejects.toThrow(
      'The command line is an older version than the stack: update it',
    );
});

test('a right that is missing is passed on, with where to look', async () => {
  expect(await cli('list', '--stack', 'Forbidden')).toMatchObject({
    code: 1,
    err: 'User: somebody is not authorized (test)\n→ See docs/cli.md for the AWS permissions that each command needs.\n',
  });
});

test('dead letters are moved by a task with its destination named, which is waited for', async () => {
  expect(await cli('dlq', 'redrive')).toMatchObject({
    code: 0,
    out: '7 messages moved back to the artifact queue\n',
  });
  expect(asked.find(([operation]) => operation === 'StartMessageMoveTask')?.[1]).toEqual({
    SourceArn: 'arn:aws:sqs:eu-west-1:1:dead',
    DestinationArn: 'arn:aws:sqs:eu-west-1:1:artifacts',
  });
  expect(statuses).toEqual([]);
});
