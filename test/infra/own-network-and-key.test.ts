import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { CollectorApp } from '../../infra/synth.ts';
import { resources, type Template } from '../../local/aws/template.ts';
import { everyRight } from '../support/settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'own-'));
const code = join(folder, 'code');
mkdirSync(code);
writeFileSync(join(code, 'poller.mjs'), 'export const handler = async () => {};');
afterAll(() => rmSync(folder, { recursive: true }));

const keyArn = String(everyRight.keyArn);

function deployed(context: Record<string, unknown>) {
  const app = new CollectorApp({ context, code, outdir: mkdtempSync(join(folder, 'out-')) });
  const { template, tags, stackName } = app.synth().getStackByName(app.stack.stackName);
  return { template: template as Template, tags, stackName };
}

const withoutOwn = deployed({ analyticsUrl: 'https://analytics.example', rememberAcceptedDays: 7 });
const withOwn = deployed({ ...everyRight });

// biome-ignore lint/suspicious/noExplicitAny: a template's properties are what CloudFormation makes of them.
const all = ({ template }: { template: Template }, type: string) => resources<any>(template, type);

describe('subnets of the operator', () => {
  test('are where every function runs', () => {
    for (const { VpcConfig } of all(withOwn, 'AWS::Lambda::Function'))
      expect(VpcConfig).toEqual({
        SubnetIds: everyRight.subnetIds,
        SecurityGroupIds: everyRight.securityGroupIds,
      });
  });

  test('are nowhere unless they are set, and neither is a right to network interfaces', () => {
    for (const definition of all(withoutOwn, 'AWS::Lambda::Function'))
      expect(definition).not.toHaveProperty('VpcConfig');
    expect(JSON.stringify(withoutOwn.template)).not.toContain('ec2:');
  });
});

describe('a key of the operator', () => {
  test('encrypts queues, tables, bucket and logs, all that there are', () => {
    for (const { KmsMasterKeyId, SqsManagedSseEnabled } of all(withOwn, 'AWS::SQS::Queue')) {
      expect(KmsMasterKeyId).toBe(keyArn);
      expect(SqsManagedSseEnabled).toBeUndefined();
    }
    for (const { SSESpecification } of all(withOwn, 'AWS::DynamoDB::Table'))
      expect(SSESpecification).toEqual({ SSEEnabled: true, SSEType: 'KMS', KMSMasterKeyId: keyArn });
    for (const { BucketEncryption } of all(withOwn, 'AWS::S3::Bucket'))
      expect(BucketEncryption.ServerSideEncryptionConfiguration).toEqual([
        {
          BucketKeyEnabled: true,
          ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: keyArn },
        },
      ]);
    for (const { KmsKeyId } of all(withOwn, 'AWS::Logs::LogGroup')) expect(KmsKeyId).toBe(keyArn);
  });

  test('is made by nobody here, and neither is a rule about it', () => {
    for (const { template } of [withOwn, withoutOwn]) {
      const types = Object.values(template.Resources).map(({ Type }) => Type);
      expect(types.filter((type) => type.startsWith('AWS::KMS::'))).toEqual([]);
    }
  });

  test('is nowhere unless it is set', () => {
    expect(JSON.stringify(withoutOwn.template)).not.toContain('kms');
  });
});

describe('several stages from one checkout', () => {
  const [test1, prod] = ['SentinelOneTest', 'SentinelOneProd'].map((stackName) => deployed({ stackName }));

  test('share no name that an account has once', () => {
    const names = ({ template, stackName }: ReturnType<typeof deployed>) => [
      stackName,
      ...Object.values(template.Resources).flatMap(({ Properties = {} }) =>
        Object.entries(Properties)
          .filter(([key, value]) => /Name$/.test(key) && typeof value === 'string')
          .map(([, value]) => String(value)),
      ),
    ];
    const taken = new Set(names(test1 as ReturnType<typeof deployed>));
    expect(taken.size).toBeGreaterThan(3);
    for (const name of names(prod as ReturnType<typeof deployed>)) expect(taken).not.toContain(name);
  });

  test('are the same in every region: nothing names one', () => {
    expect(JSON.stringify(prod?.template)).not.toMatch(
      /"[^"]*\b(us|eu|ap)-(east|west|central|south)[a-z]*-\d/,
    );
  });
});

test('tags are on the stack, and so on all that is in it', () => {
  expect(deployed({ tags: { team: 'security', stage: 'test' } }).tags).toEqual({
    team: 'security',
    stage: 'test',
  });
  expect(withoutOwn.tags).toEqual({});
});
