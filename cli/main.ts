#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { addCommand } from './commands/add.ts';
import { checkCommand } from './commands/check.ts';
import { editCommands } from './commands/edit.ts';
import { exchangeCommands } from './commands/exchange.ts';
import { listCommands } from './commands/list.ts';
import { queueCommands } from './commands/queue.ts';
import { removeCommand } from './commands/remove.ts';
import { replayCommand } from './commands/replay.ts';
import { rotateCommand } from './commands/rotate.ts';
import { statusCommands } from './commands/status.ts';
import { tailCommand } from './commands/tail.ts';
import { explained, UsageError } from './errors.ts';
import { Output, print, styled } from './output.ts';

const program = new Command('sentinelone-collector')
  .description('Manage the SentinelOne consoles that the collector polls.')
  .option('--stack <name>', 'name of the deployed stack', 'SentinelOneCollector')
  .option('--region <region>', 'AWS region (default: as for the AWS CLI)')
  .option('--profile <profile>', 'AWS profile (default: as for the AWS CLI)')
  .option('--local', 'use a running `npm start` instead of AWS')
  .option('--json', 'print JSON')
  .addHelpText(
    'after',
    `
Exit codes:
  0  OK
  1  a problem was found, or the command failed; the output says what to do
  2  usage error

Commands that need a token ask for it at a hidden prompt, or read it from standard input if that is not a
terminal. Tokens are never passed as command-line arguments. See docs/cli.md for examples and for the AWS
permissions that each command needs.`,
  )
  .exitOverride()
  .configureOutput({
    // The value of an unknown option could be a token, as in `--token=…`, so it is not printed.
    outputError: (message) => {
      for (const line of message
        .replace(/(unknown option '--?[\w-]+)=[^']*/, '$1')
        .trimEnd()
        .split('\n'))
        print(line, process.stderr);
    },
  })
  .showHelpAfterError('See --help.');

for (const command of [
  addCommand,
  checkCommand,
  listCommands,
  statusCommands,
  editCommands,
  removeCommand,
  rotateCommand,
  replayCommand,
  tailCommand,
  queueCommands,
  exchangeCommands,
])
  command(program);

/** A pipe that the reader closes early, as `head` does, is not an error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

function usage(message: string): number {
  print(message, process.stderr);
  return 2;
}

async function main(): Promise<number> {
  try {
    await program.parseAsync();
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof UsageError) return usage(error.message);
    const { message, remedy } = explained(error);
    const out = new Output(program.opts().json === true);
    if (out.json) out.answer({ error: message, remedy }, () => []);
    else out.note(styled('red', message), `→ ${remedy}`);
    return 1;
  }
}

process.exitCode = await main();
