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
    .summary('give an instance a new token')
    .description(
      'Asks for a new API token and tries it from where polls leave, beside the current one. Only if it is good it takes its place; a secret that is JSON keeps its other keys. Nothing restarts.',
    )
    .option('--anyway', 'take it although something is wrong with it');
  does<[string], RotateOptions>(command, async ({ out, stack: open }, { anyway }, name) => {
    const stack = await open();
    const { secretId, host } = readRecord(recordOf(await listRecords(stack), name));
    const staged = await stageToken(stack, secretId, await askToken());
    let kept = false;
    try {
      const { stage } = staged;
      const { report, from } = await checkInFunction(stack, { instance: name, ...(stage && { stage }) }, out);
      kept = report.good || anyway === true;
      if (kept) {
        await staged.keep();
        await pollNow(stack);
      }
      out.answer({ rotated: kept, instance: name, from, ...report }, () => [
        `${name}: ${host}, the new token tried in ${from}`,
        ...findingLines(report),
        kept
          ? `${name} has the new token. The old one may be used for up to an hour, for as long as it is good: revoke it whenever you like.`
          : `${name} keeps the token that it has. Mend what FAILED, or take the new one --anyway.`,
        ...(kept ? staged.warnings : []),
      ]);
      return kept ? undefined : wrong;
    } finally {
      if (!kept) await staged.discard();
    }
  });
}
