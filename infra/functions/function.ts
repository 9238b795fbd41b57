import { RemovalPolicy } from 'aws-cdk-lib';
import { Architecture, type CfnFunction, type Function as Lambda, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { Settings } from '../settings.ts';
import type { Encryption } from '../storage/encryption.ts';

/** What every function runs on. */
export const platform = { runtime: Runtime.NODEJS_24_X, architecture: Architecture.ARM_64 };

/** The log group of the function that has this name. */
export function logGroup(
  scope: Construct,
  functionName: string,
  { logRetentionDays }: Settings,
  { logKey }: Encryption,
): LogGroup {
  return new LogGroup(scope, 'Log', {
    ...(logKey && { encryptionKey: logKey }),
    logGroupName: `/aws/lambda/${functionName}`,
    retention: logRetentionDays,
    // A log group that stayed behind under this name would stop the stack from being deployed again.
    removalPolicy: RemovalPolicy.DESTROY,
  });
}

/** Node's own variables for the way out of every function: the proxy and the private CA, where there is one. */
export function wayOut({ httpsProxy, noProxy, caFile }: Settings): Record<string, string> {
  return {
    ...(httpsProxy !== undefined && { NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: httpsProxy }),
    ...(httpsProxy !== undefined && noProxy.length > 0 && { NO_PROXY: noProxy.join(',') }),
    // Where Lambda unpacks the deployment folder.
    ...(caFile !== undefined && { NODE_EXTRA_CA_CERTS: '/var/task/ca.pem' }),
  };
}

/**
 * Has a function run in the operator's own subnets, where there are any. Not by the function's own `vpc`, which would add
 * a policy of AWS's to its role.
 */
export function putIntoSubnets(fn: Lambda, { subnetIds, securityGroupIds }: Settings): void {
  if (subnetIds.length === 0) return;
  (fn.node.defaultChild as CfnFunction).vpcConfig = {
    subnetIds: [...subnetIds],
    securityGroupIds: [...securityGroupIds],
  };
}
