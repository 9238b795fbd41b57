import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { type CommonOptions, does, wrong } from '../command.ts';
import { UsageError } from '../errors.ts';
import { deleteCursors, deleteRecord, listRecords, type readRecord, recordOf } from '../records.ts';
import { deleteSecret } from '../secrets.ts';

interface RemoveOptions extends CommonOptions {
  readonly yes?: boolean;
  readonly deleteSecret?: boolean;
  readonly deleteCursors?: boolean;
}

export function removeCommand(program: Command): void {
  const command = program
    .command('remove <name>')
    .summary('collect from a console no longer')
    .description(
      'Removes an instance after asking. Its secret and its cursors stay, so that it goes on where it stopped when it is added again, unless you say otherwise.',
    )
    .option('--delete-secret', 'delete its token as well; Secrets Manager can restore it for 30 days')
    .option('--delete-cursors', 'forget how far it was collected')
    .option('-y, --yes', 'do not ask');
  does<[string], RemoveOptions>(command, async ({ out, stack: open }, options, name) => {
    const stack = await open();
    const record = recordOf(await listRecords(stack), name);
    const lost = [options.deleteSecret && 'its secret', options.deleteCursors && 'its cursors'].filter(
      Boolean,
    );
    const what = [`${name} (${record.host})`, ...lost].join(' with ');
    if (!options.yes && !(await agreed(`Remove ${what}? [y/N] `))) {
      out.note('Nothing is removed.');
      return wrong;
    }
    await deleteRecord(stack, name);
    const cursors = options.deleteCursors ? await deleteCursors(stack, name) : 0;
    const secret = options.deleteSecret ? await deleteSecret(stack, secretIdOf(record)) : false;
    out.answer({ removed: name, secretDeleted: secret, cursorsDeleted: cursors }, () => [
      `${name} is removed.`,
      secret ? 'Its secret is deleted in 30 days, and can be restored until then.' : 'Its secret stays.',
      options.deleteCursors
        ? 'Its cursors are deleted.'
        : 'Its cursors stay: added again, it goes on where it stopped.',
    ]);
    return undefined;
  });
}

/** A record that breaks a rule can be removed as well. */
function secretIdOf(record: Parameters<typeof readRecord>[0]): string {
  return String(record.secretId ?? `signal-client/sentinelone/${record.instance}`);
}

async function agreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError('remove asks first: say --yes where nobody can answer');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}
