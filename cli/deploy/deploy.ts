import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { streams } from '../../functions/streams/list.ts';
import { lookInto } from './account.ts';
import { planOf } from './plan.ts';

interface Tools {
  /** Path of the CDK's program. */
  readonly cdk: string;
  readonly print: (line: string) => void;
}

/**
 * Checks the account and runs `cdk deploy` with the given arguments.
 * @returns the exit code of the CDK
 * @throws CommandError if the deployment would fail
 */
export async function deploy(args: readonly string[], { cdk, print }: Tools): Promise<number> {
  const { given, profile, region } = read(args);
  const context: Readonly<Record<string, unknown>> = { ...cdkJson.context, ...given };
  const stackName = String(context.stackName);
  const found = await lookInto({
    profile,
    region: region ?? process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION,
    stackName,
    qualifier: String(context['@aws-cdk/core:bootstrapQualifier'] ?? 'hnb659fds'),
    functionNames: streams.map(({ name }) => `${stackName}-${name}`),
  });
  const { lines, problem, reservedConcurrency } = planOf(found, {
    stackName,
    functions: streams.length,
    reservedConcurrency: parsed(context.reservedConcurrency),
    isGiven: Object.hasOwn(given, 'reservedConcurrency'),
  });
  for (const line of lines) print(line);
  if (problem !== undefined) throw problem;
  const code = await run(cdk, [
    'deploy',
    ...args.flatMap((arg) => (arg === '--yes' || arg === '-y' ? ['--require-approval', 'never'] : [arg])),
    ...(reservedConcurrency === undefined ? [] : ['-c', `reservedConcurrency=${reservedConcurrency}`]),
  ]);
  if (code === 0)
    print(`Next: npm run -s cli -- ${nextCommand(found.stack, { stackName, profile, region })}`);
  return code;
}

/** The arguments of `cdk deploy` that the checks need. */
function read(args: readonly string[]) {
  const one = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { context: { ...one, short: 'c', multiple: true }, profile: one, region: one },
    strict: false,
  });
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  // None of the settings that are read here has a second "=" in it.
  const pairs = [values.context ?? []].flat().map((pair) => String(pair).split('=', 2));
  const given: Readonly<Record<string, unknown>> = Object.fromEntries(pairs);
  return { given, profile: text(values.profile), region: text(values.region) };
}

function parsed(value: unknown): unknown {
  try {
    return JSON.parse(String(value));
  } catch {
    return value;
  }
}

async function run(program: string, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [program, ...args], { stdio: 'inherit' });
  const [code] = await once(child, 'close');
  return code ?? 1;
}

function nextCommand(stack: unknown, options: Readonly<Record<'stackName' | 'profile' | 'region', unknown>>) {
  const { stackName, profile, region } = options;
  return [
    stack === undefined ? 'add NAME --host CONSOLE_HOST' : 'status',
    ...(stackName === 'SentinelOneCollector' ? [] : [`--stack ${stackName}`]),
    ...(profile ? [`--profile ${profile}`] : []),
    ...(region ? [`--region ${region}`] : []),
  ].join(' ');
}
