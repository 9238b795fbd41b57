import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { type FunctionConfiguration, LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { CreateBucketCommand, GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PollerEnvironment, variable } from '../../functions/environment.ts';
import { release } from '../../infra/release.ts';
import { type LocalLambda, startLambda } from '../../local/aws/lambda.ts';
import { type Consoles, startConsoles } from '../../local/console/consoles.ts';
import { type LocalFunction, startFunction } from '../../local/lambda/function.ts';
import { activityText, ago } from '../fixtures/records.ts';
import { type Moto, program, startMoto } from '../support/aws-tools.ts';
import { ended } from '../support/cli.ts';

// The files of a release, deployed by its own script into moto, and the functions that result.
//
// moto 5.2 makes no alarms from a template, so they and the dashboard, which names them, are left out of what it gets.
const server = program('moto_server');
const awsCli = program('aws');
const python = program('python3');
const cfnLint = program('cfn-lint');

const folder = mkdtempSync(join(tmpdir(), 'release-'));
const files = join(folder, 'release');
const bucket = 'bucket-of-the-operator';
const host = 'usea1-acme.sentinelone.net';
const token = 'a-good-token';
const credentials = { accessKeyId: 'x', secretAccessKey: 'y', sessionToken: 'z' };

const read = (file: string) => readFileSync(join(files, file), 'utf8');
const sumOf = (file: string) =>
  createHash('sha256')
    .update(readFileSync(join(files, file)))
    .digest('hex');

beforeAll(() => release(files));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a release', () => {
  test('has templates, code, licenses, bill of materials, script and the checksums of all of them', () => {
    const names = readdirSync(files).sort();
    expect(names).toEqual([
      'SHA256SUMS',
      'THIRD-PARTY.txt',
      expect.stringMatching(/^collector-\d+\.\d+\.\d+\.tgz$/),
      'collector-with-forwarder.template.json',
      'collector.template.json',
      'deploy.sh',
      'sbom.cdx.json',
      expect.stringMatching(/^sentinelone-collector-\d+\.\d+\.\d+\.zip$/),
    ]);
    const sums = names.filter((name) => name !== 'SHA256SUMS').map((name) => `${sumOf(name)}  ${name}\n`);
    expect(read('SHA256SUMS')).toBe(sums.join(''));
  });

  test('is the same bytes each time', () => {
    const before = read('SHA256SUMS');
    release(files);
    expect(read('SHA256SUMS')).toBe(before);
  });

  test('names nothing that stood for a parameter, and needs no bootstrap', () => {
    for (const file of ['collector.template.json', 'collector-with-forwarder.template.json']) {
      const { Parameters, Resources, Outputs } = JSON.parse(read(file));
      // Logical ids are names of the template's own.
      const values = JSON.stringify([Object.values(Resources), Outputs]);
      expect(values).not.toMatch(
        /OfTheRelease|of-the-release|release\.example|cdk-hnb659fds|BootstrapVersion/,
      );
      const used = new Set([...values.matchAll(/"Ref":"(\w+)"/g)].map(([, name]) => name));
      const conditions = new Set(['AlarmEmail', 'PermissionsBoundaryArn']);
      for (const name of Object.keys(Parameters))
        expect(used.has(name) || conditions.has(name), name).toBe(true);
    }
  });

  test('lists the packages of its code in CycloneDX, each with its hash, as THIRD-PARTY.txt does', () => {
    const { bomFormat, components } = JSON.parse(read('sbom.cdx.json'));
    expect(bomFormat).toBe('CycloneDX');
    expect(components.length).toBeGreaterThan(20);
    for (const { name, version, purl, hashes } of components) {
      expect(read('THIRD-PARTY.txt')).toContain(`${name} ${version}`);
      expect(purl).toMatch(/^pkg:npm\/(%40[\w.-]+\/)?[\w.-]+@\d/);
      expect(hashes[0].content).toMatch(/^[0-9a-f]{128}$/);
    }
  });

  test.skipIf(cfnLint === undefined)('has nothing that cfn-lint finds', async () => {
    const templates = readdirSync(files).filter((name) => name.endsWith('.template.json'));
    const { stdout } = await promisify(execFile)(cfnLint ?? '', ['--', ...templates], { cwd: files });
    expect(stdout).toBe('');
  });
});

const isMissing = server === undefined || awsCli === undefined || python === undefined;

