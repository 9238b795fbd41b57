import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { deploy } from '../../../cli/deploy/deploy.ts';
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
  denied?: boolean;
  refusesKey?: boolean;
}
let account: Account;

const xml = (name: string, body: string) =>
  `<${name}Response><${name}Result>${body}</${name}Result></${name}Response>`;
const refusal = (code: string, message: string) =>
  `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;

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
    default: {
      const resource = (type: string, id: string, status: string) =>
        `<member><ResourceType>${type}</ResourceType><PhysicalResourceId>${id}</PhysicalResourceId><ResourceStatus>${status}</ResourceStatus></member>`;
      const members = [
        resource('AWS::SQS::Queue', 'https://queue', 'DELETE_SKIPPED'),
        resource('AWS::DynamoDB::Table', 'Team-Accepted', 'DELETE_COMPLETE'),
        ...account.tables.map((id) => resource('AWS::DynamoDB::Table', id, 'DELETE_SKIPPED')),
      ];
      return [200, xml('DescribeStackResources', `<StackResources>${members.join('')}</StackResources>`)];
    }
  }
}

function answer(path: string, body: string): Answer {
  if (path === '/') {
    if (!body.startsWith('{')) return query(new URLSearchParams(body));
    if (account.denied) return [400, { __type: 'AccessDeniedException', message: 'jo may not' }];
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
  const [status, body] = answer(request.url ?? '', await text(request));
  const missing = status === 404 && { 'x-amzn-errortype': 'ResourceNotFoundException' };
  const denied = status === 403 && { 'x-amzn-errortype': 'AccessDeniedException' };
  response
    .writeHead(status, { ...missing, ...denied })
    .end(typeof body === 'string' ? body : JSON.stringify(body));
});

beforeAll(async () => {
  writeFileSync(
    cdk,
    `import { writeFileSync } from 'node:fs';
    writeFileSync(${JSON.stringify(typed)}, JSON.stringify(process.argv.slice(2)));
    process.exit(Number(process.env.CDK_ENDS_WITH ?? 0));`,
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
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const service of ['STS', 'SSM', 'CLOUDFORMATION', 'LAMBDA'])
    vi.stubEnv(`AWS_ENDPOINT_URL_${service}`, endpoint);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'x');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'y');
  vi.stubEnv('AWS_REGION', 'eu-west-1');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

async function run(...args: string[]) {
  const lines: string[] = [];
  const code = await deploy(args, { cdk, print: (line) => lines.push(line) });
  return { code, lines, cdkArgs: JSON.parse(readFileSync(typed, 'utf8')) };
}

test('a first deployment is checked, runs, and ends with the next command', async () => {
  expect(await run()).toEqual({
    code: 0,
    lines: [
      'Account 111122223333, region eu-west-1, as arn:aws:iam::111122223333:user/jo',
      'CDK bootstrap: version 29',
      'Stack SentinelOneCollector: new',
      expect.stringMatching(/^Reserved concurrency: 1 for each of 3 functions\. .* the account has 1000\.$/),
      'Next: npm run -s cli -- add NAME --host CONSOLE_HOST',
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
  expect(lines.at(-1)).toBe('Next: npm run -s cli -- status --stack Team');
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
  expect(lines.filter((line) => /not checked \(AccessDenied/.test(line))).toHaveLength(3);
});

test('a first deployment that failed is deployed again, and the tables it left are named', async () => {
  account = { ...account, stack: 'ROLLBACK_COMPLETE', tables: ['Team-Instances', 'Team-Cursors'] };
  const { lines, cdkArgs } = await run();
  expect(cdkArgs[0]).toBe('deploy');
  expect(lines.filter((line) => line.includes(' delete-table '))).toEqual([
    '    aws dynamodb delete-table --table-name Team-Instances',
    '    aws dynamodb delete-table --table-name Team-Cursors',
  ]);
});

test.each<[what: string, Partial<Account>, message: RegExp]>([
  ['without the bootstrap', { bootstrap: undefined }, /^the CDK is not bootstrapped in account 111122223333/],
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

test('without credentials it says so and nothing else', async () => {
  const child = spawn(process.execPath, ['cli/deploy/main.ts'], {
    cwd: join(import.meta.dirname, '..', '..', '..'),
    env: { PATH: process.env.PATH, HOME: folder, AWS_REGION: 'eu-west-1', AWS_EC2_METADATA_DISABLED: 'true' },
  });
  expect(await ended(child)).toEqual({
    code: 1,
    out: '',
    err: 'no AWS credentials found\n→ Set AWS_PROFILE or --profile, or sign in with the AWS CLI (aws sso login, aws configure).\n',
  });
});
