import { RemovalPolicy } from 'aws-cdk-lib';
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { Settings } from './settings.ts';

/** What every function runs on. */
export const platform = { runtime: Runtime.NODEJS_24_X, architecture: Architecture.ARM_64 };

/** The log group of the function that has this name. */
export function logGroup(scope: Construct, functionName: string, { logRetentionDays }: Settings): LogGroup {
  return new LogGroup(scope, 'Log', {
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
