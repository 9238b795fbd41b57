import {
  CloudFormationClient,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  GetTemplateCommand,
} from '@aws-sdk/client-cloudformation';
import {
  GetAccountSettingsCommand,
  GetFunctionConcurrencyCommand,
  LambdaClient,
  ResourceNotFoundException,
} from '@aws-sdk/client-lambda';
import { GetParameterCommand, ParameterNotFound, SSMClient } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { clientConfig } from '../../functions/adapters/aws.ts';
import { leftoversOf } from './leftovers.ts';
import type { Concurrency, Found, FoundStack } from './plan.ts';

interface Where {
  readonly region?: string | undefined;
  readonly profile?: string | undefined;
  readonly qualifier: string;
  readonly stackName: string;
  readonly functionNames: readonly string[];
}

/** Reads what decides whether a deployment can succeed. Throws only if the credentials do not work. */
export async function lookInto({
  region,
  profile,
  qualifier,
  stackName,
  functionNames,
}: Where): Promise<Found> {
  // The AWS CLI also reads AWS_DEFAULT_REGION; the SDK for JavaScript does not.
  const chosen = region ?? process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
  const config = { ...clientConfig, ...(chosen && { region: chosen }), ...(profile && { profile }) };
  const sts = new STSClient(config);
  const { Account = '', Arn = '' } = await sts.send(new GetCallerIdentityCommand({}));
  const [bootstrapVersion, stack, concurrency, leftovers] = await Promise.all([
    bootstrapVersionIn(new SSMClient(config), qualifier).catch(asError),
    stackIn(new CloudFormationClient(config), stackName).catch(asError),
    concurrencyIn(new LambdaClient(config), functionNames).catch(asError),
    leftoversOf(stackName, config, soon().abortSignal).catch(asError),
  ]);
  const identity = { account: Account, region: await sts.config.region(), caller: Arn };
  return { ...identity, bootstrapVersion, stack, concurrency, leftovers };
}

/** If the credentials can only assume the CDK's roles, this check is skipped. */
const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)));

const soon = () => ({ abortSignal: AbortSignal.timeout(10_000) });

async function bootstrapVersionIn(ssm: SSMClient, qualifier: string): Promise<string | undefined> {
  try {
    const Name = `/cdk-bootstrap/${qualifier}/version`;
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name }), soon());
    return Parameter?.Value;
  } catch (error) {
    if (error instanceof ParameterNotFound) return undefined;
    throw error;
  }
}

async function stackIn(client: CloudFormationClient, StackName: string): Promise<FoundStack | undefined> {
  try {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName }), soon());
    const { StackResources = [] } = await client.send(
      new DescribeStackResourcesCommand({ StackName }),
      soon(),
    );
    return {
      status: Stacks[0]?.StackStatus ?? '',
      names: Object.fromEntries(
        StackResources.map(({ LogicalResourceId = '', PhysicalResourceId = '' }) => [
          LogicalResourceId,
          PhysicalResourceId,
        ]),
      ),
      template: await templateOf(client, StackName).catch(asError),
    };
  } catch (error) {
    if (error instanceof Error && /does not exist/.test(error.message)) return undefined;
    throw error;
  }
}

async function templateOf(client: CloudFormationClient, StackName: string) {
  const { TemplateBody = '{}' } = await client.send(new GetTemplateCommand({ StackName }), soon());
  return JSON.parse(TemplateBody);
}

async function concurrencyIn(lambda: LambdaClient, functionNames: readonly string[]): Promise<Concurrency> {
  const [settings, ...held] = await Promise.all([
    lambda.send(new GetAccountSettingsCommand({}), soon()),
    ...functionNames.map((name) => heldBy(lambda, name)),
  ]);
  const unreserved = settings.AccountLimit?.UnreservedConcurrentExecutions;
  if (unreserved === undefined) throw new Error('Lambda named no limit');
  return { unreserved, held: held.reduce((sum, one) => sum + one, 0) };
}

async function heldBy(lambda: LambdaClient, FunctionName: string): Promise<number> {
  try {
    const answer = await lambda.send(new GetFunctionConcurrencyCommand({ FunctionName }), soon());
    return answer.ReservedConcurrentExecutions ?? 0;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return 0;
    throw error;
  }
}
