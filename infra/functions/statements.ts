import { ArnFormat, Stack } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket, CfnBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import type { Settings } from '../settings.ts';

export function allowing(name: string, statements: PolicyStatement[]) {
  return {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: { [name]: new PolicyDocument({ statements }) },
  };
}

export function may(actions: string[], ...resources: string[]): PolicyStatement {
  return new PolicyStatement({ actions, resources });
}

export const writeLogs = ({ logGroupArn }: LogGroup) =>
  may(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroupArn);

export function secretArn(scope: Construct, resourceName: string): string {
  return Stack.of(scope).formatArn({
    service: 'secretsmanager',
    resource: 'secret',
    resourceName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}

export function startItself(scope: Construct, functionName: string): PolicyStatement {
  const itself = { service: 'lambda', resource: 'function', resourceName: functionName };
  return may(
    ['lambda:InvokeFunction'],
    Stack.of(scope).formatArn({ ...itself, arnFormat: ArnFormat.COLON_RESOURCE_NAME }),
  );
}

/** A key opens nothing by itself: only a secret that the function may read, and only for Secrets Manager. */
export function decryptSecrets({ secretKeyArns: keys }: Pick<Settings, 'secretKeyArns'>): PolicyStatement[] {
  if (keys.length === 0) return [];
  return [
    new PolicyStatement({
      actions: ['kms:Decrypt'],
      resources: [...keys],
      conditions: { StringEquals: { 'kms:ViaService': [...new Set(keys.map(secretsManagerOf))] } },
    }),
  ];
}

/** What is stored is encrypted with the operator's key: each service uses it in the function's name. */
export function useKey(settings: Pick<Settings, 'keyArn'>): PolicyStatement[] {
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

export function through({ keyArn }: Pick<Settings, 'keyArn'>, services: string[], ...actions: string[]) {
  if (keyArn === undefined) return [];
  const conditions = {
    StringEquals: { 'kms:ViaService': services.map((service) => serviceOf(keyArn, service)) },
  };
  return [new PolicyStatement({ actions, resources: [keyArn], conditions })];
}

/** Lambda puts a function into a subnet in the function's own name; these actions know no resources. */
export function makeNetworkInterfaces({ subnetIds }: Pick<Settings, 'subnetIds'>): PolicyStatement[] {
  return subnetIds.length === 0 ? [] : [may(networkInterfaces, '*')];
}

const networkInterfaces = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
];

export function furtherWildcards({ keyArn, subnetIds }: Pick<Settings, 'keyArn' | 'subnetIds'>) {
  const onAll = wildcard(
    '*',
    'Lambda makes network interfaces in its own name; EC2 knows no narrower resource for it.',
  );
  const onKey = ['kms:GenerateDataKey*', 'kms:ReEncrypt*'].map((action) => ({
    id: `AwsSolutions-IAM5[Action::${action}]`,
    reason:
      "Two actions each, as DynamoDB's documentation lists them, on one key and through DynamoDB alone.",
  }));
  return [...(subnetIds.length > 0 ? [onAll] : []), ...(keyArn === undefined ? [] : onKey)];
}

/** A service in the key's own region, which may use the key for us. */
const serviceOf = (keyArn: string, service: string) => `${service}.${keyArn.split(':')[3]}.amazonaws.com`;

const secretsManagerOf = (keyArn: string) => serviceOf(keyArn, 'secretsmanager');

export const wildcard = (resource: string, reason: string) => ({
  id: `AwsSolutions-IAM5[Resource::${resource}]`,
  reason,
});

export function objectsOf(bucket: Bucket, reason: string) {
  const id = bucket.stack.getLogicalId(bucket.node.defaultChild as CfnBucket);
  return wildcard(`<${id}.Arn>/*`, reason);
}
