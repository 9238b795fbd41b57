import { Command, CommanderError } from 'commander';
import { type Configure, commands } from './commands.ts';
import { explained, UsageError } from './errors.ts';
import { Output, print, styled } from './output.ts';
import { defaultStack } from './stack-name.ts';
import { asTyped } from './typed.ts';
import { ownVersion } from './version.ts';

/** The minimum width of a terminal. */
const helpWidth = 80;

const exitCodes = `
Exit codes:
  0  OK
  1  the command failed; the output says what to do
  2  usage error
  3  the command succeeded and found a problem: a console is red or fails a test

Commands that need a token ask for it at a hidden prompt, or read it from
standard input if that is not a terminal. Tokens are never passed as arguments.
Examples and the AWS permissions of each command: docs/cli.md`;

/**
 * Creates the program with the names and summaries of all commands. The options of a command are loaded when it is
 * used.
 */
function programOf(): Command {
  const program = new Command('collector')
    .description('Manage the SentinelOne consoles that the collector polls.')
    .version(ownVersion(), '-V, --version', 'print the version')
    .option('--stack <name>', 'name of the deployed stack', defaultStack)
    .option('--region <region>', 'AWS region (default: as for the AWS CLI)')
    .option('--profile <profile>', 'AWS profile (default: as for the AWS CLI)')
    .option('--local', 'use a running `npm start` instead of AWS')
    .option('--port <port>', 'with --local: which one, by the port of its search page', Number)
    .option('--json', 'print JSON')
    .addHelpText('after', exitCodes)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
      // `main` prints errors, as text or as JSON.
      outputError: () => undefined,
    })
    .exitOverride();
  const configures = new Map<Command, Configure>();
  for (const [usage, summary, configure] of commands) {
    configures.set(program.command(usage).summary(summary), configure);
  }
  program
    .command('complete [words...]', { hidden: true })
    .allowUnknownOption()
    .action(async (words: readonly string[]) => {
      const command = program.commands.find((one) => words.includes(one.name()));
      if (command !== undefined) await configures.get(command)?.(command);
      const { candidates } = await import('./commands/complete.ts');
      process.stdout.write(`${(await candidates(program, command, words)).join('\n')}\n`);
    });
  return program.hook('preSubcommand', async (_, command) => {
    used = command;
    await configures.get(command)?.(command);
  });
}

/** The command that was used. */
let used: Command | undefined;

/** Runs the command line and returns its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  /** A pipe that the reader closes early, as `head` does, is not an error. */
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const [node = '', script = '', ...given] = argv;
  // `help add` is the same as `add --help`.
  const [first, about] = given;
  const args = first === 'help' && about !== undefined ? [about, '--help'] : given;
  const out = new Output(args.includes('--json'));
  try {
    await programOf().parseAsync([node, script, ...args]);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      // Without a command, commander prints the help.
      if (error.code !== 'commander.help') usageError(out, withoutValue(error.message));
      return 2;
    }
    if (error instanceof UsageError) {
      usageError(out, error.message);
      return 2;
    }
    const { message, remedy } = explained(error);
    if (out.json) out.answer({ error: message, remedy: asTyped(remedy) }, () => []);
    else out.note(styled('red', message), `→ ${asTyped(remedy)}`);
    return 1;
  }
}

function usageError(out: Output, error: string): void {
  const names = used === undefined ? '' : ` ${used.name()}`;
  const remedy = `See: ${asTyped(`collector${names} --help`, '')}`;
  if (out.json) out.answer({ error, remedy }, () => []);
  else for (const line of [...error.split('\n'), `→ ${remedy}`]) print(line, process.stderr);
}

/** The value of an unknown option could be a token, as in `--token=…`, so it is not printed. */
function withoutValue(message: string): string {
  return message.replace(/^error: /, '').replace(/(unknown option '--?[\w-]+)=[^']*/, '$1');
}
