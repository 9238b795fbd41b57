import { type Duration, RemovalPolicy, Stack, Tags, Validations } from 'aws-cdk-lib';
import {
  ManagedPolicy,
  PolicyDocument,
  type PolicyStatement,
  Role,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  type CfnFunction,
  type Code,
  type FunctionProps,
  Function as Lambda,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import {
  type ForwarderEnvironment,
  type OperatorEnvironment,
  type PollerEnvironment,
  variable,
  type WidgetEnvironment,
} from '../../functions/environment.ts';
import packageJson from '../../package.json' with { type: 'json' };
import type { Settings } from '../settings.ts';
import type { Encryption } from '../storage/encryption.ts';
import { type Acknowledgement, makeNetworkInterfaces, may, networkWildcard } from './rights.ts';

/** The version that is deployed. */
export const { version } = packageJson;

export interface Shared {
  readonly settings: Settings;
  readonly encryption: Encryption;
  /** A folder with one module for each entry, which exports `handler`. */
  readonly code: Code;
}

interface Own {
  /** The suffix of the function's name, after the stack's name. */
  readonly name: string;
  readonly entry: 'poller' | 'operator' | 'forwarder' | 'widget';
  readonly description: string;
  readonly timeout: Duration;
  readonly environment: PollerEnvironment | OperatorEnvironment | ForwarderEnvironment | WidgetEnvironment;
  /** Environment variables other than the collector's own. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly policy: string;
  readonly rights: readonly PolicyStatement[];
  /** The reasons for the wildcards that cdk-nag finds. */
  readonly acknowledgements: readonly Acknowledgement[];
  readonly more?: Partial<FunctionProps>;
}

/**
 * A page of 5 MB takes ten times its size while it is parsed. 512 MB hold two such pages, the pages that wait, and
 * Node (docs/adr/0018-what-waits-waits-packed.md).
 */
export const memoryMb = 512;

export interface CollectorFunction {
  readonly function: Lambda;
  readonly logGroup: LogGroup;
}

/** Adds a function with its own log group and role. */
export function addFunction(
  scope: Construct,
  { settings, encryption, code }: Shared,
  own: Own,
): CollectorFunction {
  const functionName = `${settings.stackName}-${own.name}`;
  const logGroup = new LogGroup(scope, 'Log', {
    ...(encryption.logKey && { encryptionKey: encryption.logKey }),
    logGroupName: `/aws/lambda/${functionName}`,
    retention: settings.logRetentionDays,
    // A log group that remains under this name would prevent a new deployment of the stack.
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const statements = [
    may(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroup.logGroupArn),
    ...own.rights,
    ...makeNetworkInterfaces(settings),
  ];
  const { path, permissionsBoundaryArn: boundary } = settings.roles;
  const role = new Role(scope, 'Role', {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: { [own.policy]: new PolicyDocument({ statements }) },
    ...(path !== '/' && { path }),
    ...(boundary && { permissionsBoundary: ManagedPolicy.fromManagedPolicyArn(scope, 'Boundary', boundary) }),
  });
  Validations.of(role).acknowledge(...own.acknowledgements, ...networkWildcard(settings));
  const { vpc } = settings;
  const lambda = new Lambda(scope, 'Function', {
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    functionName,
    description: own.description,
    code,
    handler: `${own.entry}.handler`,
    memorySize: memoryMb,
    timeout: own.timeout,
    environment: {
      [variable]: Stack.of(scope).toJsonString(own.environment),
      ...egress(settings),
      ...own.variables,
      // A variable of Powertools. It separates the logs and metrics of two stacks in one account.
      POWERTOOLS_SERVICE_NAME: settings.stackName,
    },
    logGroup,
    role,
    ...own.more,
  });
  Tags.of(lambda).add('sentinelone-collector:version', version);
  // The property `vpc` would add a managed policy to the role.
  if (vpc !== undefined) (lambda.node.defaultChild as CfnFunction).vpcConfig = vpc;
  return { function: lambda, logGroup };
}

/** Node's environment variables for the proxy and the private CA. */
function egress({ proxy, caFile }: Settings): Record<string, string> {
  return {
    ...(proxy !== undefined && { NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: proxy.url }),
    ...(proxy !== undefined && proxy.except.length > 0 && { NO_PROXY: proxy.except.join(',') }),
    // Lambda unpacks the code here.
    ...(caFile !== undefined && { NODE_EXTRA_CA_CERTS: '/var/task/ca.pem' }),
  };
}
