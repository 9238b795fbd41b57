import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { deploy } from '../../../cli/deploy/deploy.ts';
import { destroy } from '../../../cli/deploy/destroy.ts';
import { explained } from '../../../cli/errors.ts';
import { ended } from '../../support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'collector-deploy-'));
const cdk = join(folder, 'cdk.mjs');
const typed = join(folder, 'typed.json');

/** What the checks can find in AWS. */
interface Account {
  bootstrap?: string | undefined;
  unreserved: number;
  held: Readonly<Record<string, number>>;
  stack?: string;
  tables: readonly string[];
  /** The deployed template. */
  template?: object;
  logGroups?: readonly string[];
  denied?: boolean;
  refusesKey?: boolean;
}
let account: Account;

const xml = (name: string, body: string) =>
  `<${name}Response><${name}Result>${body}</${name}Result></${name}Response>`;
const refusal = (code: string, message: string) =>
  `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;

/** As the CDK would synthesise it; the fake of the CDK does. */
const table = { Type: 'AWS::DynamoDB::Table', Properties: { KeySchema: ['instance'] } };
const templateWith = (resources: object) => ({ Resources: { Table: table, ...resources } });

type Answer = [status: number, body: string | object];

function query(parameters: URLSearchParams): Answer {
  const name = parameters.get('StackName') ?? '';
  switch (parameters.get('Action')) {
    case 'GetCallerIdentity':
      if (account.refusesKey) return [403, refusal('InvalidClientTokenId', 'The security token is invalid.')];
      return [
        200,
        xml(
          'GetCallerIdentity',
          '<Arn>arn:aws:iam::111122223333:user/jo</Arn><Account>111122223333</Account>',
        ),
      ];
    case 'DescribeStacks':
      if (account.denied) return [403, refusal('AccessDenied', 'jo may not')];
      if (account.stack === undefined)
        return [400, refusal('ValidationError', `Stack with id ${name} does not exist`)];
      return [
        200,
        xml(
          'DescribeStacks',
          `<Stacks><member><StackName>${name}</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>${account.stack}</StackStatus></member></Stacks>`,
        ),
      ];
    case 'GetTemplate': {
      const body = JSON.stringify(account.template ?? templateWith({})).replaceAll('"', '&quot;');
      return [200, xml('GetTemplate', `<TemplateBody>${body}</TemplateBody>`)];
    }
    default: {
      const resource = (type: string, id: string, status: string) =>
        `<member><LogicalResourceId>${type.split(':').at(-1)}</LogicalResourceId><ResourceType>${type}</ResourceType><PhysicalResourceId>${id}</PhysicalResourceId><ResourceStatus>${status}</ResourceStatus></member>`;
      const members = [
        resource('AWS::SQS::Queue', 'https://queue', 'DELETE_SKIPPED'),
        resource('AWS::DynamoDB::Table', 'Team-Instances', 'CREATE_COMPLETE'),
      ];
      return [200, xml('DescribeStackResources', `<StackResources>${members.join('')}</StackResources>`)];
    }
  }
}

function answer(path: string, body: string, target: string): Answer {
  if (path.includes('ListBuckets'))
    return [200, '<ListAllMyBucketsResult><Buckets></Buckets></ListAllMyBucketsResult>'];
  if (path === '/') {
    if (!body.startsWith('{')) return query(new URLSearchParams(body));
    if (account.denied) return [400, { __type: 'AccessDeniedException', message: 'jo may not' }];
    if (target.endsWith('ListTables')) return [200, { TableNames: [...account.tables, 'TeamOther'] }];
    if (target.endsWith('ListQueues')) return [200, {}];
    if (target.endsWith('DescribeLogGroups'))
      return [200, { logGroups: account.logGroups?.map((logGroupName) => ({ logGroupName })) ?? [] }];
    const { Name } = JSON.parse(body);
    return Name === '/cdk-bootstrap/hnb659fds/version' && account.bootstrap !== undefined
      ? [200, { Parameter: { Name, Value: account.bootstrap } }]
      : [400, { __type: 'ParameterNotFound', message: Name }];
  }
  if (account.denied) return [403, { message: 'jo may not' }];
  if (path.includes('/account-settings'))
    return [200, { AccountLimit: { UnreservedConcurrentExecutions: account.unreserved } }];
  const [, name = ''] = /\/functions\/([^/]+)\/concurrency/.exec(path) ?? [];
  if (account.stack === undefined) return [404, { Type: 'User', Message: `Function not found: ${name}` }];
  const held = account.held[name];
  return [200, held === undefined ? {} : { ReservedConcurrentExecutions: held }];
}

const server = createServer(async (request, response) => {
  const [status, body] = answer(
    request.url ?? '',
    await text(request),
    String(request.headers['x-amz-target'] ?? ''),
  );
  const missing = status === 404 && { 'x-amzn-errortype': 'ResourceNotFoundException' };
  const denied = status === 403 && { 'x-amzn-errortype': 'AccessDeniedException' };
  response
    .writeHead(status, { ...missing, ...denied })
    .end(typeof body === 'string' ? body : JSON.stringify(body));
});

beforeAll(async () => {
  writeFileSync(
    cdk,
    `import { appendFileSync, writeFileSync } from 'node:fs';
    const args = process.argv.slice(2);
    appendFileSync(${JSON.stringify(typed)}, JSON.stringify(args) + '\\n');
    const [command] = args;
    if (command === 'synth') {
      const settings = args.filter((_, i) => args[i - 1] === '-c').map((one) => one.split('='));
      const { stackName = 'SentinelOneCollector' } = Object.fromEntries(settings);
      writeFileSync(args[3] + '/' + stackName + '.template.json', ${JSON.stringify(JSON.stringify(templateWith({})))});
    } else process.exit(Number(process.env.CDK_ENDS_WITH ?? 0));`,
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  account = { bootstrap: '29', unreserved: 1000, held: {}, tables: [] };
  rmSync(typed, { force: true });
  lines.length = 0;
  asked.length = 0;
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  vi.stubEnv('AWS_ENDPOINT_URL', endpoint);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'x');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'y');
  vi.stubEnv('AWS_REGION', 'eu-west-1');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const lines: string[] = [];
const asked: string[] = [];
const tools = (yes: boolean) => ({
  cdk,
  print: (line: string) => lines.push(line),
  ask: async (question: string) => {
    asked.push(question);
    return yes;
  },
});
const calls = () =>
  readFileSync(typed, 'utf8')
    .trim()
    .split('\n')
    .map((line): string[] => JSON.parse(line));

/** What is printed and typed; the folder that the CDK synthesises into has a name of its own each time. */
async function run(...args: string[]) {
  const code = await deploy(args, tools(false));
  const cdkArgs = calls().at(-1) ?? [];
  return { code, lines, cdkArgs: cdkArgs[0] === 'deploy' ? cdkArgs.slice(0, -2) : cdkArgs };
}

test('a first deployment is checked, runs, and ends with the next command', async () => {
  expect(await run()).toEqual({
    code: 0,
    lines: [
      'Account 111122223333, region eu-west-1, as arn:aws:iam::111122223333:user/jo',
      'CDK bootstrap: version 29',
      'Stack SentinelOneCollector: new',
      expect.stringMatching(/^Reserved concurrency: 1 for each of 3 functions\. .* the account has 1000\.$/),
      'Changes: 1 added',
      '  DynamoDB::Table: 1 added',
      'Next: ./collector add NAME --host CONSOLE_HOST',
    ],
    cdkArgs: ['deploy', '-c', 'reservedConcurrency=1'],
  });
});

test('a small account reserves nothing', async () => {
  account.unreserved = 10;
  const { lines, cdkArgs } = await run();
  expect(lines[3]).toMatch(/^Reserved concurrency: none, because .* the account has 10\.$/);
  expect(cdkArgs).toEqual(['deploy', '-c', 'reservedConcurrency=false']);
});

test('what the functions of the stack hold counts as available', async () => {
  account = { ...account, stack: 'UPDATE_COMPLETE', unreserved: 100 };
  account.held = { 'Team-threats': 1, 'Team-activities': 1, 'Team-agents': 1 };
  const { lines, cdkArgs } = await run('-c', 'stackName=Team');
  expect(cdkArgs).toEqual(['deploy', '-c', 'stackName=Team', '-c', 'reservedConcurrency=1']);
  expect(lines.at(-1)).toBe('Next: ./collector status --stack Team');
});

test('own arguments reach the CDK, and --yes asks for no approval', async () => {
  const own = [
    '--context=reservedConcurrency=2',
    '-c',
    'secretArns=["a=b"]',
    '--tags',
    'team=security',
    '--yes',
  ];
  const { cdkArgs, lines } = await run(...own, '--region', 'eu-west-1');
  expect(cdkArgs).toEqual([
    'deploy',
    ...own.slice(0, -1),
    '--require-approval',
    'never',
    '--region',
    'eu-west-1',
  ]);
  expect(lines[3]).toBe('Reserved concurrency: 2 for each of 3 functions, as set with -c');
  expect(lines.at(-1)).toMatch(/ --region eu-west-1$/);
});

test('the exit code of the CDK is kept, and there is no next command', async () => {
  vi.stubEnv('CDK_ENDS_WITH', '7');
  const { code, lines } = await run();
  expect(code).toBe(7);
  expect(lines.join()).not.toContain('Next:');
});

test('rights to take on the roles of the CDK are enough', async () => {
  account.denied = true;
  const { code, lines, cdkArgs } = await run();
  expect(code).toBe(0);
  expect(cdkArgs).toEqual(['deploy']);
  expect(lines.filter((line) => /not checked \(AccessDenied/.test(line))).toHaveLength(4);
});

test('a first deployment that failed is deployed again, and the tables it left are named', async () => {
  account = {
    ...account,
    stack: 'ROLLBACK_COMPLETE',
    tables: ['Team-TablesInstances', 'Team-TablesCursors'],
  };
  const { cdkArgs } = await run('-c', 'stackName=Team');
  expect(cdkArgs[0]).toBe('deploy');
  expect(lines.filter((line) => line.includes(' delete-table '))).toEqual([
    '    aws dynamodb delete-table --table-name Team-TablesInstances',
    '    aws dynamodb delete-table --table-name Team-TablesCursors',
  ]);
});

test('an account without the bootstrap gets one where someone says yes', async () => {
  account.bootstrap = undefined;
  expect(await deploy([], tools(true))).toBe(0);
  expect(asked).toEqual([expect.stringMatching(/^Bootstrap it now\?/)]);
  expect(calls().map(([command, place]) => [command, place])).toMatchObject([
    ['bootstrap', 'aws://111122223333/eu-west-1'],
    ['synth', '--quiet'],
    ['deploy', '-c'],
  ]);
});

describe('what changes', () => {
  test('is shown, data-holding resources by name', async () => {
    account = { ...account, stack: 'UPDATE_COMPLETE', template: templateWith({}) };
    await run();
    expect(lines).toContain('Changes: none');
    expect(lines).toContain('Data: all 1 resources that hold data stay unchanged');
  });

  test('in a property of a table is named', async () => {
    const Table = { ...table, Properties: { ...table.Properties, BillingMode: 'PROVISIONED' } };
    account = { ...account, stack: 'UPDATE_COMPLETE', template: templateWith({ Table }) };
    await run();
    expect(lines).toContain('  DynamoDB::Table Team-Instances: changed (BillingMode)');
    expect(asked).toEqual([]);
  });

  test('and leaves data behind is deployed only where someone says yes', async () => {
    const Queue = { Type: 'AWS::SQS::Queue' };
    account = { ...account, stack: 'UPDATE_COMPLETE', template: templateWith({ Queue }) };
    await expect(run()).rejects.toThrow('not deployed: the stack would no longer use https://queue');
    expect(asked).toHaveLength(1);
    expect(calls().map(([command]) => command)).toEqual(['synth']);
    await run('--yes');
    expect(calls().at(-1)?.[0]).toBe('deploy');
  });

  test('of a key of a table is a new table', async () => {
    const Table = { ...table, Properties: { KeySchema: ['other'] } };
    account = { ...account, stack: 'UPDATE_COMPLETE', template: templateWith({ Table }) };
    await expect(run()).rejects.toThrow('would no longer use Team-Instances');
  });
});

describe('npm run destroy', () => {
  test('says what stays, and how to delete it', async () => {
    account = { ...account, stack: 'UPDATE_COMPLETE', tables: ['Team-TablesInstances'] };
    expect(await destroy(['-c', 'stackName=Team'], tools(true))).toBe(0);
    expect(calls()).toEqual([['destroy', '-c', 'stackName=Team', '--force']]);
    expect(lines.join('\n')).toMatch(/tables, both queues and the overflow bucket stay/);
    expect(lines).toContain('  aws dynamodb delete-table --table-name Team-TablesInstances');
  });

  test('does nothing unless someone says yes, or where there is no stack', async () => {
    await expect(destroy(['--yes'], tools(false))).rejects.toThrow('there is no stack SentinelOneCollector');
    account.stack = 'UPDATE_COMPLETE';
    await expect(destroy([], tools(false))).rejects.toThrow('not deleted');
    expect(existsSync(typed)).toBe(false);
  });
});

test.each<[what: string, Partial<Account>, message: RegExp]>([
  ['without the bootstrap', { bootstrap: undefined }, /^the CDK is not bootstrapped in account 111122223333/],
  [
    'with log groups in the way',
    { logGroups: ['/aws/lambda/Team-agents'] },
    /log groups exist: \/aws\/lambda/,
  ],
  ['with a stack that cannot be deleted', { stack: 'DELETE_FAILED' }, /SentinelOneCollector.*DELETE_FAILED/],
])('an account %s is not deployed to', async (_, found, message) => {
  account = { ...account, ...found } as Account;
  await expect(run()).rejects.toThrow(message);
  expect(existsSync(typed)).toBe(false);
});

test('credentials that AWS does not accept end it', async () => {
  account.refusesKey = true;
  const error = await run().catch(explained);
  expect(error).toMatchObject({ message: 'AWS does not accept these credentials' });
  expect(existsSync(typed)).toBe(false);
});

test.each([
  ['', { AWS_EC2_METADATA_DISABLED: 'true' }],
  [
    ', and a metadata service that never answers',
    { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:PORT' },
  ],
])('without credentials%s, it says so and nothing else, after one request at most', async (_, variables) => {
  let requests = 0;
  const silent = createServer(() => {
    requests += 1;
  }).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const own = Object.entries(variables).map(([name, value]) => [name, value.replace('PORT', String(port))]);
  const child = spawn(process.execPath, ['cli/deploy/main.ts', 'deploy'], {
    cwd: join(import.meta.dirname, '..', '..', '..'),
    env: { PATH: process.env.PATH, HOME: folder, AWS_REGION: 'eu-west-1', ...Object.fromEntries(own) },
  });
  const result = await ended(child);
  silent.closeAllConnections();
  silent.close();
  expect(requests).toBeLessThanOrEqual(1);
  expect(result).toEqual({
    code: 1,
    out: '',
    err: 'no AWS credentials found\n→ Set AWS_PROFILE or --profile, or sign in with the AWS CLI (aws sso login, aws configure).\n',
  });
});
