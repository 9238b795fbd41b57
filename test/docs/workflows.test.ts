import { execFile } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { allows, type Statement } from '../support/policy.ts';

const root = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);
const workflows = globSync('.github/workflows/*.yml', { cwd: root }).map((path): [string, string] => [
  path,
  readFileSync(join(root, path), 'utf8'),
]);

describe.each(workflows)('%s', (path, text) => {
  test('pins every action by commit, and says which version that is', () => {
    const uses = [...text.matchAll(/uses: (.*)/g)].map(([, one]) => one);
    expect(uses.length).toBeGreaterThan(0);
    for (const one of uses) expect(one).toMatch(/^[\w.-]+\/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test('may read the sources, and no more unless a job says what for', () => {
    expect(text).toMatch(/^permissions:\n {2}contents: read$/m);
    const more = [...text.matchAll(/^ {6}([\w-]+): write$/gm)].map(([, one]) => one);
    expect(more).toEqual(
      { 'deploy.yml': ['id-token'], 'release.yml': ['contents', 'id-token', 'attestations'] }[
        path.split('/').at(-1) ?? ''
      ] ?? [],
    );
    expect(text.split('persist-credentials: false')).toHaveLength(text.split('actions/checkout@').length);
  });

  test('installs packages, and runs what they bring, only where a job may do nothing', () => {
    const jobs = text.slice(text.indexOf('\njobs:\n')).split(/^ {2}(?=[\w-]+:\n)/m);
    for (const job of jobs.filter((one) => /^ {6}[\w-]+: write$/m.test(one))) {
      const commands = [...job.matchAll(/^ +(?:- )?run: (?:\|\n((?: {10}.*\n)+)|(.*\n))/gm)]
        .flatMap(([, many, one]) => (many ?? one ?? '').trim().split('\n'))
        .map((line) => line.trim());
      expect(commands.length).toBeGreaterThan(0);
      for (const command of commands)
        expect(command).toMatch(
          /^(npm ci --ignore-scripts$|node_modules\/\.bin\/cdk |gh release |tar |mkdir )/,
        );
      for (const [, folder] of job.matchAll(/npm ci.*\n +working-directory: (.*)/g))
        expect(folder).toBe('.ci/cdk');
      expect(job.split('npm ci')).toHaveLength(job.split(/npm ci.*\n +working-directory: /).length);
      // What it deploys or signs was made by another job.
      expect(job).toContain('needs: build');
      expect(job).toContain('actions/download-artifact@');
    }
  });

  test('knows no stored secret, and puts nothing that somebody wrote into a script', () => {
    expect(text).not.toMatch(/secrets\./);
    const scripts = [...text.matchAll(/run: (?:\|\n((?: {10}.*\n)+)|(.*))/g)].map(
      ([, many, one]) => many ?? one,
    );
    for (const script of scripts) expect(script).not.toContain('${{');
  });
});

test('the actions are the versions that run on Node 24', () => {
  const uses = workflows.flatMap(([, text]) => [...text.matchAll(/uses: ([^@]+)@\w+ # v(\d+)/g)]);
  const majors = new Map(uses.map(([, action = '', major]) => [action, Number(major)]));
  // The first major version of each that does; attest-build-provenance uses actions/attest, which does since this one.
  const first: Readonly<Record<string, number>> = {
    'actions/checkout': 5,
    'actions/setup-node': 5,
    'actions/setup-python': 6,
    'actions/upload-artifact': 6,
    'actions/download-artifact': 7,
    'actions/attest-build-provenance': 3,
    'aws-actions/configure-aws-credentials': 6,
  };
  for (const [action, major] of majors)
    expect(major, action).toBeGreaterThanOrEqual(first[action] ?? Infinity);
});

describe('what is installed', () => {
  const read = (...path: string[]) => JSON.parse(readFileSync(join(root, ...path), 'utf8'));

  test('runs no script, and each package that has one is known', () => {
    expect(readFileSync(join(root, '.npmrc'), 'utf8')).toMatch(/^ignore-scripts=true$/m);
    const packages: Record<string, { hasInstallScript?: true }> = read('package-lock.json').packages;
    const scripted = Object.keys(packages).filter((path) => packages[path]?.hasInstallScript);
    const known = scripted.map((path) => [path.replace(/^.*node_modules\//, ''), false]);
    expect(read('package.json').allowScripts).toEqual(Object.fromEntries(known));
  });

  test('to deploy is the CDK of package-lock.json, and nothing else', () => {
    const { '': own, ...installed } = read('.ci', 'cdk', 'package-lock.json').packages;
    expect(own.dependencies).toEqual(read('.ci', 'cdk', 'package.json').dependencies);
    const path = 'node_modules/aws-cdk';
    const { version, integrity } = read('package-lock.json').packages[path];
    expect(installed).toEqual({ [path]: expect.objectContaining({ version, integrity }) });
  });
});

describe('the trust that the documentation grants', () => {
  const page = readFileSync(join(root, 'docs', 'operations.md'), 'utf8');
  const [, written = '{}'] = /--assume-role-policy-document '([^']+token\.actions[^']+)'/.exec(page) ?? [];
  const issuer = 'token.actions.githubusercontent.com';
  const ids = { OWNER: 'witfoo', REPOSITORY: 'collector', OWNER_ID: '6154722', REPOSITORY_ID: '1300192' };
  // As an operator fills it in.
  const policy = written.replace(/\b(OWNER|REPOSITORY)(_ID)?\b/g, (name) => ids[name as keyof typeof ids]);
  const [{ Effect, Action, Condition }] = JSON.parse(policy).Statement;
  const statement: Statement = {
    effect: Effect,
    actions: [Action],
    resources: ['*'],
    conditions: Object.entries<Record<string, string | string[]>>(Condition).flatMap(([operator, keys]) =>
      Object.entries(keys).map(([key, values]) => ({ operator, key, values: [values].flat() })),
    ),
  };
  const isTrusted = (sub: string, aud = 'sts.amazonaws.com') =>
    allows([statement], {
      action: 'sts:AssumeRoleWithWebIdentity',
      resource: '*',
      context: { [`${issuer}:sub`]: [sub], [`${issuer}:aud`]: [aud] },
    });
  const named = 'repo:witfoo/collector';
  const numbered = 'repo:witfoo@6154722/collector@1300192';

  test.each([named, numbered])(
    'is to both forms of the name that GitHub gives a repository: %s',
    (repository) => {
      expect(isTrusted(`${repository}:environment:production`)).toBe(true);
      expect(isTrusted(`${repository}:environment:production`, 'https://github.com/witfoo')).toBe(false);
      expect(isTrusted(`${repository}:environment:production`.toUpperCase())).toBe(false);
    },
  );

  test.each([
    `${named}:environment:staging`,
    `${named}:ref:refs/heads/main`,
    `${numbered}:pull_request`,
    // Someone else who has the name now has other ids.
    'repo:witfoo@99/collector@1300192:environment:production',
    'repo:witfoo@6154722/collector@99:environment:production',
    'repo:witfoo@6154722/collector:environment:production',
    'repo:witfoo/collector-fork:environment:production',
    'repo:stranger/collector:environment:production',
  ])('is to no one else: %s', (sub) => {
    expect(isTrusted(sub)).toBe(false);
  });

  test('comes with the command that shows the ids, under the names that the policy has', () => {
    const [, query = ''] = /^gh api repos\/OWNER\/REPOSITORY --jq '(.*)'$/m.exec(page) ?? [];
    expect(query).toBe('"OWNER_ID=\\(.owner.id) REPOSITORY_ID=\\(.id)"');
    expect(written).toContain('repo:OWNER@OWNER_ID/REPOSITORY@REPOSITORY_ID:');
  });

  test('is what the deploying job gets from GitHub: the name of its environment', () => {
    const deploy = workflows.find(([path]) => path.endsWith('deploy.yml'))?.[1] ?? '';
    const [, job = ''] = /^ {2}deploy:\n((?: {4}.*\n|\n)+)/m.exec(deploy) ?? [];
    expect(job).toContain('id-token: write');
    expect(job).toMatch(/^ {4}environment: /m);
  });
});

describe('.ci/diff', () => {
  const folder = mkdtempSync(join(tmpdir(), 'diff-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('says so where there is no tagged version, and is content', async () => {
    cpSync(join(root, '.ci', 'diff'), join(folder, '.ci', 'diff'));
    await run('git', ['init', '--quiet'], { cwd: folder });
    const { stdout } = await run(join(folder, '.ci', 'diff'));
    expect(stdout).toBe('There is no tagged version yet, so nothing to compare with.\n');
  });
});

describe('.ci/settings.mjs', () => {
  const settings = (given: string) => run(process.execPath, [join(root, '.ci', 'settings.mjs'), given]);

  test('gives each setting to the CDK as it is in cdk.json', async () => {
    const given = { stackName: 'Team', overlapMinutes: 15, secretArns: ['a b'], reservedConcurrency: false };
    const { stdout } = await settings(JSON.stringify(given));
    expect(stdout.split('\n')).toEqual([
      ...['-c', 'stackName=Team', '-c', 'overlapMinutes=15'],
      ...['-c', 'secretArns=["a b"]', '-c', 'reservedConcurrency=false', ''],
    ]);
  });

  test('refuses what would be more than one argument', async () => {
    await expect(settings('{"stackName":"a\\n--force"}')).rejects.toThrow('line break');
  });
});
