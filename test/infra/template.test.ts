import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CfnResource } from 'aws-cdk-lib';
import { afterAll, describe, expect, test } from 'vitest';
import { defaultStreams as streams } from '../../functions/streams/list.ts';
import { CollectorApp } from '../../infra/synth.ts';
import { resources, type Template } from '../../local/aws/template.ts';
import { everySetting, longestStackName } from '../support/settings.ts';
import { stateful, unknownAttributes } from '../support/specification.ts';
import keptFile from './kept.json' with { type: 'json' };

const folder = mkdtempSync(join(tmpdir(), 'template-'));
const code = join(folder, 'code');
mkdirSync(code);
writeFileSync(join(code, 'poller.mjs'), 'export const handler = async () => {};');
afterAll(() => rmSync(folder, { recursive: true }));

const appOf = (context: Record<string, unknown>) =>
  new CollectorApp({ context, code, outdir: mkdtempSync(join(folder, 'out-')) });

interface Report {
  readonly pluginReports: readonly { readonly violations: readonly { readonly description: string }[] }[];
}

/** The template, and what was found that is no reason to fail. */
function synthesised(app: CollectorApp): { template: Template; warnings: string[] } {
  const assembly = app.synth();
  const report: Report = JSON.parse(readFileSync(join(assembly.directory, 'validation-report.json'), 'utf8'));
  return {
    template: assembly.getStackByName(app.stack.stackName).template,
    warnings: report.pluginReports.flatMap(({ violations }) =>
      violations.map(({ description }) => description),
    ),
  };
}

/** The CloudFormation resource at the end of a path, for a fault to be planted there. */
function at(app: CollectorApp, path: string): CfnResource {
  const found = app.stack.node.findAll().find(({ node }) => node.path.endsWith(`/${path}/Resource`));
  if (found === undefined) throw new Error(`the stack has no ${path}`);
  return found as CfnResource;
}

describe.each<[string, Record<string, unknown>]>([
  ['with the settings of cdk.json', {}],
  ['with every setting that adds something', everySetting],
  ['under the longest name', { ...everySetting, stackName: longestStackName }],
])('the template %s', (_, context) => {
  const { template, warnings } = synthesised(appOf(context));

  test('has nothing that CloudFormation or cdk-nag find wrong or doubtful', () => {
    expect(warnings).toEqual([]);
  });

  test('asks no resource for an attribute that it does not have', () => {
    expect(unknownAttributes(template)).toEqual([]);
  });

  test('reserves what the settings say, by default one for each polling function', () => {
    const reserved = resources<{ ReservedConcurrentExecutions?: number }>(template, 'AWS::Lambda::Function');
    const sum = reserved.reduce(
      (all, { ReservedConcurrentExecutions = 0 }) => all + ReservedConcurrentExecutions,
      0,
    );
    const { reservedConcurrency = 1 } = context;
    expect(sum).toBe(streams.length * Number(reservedConcurrency));
  });
});

// The CDK's validation does not know these two limits. The settings bound what would exceed them.
test('the longest settings fit into the environments and the roles that AWS allows', () => {
  const listOf = (item: (i: number) => string) => {
    const items: string[] = [];
    while (JSON.stringify([...items, item(items.length)]).length <= 1300) items.push(item(items.length));
    return items;
  };
  const keys = listOf((i) => `arn:aws:kms:eu-west-${i}:111122223333:key/${String(i).padStart(36, '0')}`);
  const context = {
    ...everySetting,
    stackName: longestStackName,
    allowedHostSuffixes: listOf((i) => `.s.${i}`),
    secretArns: [
      ...listOf((i) => `arn:aws:secretsmanager:eu-west-1:111122223333:secret:team/${i}-*`),
      ...keys,
    ],
    proxy: { url: 'http://proxy.example:3128', except: listOf((i) => `10.0.0.${i}`) },
  };
  expect(() => appOf({ ...context, secretArns: [...keys, ...keys] })).toThrow(/secretArns/);
  const { template } = synthesised(appOf(context));
  const functions = resources<{ Environment: { Variables: object } }>(template, 'AWS::Lambda::Function');
  const roles = resources<{ Policies: object[] }>(template, 'AWS::IAM::Role');
  const largest = (sizes: readonly number[]) => Math.max(...sizes);
  const environments = functions.map(({ Environment }) =>
    Object.entries(Environment.Variables).reduce((sum, [key, one]) => sum + key.length + longest(one), 0),
  );
  const policies = roles.map(({ Policies }) => Policies.reduce((sum, one) => sum + longest(one), 0));
  expect(largest(environments)).toBeGreaterThan(3000);
  expect(largest(environments)).toBeLessThanOrEqual(4096);
  expect(largest(policies)).toBeGreaterThan(5000);
  expect(largest(policies)).toBeLessThanOrEqual(10_240);
});

test('a stack that reserves no concurrency fits an account that has none to reserve', () => {
  const { template } = synthesised(appOf({ ...everySetting, reservedConcurrency: false }));
  for (const definition of resources(template, 'AWS::Lambda::Function'))
    expect(definition).not.toHaveProperty('ReservedConcurrentExecutions');
});

