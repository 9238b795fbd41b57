import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import cdkJson from '../../cdk.json' with { type: 'json' };

export interface Tools {
  /** The path of the CDK's executable. */
  readonly cdk: string;
  readonly print: (line: string) => void;
  /** Asks a yes-or-no question; returns false without a terminal. */
  readonly ask: (question: string) => Promise<boolean>;
}

/** The arguments of the CDK that the checks need. */
export interface Typed {
  /** The context of `cdk.json`, overridden by the arguments. */
  readonly context: Readonly<Record<string, unknown>>;
  readonly contextArgs: readonly string[];
  readonly stackName: string;
  readonly profile: string | undefined;
  /** Undefined if the environment or the profile decides. */
  readonly region: string | undefined;
  readonly yes: boolean;
  isGiven(setting: string): boolean;
}

export function argumentsOf(args: readonly string[]): Typed {
  const one = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      context: { ...one, short: 'c', multiple: true },
      profile: one,
      region: one,
      yes: { type: 'boolean', short: 'y' },
    },
    strict: false,
  });
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  const pairs = [values.context ?? []].flat().map(String);
  // None of the settings that are read here contains a second "=".
  const given: Readonly<Record<string, unknown>> = Object.fromEntries(
    pairs.map((pair) => pair.split('=', 2)),
  );
  const context: Readonly<Record<string, unknown>> = { ...cdkJson.context, ...given };
  return {
    context,
    contextArgs: pairs.flatMap((pair) => ['-c', pair]),
    stackName: String(context.stackName),
    profile: text(values.profile),
    region: text(values.region),
    yes: values.yes === true,
    isGiven: (setting) => Object.hasOwn(given, setting),
  };
}

export async function runCdk({ cdk }: Tools, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [cdk, ...args], { stdio: 'inherit' });
  const [code] = await once(child, 'close');
  return code ?? 1;
}

/** Returns a command for the same stack, to print. */
export function nextCommand(command: string, { stackName, profile, region }: Typed): string {
  return [
    `./collector ${command}`,
    ...(stackName === 'SentinelOneCollector' ? [] : [`--stack ${stackName}`]),
    ...(profile ? [`--profile ${profile}`] : []),
    ...(region ? [`--region ${region}`] : []),
  ].join(' ');
}
