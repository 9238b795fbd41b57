import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { CollectorApp } from '../../infra/synth.ts';
import { resources, type Template } from '../../local/aws/template.ts';
import { everyRight } from '../support/settings.ts';
import { ownNames } from '../support/specification.ts';

const folder = mkdtempSync(join(tmpdir(), 'own-'));
const code = join(folder, 'code');
mkdirSync(code);
writeFileSync(join(code, 'poller.mjs'), 'export const handler = async () => {};');
afterAll(() => rmSync(folder, { recursive: true }));

const keyArn = String(everyRight.keyArn);

function deployed(context: Record<string, unknown>) {
  const app = new CollectorApp({ context, code, outdir: mkdtempSync(join(folder, 'out-')) });
  return { template: app.synth().getStackByName(app.stack.stackName).template as Template };
}

const withoutOwn = deployed({
  analyticsUrl: 'https://analytics.example',
  forwarder: { rememberAcceptedDays: 7 },
});
const withOwn = deployed({ ...everyRight });

// biome-ignore lint/suspicious/noExplicitAny: a template's properties are what CloudFormation makes of them.
const all = ({ template }: { template: Template }, type: string) => resources<any>(template, type);

describe('subnets of the operator', () => {
  test('are where every function runs', () => {
    for (const { VpcConfig } of all(withOwn, 'AWS::Lambda::Function'))
      expect(VpcConfig).toEqual({
        SubnetIds: ['subnet-0a1b2c3d', 'subnet-4e5f6a7b'],
        SecurityGroupIds: ['sg-0a1b2c3d'],
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

  test('encrypts the notifications of alarms too; without one there is no key that costs', () => {
    for (const { KmsMasterKeyId } of all(withOwn, 'AWS::SNS::Topic')) expect(KmsMasterKeyId).toBe(keyArn);
    for (const stack of [withOwn, withoutOwn]) expect(all(stack, 'AWS::KMS::Key')).toEqual([]);
  });

  test('is nowhere unless it is set', () => {
    for (const { KmsMasterKeyId } of all(withoutOwn, 'AWS::SQS::Queue'))
      expect(KmsMasterKeyId).toBeUndefined();
    for (const type of [
      'AWS::SNS::Topic',
      'AWS::DynamoDB::Table',
      'AWS::S3::Bucket',
      'AWS::Logs::LogGroup',
      'AWS::IAM::Role',
    ])
      expect(JSON.stringify(all(withoutOwn, type))).not.toMatch(/kms/i);
  });
});

describe('several stages from one checkout', () => {
  const [one, other] = ['SentinelOneTest', 'SentinelOneProd'].map(
    (stackName) => deployed({ ...everyRight, stackName }).template,
  ) as [Template, Template];

  test('share no name that an account has once', () => {
    const names = ownNames(one);
    expect(names).toContain('SentinelOneTest-threats');
    expect(names.filter((name) => ownNames(other).includes(name))).toEqual([]);
  });

  test('are the same in every region: nothing names one', () => {
    expect(JSON.stringify(withoutOwn.template)).not.toMatch(
      /\b(us|eu|ap)-(east|west|central|south|north)[a-z]*-\d/,
    );
  });
});
