import type { Command } from 'commander';
import { Output } from './output.ts';
import { openStack, type Stack, type StackOptions } from './stack.ts';
import { repeatOptions } from './typed.ts';

/** Options that every command accepts. */
export interface CommonOptions extends StackOptions {
  readonly json?: boolean;
}

/** What a command receives: where it prints, and the stack it works on. */
interface Session {
  readonly out: Output;
  /** Finds the deployed stack on the first call; later calls return the same one. */
  readonly stack: () => Promise<Stack>;
}

/** The exit code of a command that failed and has printed why. */
export const wrong = 1;

/** The exit code of a command that succeeded and found a problem: a console is red or fails a test. */
export const problem = 3;

/** The work of a command. Returns the exit code if it is not 0. */
type Work<Arguments extends readonly unknown[], Options> = (
  session: Session,
  options: Options,
  ...given: Arguments
) => Promise<number | undefined>;

/** Connects a command with its work. Commander passes the arguments, then the options, then the command. */
export function does<Arguments extends readonly unknown[], Options = CommonOptions>(
  command: Command,
  work: Work<Arguments, Options & CommonOptions>,
): void {
  command.action(async (...all: unknown[]) => {
    const given = all.slice(0, -2) as unknown as Arguments;
    const options = command.optsWithGlobals<Options & CommonOptions>();
    const out = new Output(options.json === true);
    repeatOptions(options);
    let opened: Promise<Stack> | undefined;
    const stack = () => {
      opened ??= openStack(options);
      return opened;
    };
    const code = await work({ out, stack }, options, ...given);
    if (code !== undefined) process.exitCode = code;
  });
}
