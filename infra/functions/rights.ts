import { ArnFormat, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Bucket, CfnBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import type { Settings } from '../settings.ts';

/** A wildcard that cdk-nag finds, and the reason for it. */
export interface Acknowledgement {
  readonly id: string;
  readonly reason: string;
}

export function may(actions: string[], ...resources: string[]): PolicyStatement {
  return new PolicyStatement({ actions, resources });
}

/** The ARN of a resource in the account and region of the stack. */
export function arnOf(scope: Construct, service: string, resource: string, resourceName: string): string {
  const arnFormat = ArnFormat.COLON_RESOURCE_NAME;
  return Stack.of(scope).formatArn({ service, resource, resourceName, arnFormat });
}

const isKey = (arn: string) => arn.split(':')[2] === 'kms';

/** The operator's own secrets. */
export function secretsOf({ secretArns }: Settings): string[] {
  return secretArns.filter((arn) => !isKey(arn));
}

/** Allows decryption only through Secrets Manager, so only of secrets that the function may read. */
export function decryptSecrets({ secretArns }: Settings): PolicyStatement[] {
  const keys = secretArns.filter(isKey);
  if (keys.length === 0) return [];
  const services = [...new Set(keys.map((key) => regional(key, 'secretsmanager')))];
  return [
    new PolicyStatement({
      actions: ['kms:Decrypt'],
      resources: keys,
      conditions: { StringEquals: { 'kms:ViaService': services } },
    }),
  ];
}

/** Allows services to use the operator's key on behalf of the function. */
export function useKey(settings: Settings): PolicyStatement[] {
  return [
    ...through(settings, ['sqs', 's3'], 'kms:Decrypt', 'kms:GenerateDataKey'),
    // DynamoDB's documentation requires this for principals that write to a table.
    ...through(
      settings,
      ['dynamodb'],
      ...['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
    ),
  ];
}

export function keyWildcards({ keyArn }: Settings): Acknowledgement[] {
  if (keyArn === undefined) return [];
  const reason =
    "Two actions each, as DynamoDB's documentation lists them, on one key and through DynamoDB alone.";
  return ['kms:GenerateDataKey*', 'kms:ReEncrypt*'].map((action) => ({
    id: `AwsSolutions-IAM5[Action::${action}]`,
    reason,
  }));
}

/** Allows actions with the operator's key, if there is one, only through these services. */
export function through({ keyArn }: Settings, services: string[], ...actions: string[]): PolicyStatement[] {
  if (keyArn === undefined) return [];
  const conditions = {
    StringEquals: { 'kms:ViaService': services.map((service) => regional(keyArn, service)) },
  };
  return [new PolicyStatement({ actions, resources: [keyArn], conditions })];
}

/** The endpoint of a service in the region of a key. */
const regional = (keyArn: string, service: string) => `${service}.${keyArn.split(':')[3]}.amazonaws.com`;

/**
 * Lambda attaches a function to a subnet with the function's own permissions. These actions do not support resources.
 */
export function makeNetworkInterfaces({ vpc }: Settings): PolicyStatement[] {
  return vpc === undefined ? [] : [may(networkInterfaces, '*')];
}

const networkInterfaces = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
];

export function networkWildcard({ vpc }: Settings): Acknowledgement[] {
  const reason = 'Lambda makes network interfaces in its own name; EC2 knows no narrower resource for it.';
  return vpc === undefined ? [] : [wildcard('*', reason)];
}

export const wildcard = (resource: string, reason: string): Acknowledgement => ({
  id: `AwsSolutions-IAM5[Resource::${resource}]`,
  reason,
});

export function objectsOf(bucket: Bucket, reason: string): Acknowledgement {
  const id = bucket.stack.getLogicalId(bucket.node.defaultChild as CfnBucket);
  return wildcard(`<${id}.Arn>/*`, reason);
}
