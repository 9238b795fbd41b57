import { execFile } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';

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

  test('knows no stored secret, and puts nothing that somebody wrote into a script', () => {
    expect(text).not.toMatch(/secrets\./);
    const scripts = [...text.matchAll(/run: (?:\|\n((?: {10}.*\n)+)|(.*))/g)].map(
      ([, many, one]) => many ?? one,
    );
    for (const script of scripts) expect(script).not.toContain('${{');
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
