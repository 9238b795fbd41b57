import { readFileSync } from 'node:fs';
import https from 'node:https';
import { userInfo } from 'node:os';
import type { CloudWatchLogsClient, CloudWatchLogsClientConfig } from '@aws-sdk/client-cloudwatch-logs';
import type { LambdaClient, LambdaClientConfig } from '@aws-sdk/client-lambda';
import type { SecretsManagerClient, SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager';
import type { SQSClient, SQSClientConfig } from '@aws-sdk/client-sqs';
import { clientConfig } from '../functions/adapters/aws.ts';
import { documentClient } from '../functions/adapters/dynamodb/client.ts';
import { cursorItems } from '../functions/adapters/dynamodb/cursors.ts';
import { instanceRecords } from '../functions/adapters/dynamodb/instances.ts';
import { ledgerItems } from '../functions/adapters/dynamodb/ledger.ts';
import { type HealthRules, readRules } from '../functions/health/rules.ts';
import { deployedStreams, streams } from '../functions/streams/list.ts';
import type { Stream } from '../functions/streams/stream.ts';
import { CommandError } from './errors.ts';
import { type RunningStack, running } from './running.ts';

/** A deployed collector, or one that `npm start` runs, with the AWS clients for it. */
export interface Stack {
  readonly name: string;
  readonly isLocal: boolean;
  readonly instances: ReturnType<typeof instanceRecords>;
  readonly cursors: ReturnType<typeof cursorItems>;
  /** The ledger; opened when it is used, because stacks of older versions have none. */
  readonly ledger: () => ReturnType<typeof ledgerItems>;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
  readonly rules: HealthRules;
  /** The streams with a function. */
  readonly streams: readonly Stream[];
  readonly sqs: SQSClient;
  readonly secrets: SecretsManagerClient;
  readonly lambda: LambdaClient;
  /** Waits as long as the operator function may run, and does not retry, because a second replay would interfere. */
  readonly operator: LambdaClient;
  readonly logs: CloudWatchLogsClient;
  /** Undefined if the stack is older than this output. */
  readonly version: string | undefined;
  /** Undefined if the stack is of an older version. */
  readonly operatorFunction: string | undefined;
  /** The user of the command, for the function's log. It is not verified. */
  caller(): Promise<string>;
  functionOf(stream: string): string;
}

export interface StackOptions {
  readonly stack: string;
  readonly local?: boolean;
  /** With `local`: the port of the search page of the one that is meant. */
  readonly port?: number;
  readonly region?: string;
  readonly profile?: string;
}

/** Throws CommandError if the stack does not exist. */
export async function openStack({ stack: name, local, port, region, profile }: StackOptions): Promise<Stack> {
  if (local) return localStack(await running(port));
  // The AWS CLI also reads AWS_DEFAULT_REGION; the SDK for JavaScript does not.
  const chosen = region ?? process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
  const config = { ...clientConfig, ...(chosen && { region: chosen }), ...(profile && { profile }) };
  const outputs = await outputsOf(name, config);
  return stackOf(name, outputs, false, {
    dynamodb: documentClient(config),
    sqs: sqsClient(config),
    secrets: secretsClient(config),
    lambda: lambdaClient(config),
    operator: lambdaClient({
      ...config,
      ...patient,
      requestHandler: { ...config.requestHandler, ...patient.requestHandler },
    }),
    logs: logsClient(config),
    caller: () => callerIn(config),
  });
}

function localStack({ stackName, outputs, endpoints, credentials, consoles }: RunningStack): Stack {
  const at = (endpoint: string) => ({
    endpoint,
    region: 'us-east-1',
    credentials,
  });
  if (consoles !== undefined) {
    const { proxyUrl, caFile } = consoles;
    https.globalAgent = new https.Agent({ ca: readFileSync(caFile), proxyEnv: { HTTPS_PROXY: proxyUrl } });
  }
  return stackOf(stackName, outputs, true, {
    dynamodb: documentClient(at(endpoints.dynamodb)),
    sqs: sqsClient(at(endpoints.sqs)),
    secrets: secretsClient(at(endpoints.secretsManager)),
    lambda: lambdaClient(at(endpoints.lambda)),
    operator: lambdaClient({ ...at(endpoints.lambda), ...patient }),
    logs: logsClient(at(endpoints.logs)),
    caller: async () => userName(),
  });
}

/** Loads a client at its first call. Most commands need few clients, and each takes time to load. */
function lazily<Client extends { send: unknown }>(load: () => Promise<Client>): Client {
  let loaded: Promise<Client> | undefined;
  const send = async (...args: unknown[]) => {
    loaded ??= load();
    const client = await loaded;
    return (client.send as (...args: unknown[]) => unknown).apply(client, args);
  };
  return { send } as unknown as Client;
}

const sqsClient = (config: SQSClientConfig) =>
  lazily(async () => new (await import('@aws-sdk/client-sqs')).SQSClient(config));
const secretsClient = (config: SecretsManagerClientConfig) =>
  lazily(async () => new (await import('@aws-sdk/client-secrets-manager')).SecretsManagerClient(config));
const lambdaClient = (config: LambdaClientConfig) =>
  lazily(async () => new (await import('@aws-sdk/client-lambda')).LambdaClient(config));
const logsClient = (config: CloudWatchLogsClientConfig) =>
  lazily(async () => new (await import('@aws-sdk/client-cloudwatch-logs')).CloudWatchLogsClient(config));

/** One minute longer than the operator function's timeout. */
const patient = {
  maxAttempts: 1,
  requestHandler: { requestTimeout: 6 * 60_000, throwOnRequestTimeout: true },
};

/** The ARN of the AWS credentials; if AWS does not return it, the user of this machine. */
async function callerIn(config: typeof clientConfig): Promise<string> {
  const { GetCallerIdentityCommand, STSClient } = await import('@aws-sdk/client-sts');
  const sts = new STSClient(config);
  const abortSignal = AbortSignal.timeout(5_000);
  const identity = sts.send(new GetCallerIdentityCommand({}), { abortSignal });
  return identity.then(
    ({ Arn }) => Arn ?? userName(),
    () => userName(),
  );
}

function userName(): string {
  try {
    return userInfo().username.replace(/\p{C}/gu, '').slice(0, 300) || 'unknown';
  } catch {
    // A user id without a name.
    return 'unknown';
  }
}

type Clients = Pick<Stack, 'sqs' | 'secrets' | 'lambda' | 'operator' | 'logs' | 'caller'> & {
  readonly dynamodb: ReturnType<typeof documentClient>;
};

function stackOf(
  name: string,
  outputs: Readonly<Record<string, string>>,
  isLocal: boolean,
  { dynamodb, ...clients }: Clients,
): Stack {
  const output = (key: string): string => {
    const value = outputs[key];
    if (value === undefined) {
      throw new CommandError(
        `the stack ${name} has no output ${key}`,
        'Check that --stack names a collector that this version deployed.',
      );
    }
    return value;
  };
  const rules = readRules(output('HealthRules'));
  return {
    name,
    isLocal,
    instances: instanceRecords(output('InstancesTableName'), dynamodb),
    cursors: cursorItems(output('CursorsTableName'), dynamodb),
    ledger: () => ledgerItems(output('LedgerTableName'), dynamodb),
    queueUrl: output('ArtifactQueueUrl'),
    deadLetterQueueUrl: output('ArtifactDeadLetterQueueUrl'),
    rules,
    streams: deployedStreams(streams, rules.optionalStreams ?? []),
    ...clients,
    version: outputs.Version,
    operatorFunction: outputs.OperatorFunctionName,
    functionOf: (stream) => `${name}-${stream}`,
  };
}

async function outputsOf(
  StackName: string,
  config: typeof clientConfig & { readonly profile?: string },
): Promise<Record<string, string>> {
  const { CloudFormationClient, DescribeStacksCommand } = await import('@aws-sdk/client-cloudformation');
  const client = new CloudFormationClient(config);
  try {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName }));
    const outputs = Stacks[0]?.Outputs ?? [];
    return Object.fromEntries(
      outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
    );
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const profile = config.profile ?? process.env.AWS_PROFILE;
    // The SDK's own message is more specific for an unknown or expired profile.
    if (profile !== undefined && /^Could not (?:load|resolve) credentials/.test(error.message))
      throw new CommandError(
        `there is no AWS profile ${profile}, or it has no credentials`,
        'To see all profiles, run: aws configure list-profiles',
      );
    if (!/does not exist/.test(error.message)) throw error;
    const region = await client.config.region();
    throw new CommandError(
      `there is no stack ${StackName} in ${region}`,
      'Deploy it (npm run deploy), or choose another with --stack and --region. For a running npm start, use --local.',
    );
  }
}