describe('what holds data', () => {
  const kept = (app: CollectorApp) => JSON.parse(JSON.stringify(stateful(synthesised(app).template)));

  // A difference here is a table, queue, bucket or topic that the next deployment makes anew, empty, beside or in place
  // of the old one. If that is meant, change kept.json and say in CHANGELOG.md how its content moves.
  test('is what kept.json says, so that no upgrade replaces it unnoticed', () => {
    expect(kept(appOf(everySetting))).toEqual(keptFile);
  });

  test('is the same without the settings that add something, but for what they add', () => {
    expect(keptFile).toMatchObject(kept(appOf({})));
  });

  test('outlives the stack, but for logs, the ids that only spare Analytics repeats, and the way of the alarms', () => {
    for (const [logicalId, { type, onRemoval }] of Object.entries(keptFile)) {
      const goes = type === 'AWS::Logs::LogGroup' || /^(ForwarderAccepted|AlarmsTopic)/.test(logicalId);
      if (goes) expect(onRemoval).toBe('Delete');
      else expect(onRemoval).toMatch(/^Retain/);
    }
  });

  test('goes with a first deployment that fails, but for the tables, which are protected against deletion', () => {
    const { template } = synthesised(appOf(everySetting));
    const outlives = Object.entries(keptFile).filter(([, { onRemoval }]) => onRemoval !== 'Delete');
    for (const [logicalId, { onRemoval }] of outlives) {
      const { Properties, UpdateReplacePolicy } = template.Resources[
        logicalId
      ] as Template['Resources'][string] & {
        readonly UpdateReplacePolicy: string;
      };
      // CloudFormation can't delete what is protected: its rollback would fail.
      expect(onRemoval, logicalId).toBe(
        Properties.DeletionProtectionEnabled === true ? 'Retain' : 'RetainExceptOnCreate',
      );
      expect(UpdateReplacePolicy).toBe('Retain');
    }
  });

  test.each<[string, (app: CollectorApp) => void]>([
    ['another logical id of the queue', (app) => at(app, 'Artifacts/Queue').overrideLogicalId('Renamed')],
    [
      'another key of a table',
      (app) => {
        const table = at(app, 'Tables/Cursors');
        table.addPropertyOverride('KeySchema.1.AttributeName', 'name');
        table.addPropertyOverride('AttributeDefinitions.1.AttributeName', 'name');
      },
    ],
    [
      'a name for the bucket',
      (app) => at(app, 'Artifacts/Overflow').addPropertyOverride('BucketName', 'mine'),
    ],
    [
      'a table that goes with the stack',
      (app) => at(app, 'Tables/Cursors').addOverride('DeletionPolicy', 'Delete'),
    ],
  ])('is noticed to change: %s', (_, plant) => {
    const app = appOf(everySetting);
    plant(app);
    expect(kept(app)).not.toEqual(keptFile);
  });
});

describe('synthesis fails on', () => {
  test.each<[string, string, (app: CollectorApp) => void]>([
    [
      'a property typo',
      "Did you mean 'VisibilityTimeout'?",
      (app) => at(app, 'Artifacts/Queue').addPropertyOverride('VisibilityTimeot', 5),
    ],
    [
      'a property typo inside another',
      "Did you mean 'LogGroup'?",
      (app) => at(app, 'threats/Function').addPropertyOverride('LoggingConfig.LogGrup', 'x'),
    ],
    [
      'a function name beyond the limit',
      'FunctionName:',
      (app) => at(app, 'threats/Function').addPropertyOverride('FunctionName', 'x'.repeat(65)),
    ],
    [
      'a description beyond the limit',
      'length 300 exceeds maximum 256',
      (app) => at(app, 'threats/Function').addPropertyOverride('Description', 'x'.repeat(300)),
    ],
    [
      'a reference to what is not there',
      "non-existent resource 'Nobody'",
      (app) => at(app, 'threats/Function').addPropertyOverride('Role', { 'Fn::GetAtt': ['Nobody', 'Arn'] }),
    ],
  ])('%s', (_, finding, plant) => {
    const app = appOf({});
    plant(app);
    expect(() => app.synth()).toThrow();
    const report = readFileSync(join(app.outdir, 'validation-report.json'), 'utf8');
    const descriptions = (JSON.parse(report) as Report).pluginReports.flatMap(({ violations }) =>
      violations.map(({ description }) => description),
    );
    expect(descriptions.join('\n')).toContain(finding);
  });
});

describe('these checks find', () => {
  test('a value that is none of those that there are', () => {
    const app = appOf({});
    at(app, 'threats/Function').addPropertyOverride('Architectures', ['arm65']);
    expect(synthesised(app).warnings).toEqual([expect.stringContaining("'arm65' is not one of")]);
  });

  test('a property where an attribute is asked for', () => {
    const app = appOf({});
    const queue = app.stack.getLogicalId(at(app, 'Artifacts/Queue'));
    at(app, 'threats/Function').addPropertyOverride('Description', { 'Fn::GetAtt': [queue, 'DelaySeconds'] });
    expect(unknownAttributes(synthesised(app).template)).toEqual([expect.stringContaining('DelaySeconds')]);
  });
});

/**
 * The most bytes that a reference comes to. The longest is a queue's URL: 60 characters before its name, and in a name 40
 * of the stack's, 40 of the logical id and 14 that CloudFormation adds.
 */
const referenceBytes = 160;

/** The most bytes that a value can come to when CloudFormation has worked it out. */
function longest(value: unknown): number {
  if (typeof value !== 'object' || value === null) return Buffer.byteLength(String(value));
  const [[name, of] = ['', undefined]] = Object.entries(value);
  if (name === 'Ref' || name === 'Fn::GetAtt') return referenceBytes;
  if (name === 'Fn::Join' && Array.isArray(of)) {
    const [separator, parts] = of as [string, unknown[]];
    return parts.reduce<number>((sum, part) => sum + longest(part) + separator.length, 0);
  }
  const inside: number[] = Object.entries(value).map(
    ([key, one]) => (Array.isArray(value) ? 0 : key.length + '"":'.length) + longest(one) + '"",'.length,
  );
  return inside.reduce((sum, length) => sum + length, '{}'.length);
}
