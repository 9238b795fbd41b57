import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { variable } from '../../functions/environment.ts';
import { synthesise } from '../../infra/synth.ts';
import { type LocalLambda, startLambda } from '../../local/aws/lambda.ts';
import { resolve, resources, type Template } from '../../local/aws/template.ts';
import type { FunctionProperties } from '../../local/collector.ts';
import { type Consoles, startConsoles } from '../../local/console/consoles.ts';
import { type LocalFunction, startFunction } from '../../local/lambda/function.ts';
import { activityText, ago } from '../fixtures/records.ts';
import { type Moto, program, startMoto } from '../support/aws-tools.ts';
import { type Ended, ended, spawnCli } from '../support/cli.ts';

// The stack's tables, queues, bucket, topic, roles and log groups in moto, an AWS that nobody here wrote: its
// CloudFormation makes them from the template, and the bundle, the command line and the commands of docs/by-hand.md use them.
//
// What moto 5.2 can't do, and no test here shows: composite alarms, saved queries, the event source of the forwarder,
// moves out of the dead-letter queue, and functions, which need Docker. CloudFormation in moto makes no alarms, rules or
// dashboards either. So functions run in processes here, behind a stand-in for Lambda's Invoke, and nothing asks whether
// a role allows a call, a limit is reached or a clock skews. A queue's URL names amazonaws.com in moto, so it is rewritten. `aws logs tail` is part of the AWS CLI from version 2.
// pip install 'moto[server]' awscli
const server = program('moto_server');
const awsCli = program('aws');

const made = new Set(
  ['DynamoDB::Table', 'SQS::Queue', 'SQS::QueuePolicy', 'S3::Bucket', 'S3::BucketPolicy', 'SNS::Topic']
    .concat(['SNS::TopicPolicy', 'KMS::Key', 'IAM::Role', 'Logs::LogGroup'])
    .map((type) => `AWS::${type}`),
);

const token = 'a-good-token';
const account = '123456789012';
const hostOf = (name: string) => `usea1-${name}.sentinelone.net`;
const credentials = { accessKeyId: 'x', secretAccessKey: 'y', sessionToken: 'z' };

