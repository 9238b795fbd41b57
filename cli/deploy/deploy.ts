import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deployedStreams, streams } from '../../functions/streams/list.ts';
import { CommandError } from '../errors.ts';
import { lookInto } from './account.ts';
import { argumentsOf, nextCommand, runCdk, type Tools, type Typed } from './cdk.ts';
import { changesOf } from './changes.ts';
import { type Found, notBootstrapped, planOf } from './plan.ts';

/**
 * Checks the account, shows what will change, and runs `cdk deploy` with the given arguments.
 * @returns the exit code of the CDK
 * @throws CommandError if the deployment would fail, or would abandon data without confirmation
 */
export async function deploy(args: readonly string[], tools: Tools): Promise<number> {
  const { print, ask } = tools;
  const typed = argumentsOf(args);
  const { context, stackName, profile, region } = typed;
  const optional = parsed(context.optionalStreams);
  const deployed = deployedStreams(streams, Array.isArray(optional) ? optional : []);
  const found = await lookInto({
    profile,
    region,
    stackName,
    qualifier: String(context['@aws-cdk/core:bootstrapQualifier'] ?? 'hnb659fds'),
    functionNames: deployed.map(({ name }) => `${stackName}-${name}`),
  });
  const { lines, problem, needsBootstrap, reservedConcurrency } = planOf(found, {
    stackName,
    functions: deployed.length,
    reservedConcurrency: parsed(context.reservedConcurrency),
    isGiven: typed.isGiven('reservedConcurrency'),
  });
  for (const line of lines) print(line);
  if (problem !== undefined) throw problem;
  if (needsBootstrap) {
    if (!(await ask('Bootstrap it now? The CDK creates a bucket, a repository and five roles. [y/N] ')))
      throw notBootstrapped(found);
    const place = `aws://${found.account}/${found.region}`;
    const code = await runCdk(tools, ['bootstrap', place, ...(profile ? ['--profile', profile] : [])]);
    if (code !== 0) return code;
  }
  const choice =
    reservedConcurrency === undefined ? [] : ['-c', `reservedConcurrency=${reservedConcurrency}`];
  const assembly = mkdtempSync(join(tmpdir(), 'collector-assembly-'));
  try {
    const synthesised = await runCdk(tools, [
      'synth',
      '--quiet',
      '--output',
      assembly,
      ...typed.contextArgs,
      ...choice,
    ]);
    if (synthesised !== 0) return synthesised;
    await confirmChanges(found, assembly, typed, tools);
    const approval = args.flatMap((arg) =>
      arg === '--yes' || arg === '-y' ? ['--require-approval', 'never'] : [arg],
    );
    const code = await runCdk(tools, ['deploy', ...approval, ...choice, '--app', assembly]);
    if (code === 0)
      print(
        `Next: ${nextCommand(found.stack === undefined ? 'add NAME --host CONSOLE_HOST' : 'status', typed)}`,
      );
    return code;
  } finally {
    rmSync(assembly, { recursive: true, force: true });
  }
}

async function confirmChanges(
  { stack }: Found,
  assembly: string,
  typed: Typed,
  { print, ask }: Tools,
): Promise<void> {
  const after = JSON.parse(readFileSync(join(assembly, `${typed.stackName}.template.json`), 'utf8'));
  if (stack instanceof Error || stack?.template instanceof Error) {
    const { name } = stack instanceof Error ? stack : (stack.template as Error);
    print(`Changes: not checked (${name})`);
    return;
  }
  const { lines, abandoned } = changesOf(stack?.template, after, (id) => stack?.names[id] ?? id);
  for (const line of lines) print(line);
  if (abandoned.length === 0 || typed.yes) return;
  const which = abandoned.join(', ');
  if (await ask(`The stack will no longer use ${which}; the data stays there. Deploy? [y/N] `)) return;
  throw new CommandError(
    `not deployed: the stack would no longer use ${which}`,
    'Deploy with --yes if this is what you want.',
  );
}

function parsed(value: unknown): unknown {
  try {
    return JSON.parse(String(value));
  } catch {
    return value;
  }
}
