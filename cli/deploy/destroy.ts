import { CommandError } from '../errors.ts';
import { lookInto } from './account.ts';
import { argumentsOf, runCdk, type Tools } from './cdk.ts';
import { deletions } from './leftovers.ts';

/**
 * Deletes the stack with `cdk destroy`, and prints what remains and how to delete it.
 * @returns the exit code of the CDK
 * @throws CommandError if there is no such stack, or without confirmation
 */
export async function destroy(args: readonly string[], tools: Tools): Promise<number> {
  const { print, ask } = tools;
  const typed = argumentsOf(args);
  const { stackName, profile, region, context } = typed;
  const qualifier = String(context['@aws-cdk/core:bootstrapQualifier'] ?? 'hnb659fds');
  const found = await lookInto({ profile, region, stackName, qualifier, functionNames: [] });
  const { account, region: where, stack, leftovers } = found;
  print(`Account ${account}, region ${where}, as ${found.caller}`);
  if (stack === undefined) {
    throw new CommandError(
      `there is no stack ${stackName} in ${where}`,
      'Check --region, --profile and -c stackName=….',
    );
  }
  print(
    `Deletes the stack ${stackName}: its functions, rules, roles, alarms, dashboard, saved queries and log groups.`,
  );
  print('Both tables, both queues and the overflow bucket stay, and so do the secrets.');
  if (!typed.yes && !(await ask(`Delete the stack ${stackName}? [y/N] `)))
    throw new CommandError('not deleted', 'Use --yes when not interactive.');
  const rest = args.filter((arg) => arg !== '--yes' && arg !== '-y');
  const code = await runCdk(tools, ['destroy', ...rest, '--force']);
  if (code !== 0) return code;
  if (leftovers instanceof Error) {
    print(`What stays: not checked (${leftovers.name}). Look for names that begin with ${stackName}.`);
    return code;
  }
  print(
    'What stays holds data that cannot be recreated. To delete it for good (docs/operations.md, Remove it):',
  );
  for (const command of deletions({ ...leftovers, logGroups: [] })) print(`  ${command}`);
  print(
    '  aws secretsmanager delete-secret --secret-id signal-client/sentinelone/NAME   # for each instance',
  );
  return code;
}