describe.skipIf(server === undefined)('in an AWS of another make', () => {
  const folder = mkdtempSync(join(tmpdir(), 'moto-'));
  const functions = new Map<string, LocalFunction>();
  let moto: Moto;
  let lambda: LocalLambda;
  let consoles: Consoles;
  let environment: Record<string, string>;
  let outputs: Record<string, string>;

  beforeAll(async () => {
    const { template, code } = synthesise({}, folder);
    moto = await startMoto(server ?? '');
    consoles = await startConsoles({
      hosts: Object.fromEntries(
        ['acme', 'globex', 'initech'].map((name) => [
          hostOf(name),
          { tokens: [{ token: name }, { token }], rateLimits: false },
        ]),
      ),
    });
    lambda = await startLambda(functions, credentials.sessionToken);
    environment = {
      AWS_ENDPOINT_URL: moto.endpoint,
      AWS_ENDPOINT_URL_LAMBDA: lambda.endpoint,
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken,
      HOME: folder,
    };
    const known = await deploy(template);
    for (const definition of resources<FunctionProperties>(template, 'AWS::Lambda::Function')) {
      if (definition.Handler === 'widget.handler') continue;
      const variables = Object.entries(definition.Environment.Variables);
      const own = Object.fromEntries(variables.map(([name, value]) => [name, resolve(value, known)]));
      const started = await startFunction({
        name: definition.FunctionName,
        code,
        handler: definition.Handler,
        memoryMb: definition.MemorySize,
        timeoutSeconds: definition.Timeout,
        environment: {
          ...own,
          [variable]: own[variable] ?? '',
          AWS_ENDPOINT_URL: moto.endpoint,
          AWS_ENDPOINT_URL_LAMBDA: lambda.endpoint,
          NODE_USE_ENV_PROXY: '1',
          HTTPS_PROXY: consoles.proxyUrl,
          NO_PROXY: '127.0.0.1',
          NODE_EXTRA_CA_CERTS: consoles.caFile,
        },
        onLine: () => undefined,
      });
      functions.set(definition.FunctionName, started);
    }
  });

  afterAll(async () => {
    for (const one of functions.values()) one.stop();
    await lambda?.close();
    moto?.close();
    await consoles?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const client = () => ({ endpoint: moto.endpoint, region: 'us-east-1', credentials });

  /** The part of the stack that moto can make, and what its resources are called there. */
  async function deploy(template: Template) {
    const names = new Map(
      resources<FunctionProperties>(template, 'AWS::Lambda::Function').map(({ logicalId, FunctionName }) => [
        logicalId,
        FunctionName,
      ]),
    );
    const part = {
      Resources: Object.fromEntries(
        Object.entries(template.Resources).filter(([, { Type }]) => made.has(Type)),
      ),
      Outputs: JSON.parse(JSON.stringify(template.Outputs), (_, value) =>
        template.Resources[value?.Ref]?.Type === 'AWS::SQS::Queue'
          ? { 'Fn::Join': ['/', [moto.endpoint, account, { 'Fn::GetAtt': [value.Ref, 'QueueName'] }]] }
          : (names.get(value?.Ref) ?? value),
      ),
    };
    const cloudFormation = new CloudFormationClient(client());
    const StackName = 'SentinelOneCollector';
    const TemplateBody = JSON.stringify(part);
    await cloudFormation.send(
      new CreateStackCommand({ StackName, TemplateBody, Capabilities: ['CAPABILITY_IAM'] }),
    );
    const { Stacks = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
    expect(Stacks[0]?.StackStatus).toBe('CREATE_COMPLETE');
    outputs = Object.fromEntries(
      (Stacks[0]?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
    );
    const { StackResources = [] } = await cloudFormation.send(
      new DescribeStackResourcesCommand({ StackName }),
    );
    for (const { LogicalResourceId = '', PhysicalResourceId = '' } of StackResources)
      names.set(LogicalResourceId, PhysicalResourceId.replace(/^https:\/\/sqs\.[\w.-]+/, moto.endpoint));
    return { names, arns: new Map<string, string>() };
  }

  const tick = (stream: string) =>
    functions.get(`SentinelOneCollector-${stream}`)?.invoke({
      source: 'aws.events',
      'detail-type': 'Scheduled Event',
      time: new Date().toISOString(),
    });
  const collector = (args: readonly string[], input = '') => ended(spawnCli(args, environment, input));

  test('the stack has all outputs that a user relies on', () => {
    for (const value of Object.values(outputs)) expect(value).not.toBe('');
    expect(Object.keys(outputs)).toEqual(
      expect.arrayContaining([
        'InstancesTableName',
        'CursorsTableName',
        'ArtifactQueueUrl',
        'OverflowBucketName',
      ]),
    );
  });

  describe.skipIf(awsCli === undefined)('the commands for the AWS CLI', () => {
    const docs = join(import.meta.dirname, '..', '..', 'docs');
    const pages = ['by-hand.md', 'forwarder.md']
      .map((name) => readFileSync(join(docs, name), 'utf8'))
      .join('\n');
    const blocks = [...pages.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block);
    const helpers = blocks.find((block) => block.includes('output() {')) ?? '';
    const block = (having: string) => {
      const found = blocks.filter((one) => one.includes(having));
      expect(found, having).toHaveLength(1);
      // The next line of a block is another program's.
      return (found[0] ?? '').replace(/^npm run deploy .*$/gm, '');
    };
    // Version 1 of the AWS CLI calls SQS in us-east-1 by an old name, whatever the environment says.
    const here = 'aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }';
    const typed = (having: string, input = ''): Promise<Ended> => {
      const shell = spawn(
        'bash',
        ['--norc', '-c', `set -e -o pipefail\n${here}\n${helpers}\n${block(having)}`],
        {
          env: { ...environment, PATH: [dirname(awsCli ?? ''), process.env.PATH].join(delimiter) },
          stdio: 'pipe',
        },
      );
      shell.stdin?.end(input);
      return ended(shell);
    };

    test('are all tried here, but for two', () => {
      const commands = blocks.flatMap((one) =>
        [...one.matchAll(/\baws [a-z-]+ [a-z-]+/g)].map(([text]) => text),
      );
      expect(new Set(commands)).toEqual(
        new Set([
          ...['aws cloudformation describe-stacks', 'aws secretsmanager create-secret'],
          ...['aws dynamodb put-item', 'aws dynamodb update-item', 'aws dynamodb scan'],
          'aws sqs receive-message',
          ...['aws cloudwatch set-alarm-state', 'aws logs tail'],
        ]),
      );
    });

    test('add an instance, show its status and a message, and change it', async () => {
      consoles.console(hostOf('acme')).put('activities', activityText(ago(1)));
      expect(await typed('--name signal-client/sentinelone/acme', `${token}\n`)).toMatchObject({ code: 0 });
      expect(await typed('aws dynamodb put-item')).toMatchObject({ code: 0, err: '' });
      await tick('activities');
      const status = await typed('aws dynamodb scan');
      expect(status).toMatchObject({ code: 0, out: expect.stringMatching(/acme\tactivities\tok\t.*\t1\t/) });
      const message = await typed('aws sqs receive-message');
      expect(message).toMatchObject({ code: 0, err: '' });
      expect(JSON.parse(message.out).artifacts).toMatchObject([{ metadata: { instance: 'acme' } }]);
      expect(await typed('aws dynamodb update-item')).toMatchObject({ code: 0, err: '' });
      const { out } = await collector(['--json', 'show', 'acme']);
      expect(out).toMatch(/"enabled": ?false/);
    });

    test('store the login for Analytics', async () => {
      const login = '{"email": "a@example.com", "password": "p"}';
      expect(await typed('--name signal-client/analytics', `${login}\n`)).toMatchObject({ code: 0 });
      const secrets = new SecretsManagerClient(client());
      const found = await secrets.send(new GetSecretValueCommand({ SecretId: 'signal-client/analytics' }));
      expect(found.SecretString).toBe(login);
    });
  });

  test('the command line adds, tests, rotates and removes an instance', async () => {
    const added = await collector(['add', 'globex', '--host', hostOf('globex')], token);
    expect(added).toMatchObject({ code: 0, out: expect.stringContaining('Added globex') });
    expect(await collector(['test', 'globex'])).toMatchObject({ code: 0 });
    await tick('threats');
    const status = await collector(['--json', 'status', 'globex']);
    expect(status.out).toContain('globex');
    expect(await collector(['rotate', 'globex'], 'a-wrong-one')).toMatchObject({ code: 1 });
    expect(await collector(['rotate', 'globex'], 'globex')).toMatchObject({ code: 0 });
    const removed = await collector(['remove', 'globex', '--yes', '--delete-secret']);
    expect(removed).toMatchObject({ code: 0 });
    expect((await collector(['list'])).out).not.toContain('globex');
  });

  test('a record that no message can hold is in the bucket, where its artifact says', async () => {
    const record = activityText(ago(1), { padding: 'x'.repeat(1_100_000) });
    consoles.console(hostOf('initech')).put('activities', record);
    expect(await collector(['add', 'initech', '--host', hostOf('initech')], token)).toMatchObject({
      code: 0,
    });
    await tick('activities');
    const { out } = await collector(['--json', 'peek', '--instance', 'initech', '-n', '100']);
    expect(out).toContain('s3://');
    const [, bucket = '', key = ''] = /s3:\/\/([\w.-]+)\/([^"\\]+)/.exec(out) ?? [];
    expect(bucket).toBe(outputs.OverflowBucketName);
    const s3 = new S3Client({ ...client(), forcePathStyle: true });
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    expect(await Body?.transformToString()).toBe(record);
  });
});

test('a build that is to try other makes of AWS has them', () => {
  const found = [server, awsCli, program('cfn-lint')].filter((one) => one !== undefined);
  if (process.env.AWS_TOOLS === 'required') expect(found).toHaveLength(3);
  if (found.length < 3) console.log('moto_server, aws or cfn-lint is not installed: its tests are skipped.');
});
