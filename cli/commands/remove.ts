import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { partsOf } from '../../functions/instances/shared-secret.ts';
import { type CommonOptions, does, wrong } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';
import { printable } from '../output.ts';
import { deleteCursors, listRecords, othersWith, recordOf, secretIdOf } from '../records.ts';
import { deleteSecret } from '../secret-calls.ts';
import { deleteEntry } from '../shared-secret.ts';
import type { Stack } from '../stack.ts';

interface RemoveOptions extends CommonOptions {
  readonly yes?: boolean;
  readonly deleteSecret?: boolean;
  readonly deleteCursors?: boolean;
}

export function remove(command: Command): void {
  command
    .description(
      'Deletes an instance after confirmation. Its secret, cursors and ledger are kept, so that it resumes from the same position if you add it again.',
    )
    .option('--delete-secret', 'also delete its secret; Secrets Manager can restore it for 30 days')
    .option(
      '--delete-cursors',
      'also delete its cursors, ledger and history; a new instance starts from the look-back',
    )
    .option('-y, --yes', 'do not ask for confirmation');
  does<[string], RemoveOptions>(command, async ({ out, stack: open }, options, name) => {
    const stack = await open();
    const records = await listRecords(stack);
    const record = recordOf(records, name);
    const others = options.deleteSecret ? othersWith(secretIdOf(record), name, records) : [];
    if (others.length > 0) {
      throw new CommandError(
        `the secret of ${name} is also used by ${others.map(({ instance }) => instance).join(', ')}`,
        'Remove the instance without --delete-secret.',
      );
    }
    const lost = [
      options.deleteSecret && 'its secret',
      options.deleteCursors && 'its cursors, ledger and history',
    ].filter(Boolean);
    const what = [`${name} (${record.host})`, ...lost].join(' with ');
    if (!options.yes && !(await agreed(`Remove ${what}? [y/N] `))) {
      out.note('Not removed.');
      return wrong;
    }
    const ledger = options.deleteCursors ? stack.ledger() : undefined;
    await stack.instances.delete(name);
    const cursors = options.deleteCursors ? await deleteCursors(stack, name) : 0;
    // A poll that is under way writes no hour once its cursor is deleted.
    const ledgerItems = (await ledger?.delete(name)) ?? 0;
    const secret = options.deleteSecret ? await deleteToken(stack, secretIdOf(record)) : false;
    const answer = {
      removed: name,
      secretDeleted: secret,
      cursorsDeleted: cursors,
      ledgerItemsDeleted: ledgerItems,
    };
    out.answer(answer, () => [
      `Removed ${name}.`,
      secret
        ? partsOf(secretIdOf(record)).key === undefined
          ? 'Its secret will be deleted in 30 days and can be restored until then.'
          : 'Its token was removed from the shared secret.'
        : 'Its secret was kept.',
      options.deleteCursors
        ? 'Its cursors, ledger and history were deleted.'
        : 'Its cursors and ledger were kept: if you add it again, it resumes from the same position.',
    ]);
    return undefined;
  });
}

/** Of a shared secret only the token of this instance. */
function deleteToken(stack: Stack, secretId: string): Promise<boolean> {
  const { name, key } = partsOf(secretId);
  return key === undefined ? deleteSecret(stack, name) : deleteEntry(stack.secrets, name, key);
}

async function agreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new UsageError('remove asks for confirmation: use --yes when not interactive');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(printable(question))).trim());
  } finally {
    terminal.close();
  }
}
