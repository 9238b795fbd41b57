import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packCommandLine } from '../../infra/build/command-line.ts';
import packageJson from '../../package.json' with { type: 'json' };

const folder = mkdtempSync(join(tmpdir(), 'command-line-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The package, unpacked where no other package is found. */
beforeAll(() => {
  const file = join(folder, 'collector.tgz');
  packCommandLine(join(import.meta.dirname, '..', '..'), join(folder, 'work'), file);
  rmSync(join(folder, 'work'), { recursive: true });
  execFileSync('tar', ['-xzf', file, '-C', folder]);
});

const run = (...args: readonly string[]) => {
  const { bin } = JSON.parse(readFileSync(join(folder, 'package', 'package.json'), 'utf8'));
  const env = { HOME: folder, AWS_EC2_METADATA_DISABLED: 'true', AWS_REGION: 'eu-west-1' };
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(folder, 'package', bin.collector), ...args],
    { env },
  );
  return { status, out: String(stdout), err: String(stderr) };
};

test('the package of a release is the whole command line, without packages of others', () => {
  expect(run('--version')).toEqual({ status: 0, out: `${packageJson.version}\n`, err: '' });
  expect(run('add', '--help').out).toContain('--host <host>');
  expect(run('test', 'x', '--host', 'y')).toMatchObject({ status: 2 });
  // The AWS SDK is loaded, down to its credentials.
  expect(run('list').err).toMatch(/^no AWS credentials found\n/);
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package', 'package.json'), 'utf8'));
  expect(dependencies).toBeUndefined();
  expect(readdirSync(join(folder, 'package'))).toEqual(
    expect.arrayContaining(['LICENSE', 'THIRD-PARTY.txt']),
  );
});

test('the same commit gives the same bytes', () => {
  const again = join(folder, 'again.tgz');
  packCommandLine(join(import.meta.dirname, '..', '..'), join(folder, 'more'), again);
  expect(readFileSync(again)).toEqual(readFileSync(join(folder, 'collector.tgz')));
});
