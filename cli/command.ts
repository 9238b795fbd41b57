import type { Command } from 'commander';
import { Output } from './output.ts';
import { openStack, type Stack, type StackOptions } from './stack.ts';

/** What every command may be told. */
export interface CommonOptions extends StackOptions {
  readonly json?: boolean;
}

/** What a command works with. */
interface Session {
  readonly out: Output;
  /** The collector that is spoken of; looked for when first asked for. */
  readonly stack: () => Promise<Stack>;
}

/** Something that was asked about is wrong; it has been said already. */
export const wrong = 1;

/** Does the work of a command; answers its exit code where it is not 0. */
type Work<Arguments extends readonly unknown[], Options> = (
  session: Session,
  options: Options,
  ...given: Arguments
) => Promise<number | undefined>;

/** Gives a command its work: commander hands over the arguments, the command's own options, and the command. */
export function does<Arguments extends readonly unknown[], Options = CommonOptions>(
  command: Command,
  work: Work<Arguments, Options & CommonOptions>,
): void {
  command.action(async (...all: unknown[]) => {
    const given = all.slice(0, -2) as unknown as Arguments;
    const options = command.optsWithGlobals<Options & CommonOptions>();
    const out = new Output(options.json === true);
    let opened: Promise<Stack> | undefined;
    const stack = () => {
      opened ??= openStack(options);
      return opened;
    };
    const code = await work({ out, stack }, options, ...given);
    if (code !== undefined) process.exitCode = code;
  });
}
