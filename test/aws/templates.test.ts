import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { CollectorApp } from '../../infra/synth.ts';
import { program } from '../support/aws-tools.ts';
import { everySetting, longestStackName } from '../support/settings.ts';

// cfn-lint judges templates by AWS's own schemas and rules, which the CDK's validation does not have in full.
// pip install cfn-lint
const cfnLint = program('cfn-lint');

const folder = mkdtempSync(join(tmpdir(), 'cfn-lint-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Of a stack with these settings. */
function templateOf(context: Readonly<Record<string, unknown>>): string {
  const code = join(folder, 'code');
  mkdirSync(code, { recursive: true });
  writeFileSync(join(code, 'poller.mjs'), 'export const handler = async () => {};');
  const outdir = mkdtempSync(join(folder, 'out-'));
  const app = new CollectorApp({ context, code, outdir });
  app.synth();
  return join(outdir, `${app.stack.stackName}.template.json`);
}

/** The CDK lets a function depend on its role also where it refers to it, which W3005 finds superfluous. */
const lint = (...files: readonly string[]) =>
  promisify(execFile)(cfnLint ?? '', ['--ignore-checks', 'W3005', '--', ...files]);

const analyticsUrl = 'https://analytics.example.com';

test.skipIf(cfnLint === undefined)('cfn-lint finds nothing in the templates of five settings', async () => {
  const { vpc, keyArn } = everySetting;
  const settings = [
    {},
    { analyticsUrl, forwarder: { rememberAcceptedDays: 3 }, reservedConcurrency: false },
    { vpc, keyArn, alarmEmail: 'soc@example.com' },
    everySetting,
    { ...everySetting, stackName: longestStackName },
  ];
  const { stdout } = await lint(...settings.map(templateOf));
  expect(stdout).toBe('');
});

test.skipIf(cfnLint === undefined)('cfn-lint would find a mistake', async () => {
  const file = join(folder, 'mistake.json');
  const Properties = { VisibilityTimeout: 43_201 };
  writeFileSync(file, JSON.stringify({ Resources: { Queue: { Type: 'AWS::SQS::Queue', Properties } } }));
  await expect(lint(file)).rejects.toMatchObject({ stdout: expect.stringContaining('43201') });
});
