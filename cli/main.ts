#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { addCommand } from './commands/add.ts';
import { checkCommand } from './commands/check.ts';
import { editCommands } from './commands/edit.ts';
import { exchangeCommands } from './commands/exchange.ts';
import { queueCommands } from './commands/queue.ts';
import { removeCommand } from './commands/remove.ts';
import { replayCommand } from './commands/replay.ts';
import { rotateCommand } from './commands/rotate.ts';
import { statusCommands } from './commands/status.ts';
import { tailCommand } from './commands/tail.ts';
import { explained, UsageError } from './errors.ts';
import { Output, styled } from './output.ts';

const program = new Command('sentinelone-collector')
  .description(
    'Adds, tests, watches, mends and replays the consoles that a sentinelone-collector collects from.',
  )
  .option('--stack <name>', 'the deployed stack', 'SentinelOneCollector')
  .option('--region <region>', 'the AWS region; otherwise as the AWS CLI finds it')
  .option('--profile <profile>', 'the AWS profile; otherwise as the AWS CLI finds it')
  .option('--local', 'speak to a running `npm start` instead of AWS')
  .option('--json', 'answer in JSON')
  .addHelpText(
    'after',
    `
Exit codes:
  0  done, and all is well
  1  something that was asked about is wrong, or could not be done; it says what, and what to do
  2  the command was not typed as it is meant to be

A token is asked for at a hidden prompt, or read from standard input where that is no terminal. It is no
argument of any command. docs/cli.md has examples, and the AWS rights that each command needs.`,
  )
  .exitOverride()
  .configureOutput({
    // Whatever came behind an unknown option's = could be meant as a token.
    outputError: (message, write) => write(message.replace(/(unknown option '--?[\w-]+)=[^']*/, '$1')),
  })
  .showHelpAfterError('(--help shows how it is meant to be typed)');

for (const command of [
  addCommand,
  checkCommand,
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

/** A pipe that is closed early, as by `head`, is nobody's fault. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

function usage(message: string): number {
  process.stderr.write(`${message}\n`);
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
    else out.note(`${styled('red', message)}\n→ ${remedy}`);
    return 1;
  }
}

process.exitCode = await main();
