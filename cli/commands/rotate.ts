import type { Command } from 'commander';
import { type CommonOptions, does, wrong } from '../command.ts';
import { findingLines } from '../findings.ts';
import { checkAll, pollNow } from '../functions.ts';
import { listRecords, readRecord, recordOf, sharersOf } from '../records.ts';
import { stageToken } from '../secrets.ts';
import { askToken } from '../token.ts';

interface RotateOptions extends CommonOptions {
  readonly anyway?: boolean;
}

export function rotateCommand(program: Command): void {
  const command = program
    .command('rotate <name>')
    .summary('replace the API token of an instance')
    .description(
      'Asks for a new API token and tests it from Lambda. It replaces the current token only if the test succeeds with every instance that uses the secret. The secret names the host of the token, so that the token is sent nowhere else. A JSON secret keeps its other keys. Collection continues from the same position.',
    )
    .option('--anyway', 'replace the token even if a check fails');
  does<[string], RotateOptions>(command, async ({ out, stack: open }, { anyway }, name) => {
    const stack = await open();
    const records = await listRecords(stack);
    const instance = readRecord(stack, recordOf(records, name));
    const { secretId, host } = instance;
    const sharers = sharersOf(stack, instance, records);
    const staged = await stageToken(stack, secretId, await askToken(host), host);
    let kept = false;
    try {
      const { report, from, name: tested } = await checkAll(stack, [name, ...sharers], staged.version, out);
      if (report.good || anyway === true) {
        await staged.keep();
        kept = true;
        await pollNow(stack);
      }
      out.answer({ rotated: kept, instance: tested, sharers, from, ...report }, () => [
        `${tested}: ${host}, new token tested from ${from}`,
        ...findingLines(report),
        kept
          ? 'Token replaced. Lambda may use the old token for up to 1 h; if you revoke it earlier, polls switch to the new one.'
          : 'Token unchanged. Fix the failed check, or use --anyway.',
        ...(sharers.length > 0 ? [`The secret is shared with ${sharers.join(', ')}.`] : []),
        ...(kept ? staged.warnings : []),
      ]);
      return kept ? undefined : wrong;
    } finally {
      if (!kept) await staged.discard();
    }
  });
}
