import type { Command } from 'commander';
import { type CommonOptions, does, wrong } from '../command.ts';
import { findingLines } from '../findings.ts';
import { checkInFunction, pollNow } from '../functions.ts';
import { listRecords, readRecord, recordOf } from '../records.ts';
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
      'Asks for a new API token and tests it from Lambda. It replaces the current token only if the test succeeds. A JSON secret keeps its other keys. Collection continues from the same position.',
    )
    .option('--anyway', 'replace the token even if a check fails');
  does<[string], RotateOptions>(command, async ({ out, stack: open }, { anyway }, name) => {
    const stack = await open();
    const { secretId, host } = readRecord(recordOf(await listRecords(stack), name));
    const staged = await stageToken(stack, secretId, await askToken());
    let kept = false;
    try {
      const { stage } = staged;
      const { report, from } = await checkInFunction(stack, { of: name, ...(stage && { stage }) }, out);
      kept = report.good || anyway === true;
      if (kept) {
        await staged.keep();
        await pollNow(stack);
      }
      out.answer({ rotated: kept, instance: name, from, ...report }, () => [
        `${name}: ${host}, new token tested from ${from}`,
        ...findingLines(report),
        kept
          ? 'Token replaced. Lambda may use the old token for up to 1 h; if you revoke it earlier, polls switch to the new one.'
          : 'Token unchanged. Fix the failed check, or use --anyway.',
        ...(kept ? staged.warnings : []),
      ]);
      return kept ? undefined : wrong;
    } finally {
      if (!kept) await staged.discard();
    }
  });
}
