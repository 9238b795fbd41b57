import { CommandError } from '../errors.ts';
import type { Template } from './changes.ts';
import { deletions, type Leftovers } from './leftovers.ts';

/** The state of the account. An Error stands for a part that could not be read. */
export interface Found {
  readonly account: string;
  readonly region: string;
  readonly caller: string;
  readonly bootstrapVersion: string | undefined | Error;
  readonly stack: FoundStack | undefined | Error;
  readonly concurrency: Concurrency | Error;
  /** Resources named by an earlier stack of this name, including those of the stack itself. */
  readonly leftovers: Leftovers | Error;
}

export interface FoundStack {
  readonly status: string;
  /** The AWS names of its resources, by logical id. */
  readonly names: Readonly<Record<string, string>>;
  readonly template: Template | Error;
}

export interface Concurrency {
  /** Unreserved concurrency of the account, without that of the stack's functions. */
  readonly unreserved: number;
  /** Reserved by the stack's functions. */
  readonly held: number;
}

/** What the operator requested. */
export interface Wanted {
  readonly stackName: string;
  readonly functions: number;
  readonly reservedConcurrency: unknown;
  /** Given on the command line, not in `cdk.json`. */
  readonly isGiven: boolean;
}

interface Plan {
  readonly lines: readonly string[];
  /** The CDK is not bootstrapped, but can be. */
  readonly needsBootstrap: boolean;
  /** Why the deployment would fail. */
  readonly problem?: CommandError | undefined;
  /** The setting for the deployment; undefined leaves it unchanged. */
  readonly reservedConcurrency?: number | false | undefined;
}

export function planOf(found: Found, wanted: Wanted): Plan {
  const { account, region, caller, bootstrapVersion, stack, concurrency, leftovers } = found;
  const { line, ...choice } = reservation(concurrency, wanted);
  return {
    lines: [
      `Account ${account}, region ${region}, as ${caller}`,
      `CDK bootstrap: ${shown(bootstrapVersion, (version) => `version ${version}`, 'missing')}`,
      `Stack ${wanted.stackName}: ${shown(stack, ({ status }) => status, 'new')}`,
      ...(stack instanceof Error ? [] : orphans(stack, leftovers)),
      `Reserved concurrency: ${line}`,
    ],
    needsBootstrap: bootstrapVersion === undefined,
    problem: blocked(stack, wanted.stackName) ?? inTheWay(stack, leftovers),
    ...choice,
  };
}

function shown<T>(value: T | undefined | Error, text: (value: T) => string, absent: string): string {
  if (value instanceof Error) return `not checked (${value.name})`;
  return value === undefined ? absent : text(value);
}

/** The CDK deletes a stack whose creation failed, and creates it again. */
const isNew = (stack: FoundStack | undefined) => stack === undefined || stack.status.startsWith('ROLLBACK_');

/** Resources that the next stack does not use. */
function orphans(stack: FoundStack | undefined, leftovers: Leftovers | Error): string[] {
  if (!isNew(stack)) return [];
  const failed = stack && '  The first deployment failed. The CDK deletes this stack and creates it again.';
  if (leftovers instanceof Error)
    return [...(failed ? [failed] : []), `  Leftovers: not checked (${leftovers.name})`];
  const commands = deletions({ ...leftovers, logGroups: [] });
  return [
    ...(failed ? [failed] : []),
    ...(commands.length > 0
      ? ['  An earlier stack of this name left these, and the new one does not use them. To delete them:']
      : []),
    ...commands.map((command) => `    ${command}`),
  ];
}

/** CloudFormation fails to create resources that exist. A stack that is deleted first deletes its own. */
function inTheWay(stack: Found['stack'], leftovers: Leftovers | Error): CommandError | undefined {
  if (stack !== undefined || leftovers instanceof Error || leftovers.logGroups.length === 0) return undefined;
  const { logGroups } = leftovers;
  return new CommandError(
    `the stack is new, but its log groups exist: ${logGroups.join(', ')}`,
    `Export what you need from them, then delete them: ${deletions({ tables: [], queues: [], buckets: [], logGroups }).join('; ')}`,
  );
}

export const notBootstrapped = ({ account, region }: Pick<Found, 'account' | 'region'>) =>
  new CommandError(
    `the CDK is not bootstrapped in account ${account}, region ${region}`,
    `Run this once, then deploy again: npx cdk bootstrap aws://${account}/${region}`,
  );

const commands: Readonly<Record<string, string>> = {
  DELETE_FAILED: 'delete-stack',
  UPDATE_ROLLBACK_FAILED: 'continue-update-rollback',
};

/** CloudFormation refuses to deploy to a stack in one of these states. */
function blocked(stack: Found['stack'], name: string): CommandError | undefined {
  if (stack === undefined || stack instanceof Error) return undefined;
  const command = commands[stack.status];
  if (command === undefined) return undefined;
  return new CommandError(
    `the stack ${name} is in the state ${stack.status} and cannot be deployed`,
    `Find the cause (aws cloudformation describe-stack-events --stack-name ${name}), then run: aws cloudformation ${command} --stack-name ${name}`,
  );
}

/** Lambda refuses a reservation that leaves less than this unreserved. Small accounts have less and can reserve none. */
const unreservedFloor = 100;

function reservation(
  concurrency: Found['concurrency'],
  { functions, reservedConcurrency: each, isGiven }: Wanted,
): { readonly line: string; readonly reservedConcurrency?: number | false } {
  const source = isGiven ? 'as set with -c' : 'as set in cdk.json';
  if (typeof each !== 'number') return { line: each === false ? `none, ${source}` : source };
  const some = `${each} for each of ${functions} functions`;
  if (concurrency instanceof Error) {
    const hint = 'If Lambda refuses it, use -c reservedConcurrency=false.';
    return { line: `${some}, ${source}; not checked (${concurrency.name}). ${hint}` };
  }
  const available = concurrency.unreserved + concurrency.held;
  const needed = each * functions + unreservedFloor;
  const why = `It takes ${needed} unreserved, ${unreservedFloor} of which must remain, and the account has ${available}.`;
  const fits = available >= needed;
  if (isGiven)
    return { line: fits ? `${some}, ${source}` : `${some}, ${source}. Lambda may refuse it. ${why}` };
  return fits
    ? { line: `${some}. ${why}`, reservedConcurrency: each }
    : { line: `none, because the account cannot spare ${some}. ${why}`, reservedConcurrency: false };
}
