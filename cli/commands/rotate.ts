import type { Command } from 'commander';
import { bulkTokens, readTokens } from '../bulk.ts';
import { type CommonOptions, does, wrong } from '../command.ts';
import { UsageError } from '../errors.ts';
import { findingLines } from '../findings.ts';
import { pollNow } from '../functions.ts';
import type { Output } from '../output.ts';
import { listRecords, readRecord, recordOf, sharersOf } from '../records.ts';
import { replaceToken } from '../replace-token.ts';
import type { Stack } from '../stack.ts';
import { askToken } from '../token.ts';

interface RotateOptions extends CommonOptions {
  readonly anyway?: boolean;
  readonly from?: string;
}

export function rotate(command: Command): void {
  command
    .description(
      'Asks for a new API token and tests it from Lambda. It replaces the current token only if the test succeeds with every instance that uses the secret. The secret names the host of the token, so that the token is sent nowhere else. A JSON secret keeps its other keys. Collection continues from the same position.',
    )
    .option('--from <file>', 'replace the tokens of many instances: lines of NAME,TOKEN; - is standard input')
    .option('--anyway', 'replace the token even if a check fails')
    .addHelpText(
      'after',
      `
Examples:
  $ collector rotate acme
  $ collector rotate --from tokens.csv`,
    );
  does<[string | undefined], RotateOptions>(command, async ({ out, stack: open }, { anyway, from }, name) => {
    if ((name === undefined) === (from === undefined))
      throw new UsageError('rotate needs either the name of an instance or --from FILE');
    if (name !== undefined) return one(await open(), name, anyway === true, out);
    const tokens = await readTokens(from ?? '');
    const stack = await open();
    const records = await listRecords(stack);
    const work = [...tokens].map(([instance, token]) => ({ record: recordOf(records, instance), token }));
    return bulkTokens(stack, work, records, { anyway: anyway === true, verb: 'rotated' }, out);
  });
}

async function one(stack: Stack, name: string, anyway: boolean, out: Output): Promise<number | undefined> {
  const records = await listRecords(stack);
  const instance = readRecord(stack, recordOf(records, name));
  const { host } = instance;
  const sharers = sharersOf(stack, instance, records);
  const token = await askToken(host);
  const of = [name, ...sharers];
  const { kept, report, from, tested, warnings } = await replaceToken(
    stack,
    { instance, token, of, anyway, rebinds: false },
    out,
  );
  if (kept) await pollNow(stack);
  out.answer({ rotated: kept, instance: tested, sharers, from, ...report }, () => [
    `${tested}: ${host}, new token tested from ${from}`,
    ...findingLines(report, true),
    kept
      ? 'Token replaced. Lambda may use the old token for up to 1 h; if you revoke it earlier, polls switch to the new one.'
      : 'Token unchanged. Fix the failed check, or use --anyway.',
    ...(sharers.length > 0 ? [`The secret is shared with ${sharers.join(', ')}.`] : []),
    ...(kept ? warnings : []),
  ]);
  return kept ? undefined : wrong;
}