describe.skipIf(isMissing)('a release that its script deploys', () => {
  const functions = new Map<string, LocalFunction>();
  let moto: Moto;
  let lambda: LocalLambda;
  let consoles: Consoles;
  let environment: Record<string, string>;
  let deployed: FunctionConfiguration[];
  /** What the stack tells a poller. */
  let told: PollerEnvironment;

  const client = () => ({ endpoint: moto.endpoint, region: 'us-east-1', credentials });

  beforeAll(async () => {
    moto = await startMoto(server ?? '');
    consoles = await startConsoles({ hosts: { [host]: { tokens: [{ token }], rateLimits: false } } });
    lambda = await startLambda(functions, credentials.sessionToken);
    environment = {
      AWS_ENDPOINT_URL: moto.endpoint,
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken,
      HOME: folder,
    };
    const s3 = new S3Client({ ...client(), forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    await deploy('AlarmEmail=soc@example.com', 'LogRetentionDays=30', 'RolePath=/security/');
    const { Functions = [] } = await new LambdaClient(client()).send(new ListFunctionsCommand({}));
    deployed = Functions;
    const code = await unpacked(s3);
    for (const { FunctionName = '', Handler = '', MemorySize = 0, Timeout = 0, Environment } of deployed) {
      if (Handler === 'widget.handler') continue;
      const own = Object.fromEntries(
        Object.entries(Environment?.Variables ?? {}).map(([name, value]) => [name, here(value)]),
      );
      if (Handler === 'poller.handler') told = JSON.parse(own[variable] ?? '{}');
      const started = await startFunction({
        name: FunctionName,
        code,
        handler: Handler,
        memoryMb: MemorySize,
        timeoutSeconds: Timeout,
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
      functions.set(FunctionName, started);
    }
  });
  afterAll(async () => {
    for (const one of functions.values()) one.stop();
    await lambda?.close();
    moto?.close();
    await consoles?.close();
  });

  /** A queue's URL names amazonaws.com in moto. */
  const here = (value: string) => value.replace(/https:\/\/sqs\.[\w.-]+/, moto.endpoint);

  async function deploy(...parameters: string[]) {
    const copy = mkdtempSync(join(folder, 'copy-'));
    for (const name of readdirSync(files)) writeFileSync(join(copy, name), readFileSync(join(files, name)));
    const template = JSON.parse(read('collector.template.json'));
    for (const [id, { Type }] of Object.entries<{ Type: string }>(template.Resources))
      if (Type.startsWith('AWS::CloudWatch::')) delete template.Resources[id];
    const text = JSON.stringify(template);
    writeFileSync(join(copy, 'collector.template.json'), text);
    const sum = createHash('sha256').update(text).digest('hex');
    const sums = read('SHA256SUMS').replace(sumOf('collector.template.json'), sum);
    writeFileSync(join(copy, 'SHA256SUMS'), sums);
    const shell = spawn('sh', [join(copy, 'deploy.sh'), bucket, 'Team', ...parameters], {
      env: {
        ...environment,
        // By this name moto knows the address of a template as its own.
        AWS_ENDPOINT_URL: moto.endpoint.replace('127.0.0.1', 'localhost'),
        PATH: [dirname(awsCli ?? ''), process.env.PATH].join(delimiter),
      },
    });
    const { code, err } = await ended(shell);
    expect(code, err).toBe(0);
  }

  /** The code as Lambda would unpack it. */
  async function unpacked(s3: S3Client): Promise<string> {
    const [name = ''] = readdirSync(files).filter((file) => file.endsWith('.zip'));
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: name }));
    const archive = join(folder, name);
    writeFileSync(archive, (await Body?.transformToByteArray()) ?? '');
    const code = join(folder, 'code');
    mkdirSync(code);
    await promisify(execFile)(python ?? '', ['-m', 'zipfile', '-e', archive, code]);
    return code;
  }

  test('is a stack, whose template has the outputs that the command line needs', async () => {
    const { Stacks = [] } = await new CloudFormationClient(client()).send(
      new DescribeStacksCommand({ StackName: 'Team' }),
    );
    expect(Stacks[0]?.StackStatus).toBe('CREATE_COMPLETE');
    // moto forgets the outputs of a stack that a change set made.
    const { Outputs } = JSON.parse(read('collector.template.json'));
    expect(Object.keys(Outputs)).toEqual(
      expect.arrayContaining(['InstancesTableName', 'OperatorFunctionName', 'HealthRules', 'Version']),
    );
  });

  test('has functions that are named after the stack', () => {
    expect(deployed.map(({ FunctionName }) => FunctionName).sort()).toEqual(
      ['activities', 'agents', 'operator', 'threats', 'tiles'].map((name) => `Team-${name}`),
    );
    for (const { Role } of deployed) expect(Role).toContain(':role/security/');
  });

  test('has functions that work: an instance is checked and polled, and its records are in the queue', async () => {
    consoles.console(host).put('activities', activityText(ago(1)));
    await new SecretsManagerClient(client()).send(
      new CreateSecretCommand({
        Name: 'signal-client/sentinelone/acme',
        SecretString: JSON.stringify({ apiKey: token, host }),
      }),
    );
    await new DynamoDBClient(client()).send(
      new PutItemCommand({
        TableName: told.instancesTable,
        Item: { instance: { S: 'acme' }, host: { S: host } },
      }),
    );
    const check = { action: 'check', of: 'acme', askedBy: 'this test' };
    expect(await functions.get('Team-operator')?.invoke(check)).toMatchObject({ good: true });
    const tick = { source: 'aws.events', 'detail-type': 'Scheduled Event', time: new Date().toISOString() };
    await functions.get('Team-activities')?.invoke(tick);
    const { Messages = [] } = await new SQSClient(client()).send(
      new ReceiveMessageCommand({ QueueUrl: told.artifactQueueUrl }),
    );
    expect(JSON.parse(Messages[0]?.Body ?? '{}').artifacts).toMatchObject([
      { metadata: { instance: 'acme', stream: 'activities' } },
    ]);
  });

  test('stops where a file was changed on its way', async () => {
    const copy = mkdtempSync(join(folder, 'changed-'));
    for (const name of readdirSync(files)) writeFileSync(join(copy, name), readFileSync(join(files, name)));
    writeFileSync(join(copy, 'collector.template.json'), '{}');
    const shell = spawn('sh', [join(copy, 'deploy.sh'), bucket], { env: { PATH: process.env.PATH } });
    expect((await ended(shell)).code).not.toBe(0);
  });
});
