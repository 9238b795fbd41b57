import type { Command } from 'commander';
import { defaultSecretId } from '../../functions/instances/instance.ts';
import { present } from '../../functions/kit/json.ts';
import { type CommonOptions, does, wrong } from '../command.ts';
import { findingLines } from '../findings.ts';
import { checkInFunction, pollNow } from '../functions.ts';
import { attributesOf, describing, type RecordOptions } from '../options.ts';
import {
  createRecord,
  type InstanceRecord,
  listRecords,
  readRecord,
  refuseOverlap,
  taken,
} from '../records.ts';
import { stageToken } from '../secrets.ts';
import { askToken } from '../token.ts';

interface AddOptions extends CommonOptions, RecordOptions {
  readonly host: string;
  readonly anotherScope?: boolean;
  readonly anyway?: boolean;
}

export function addCommand(program: Command): void {
  const command = program
    .command('add <name>')
    .summary('add an instance')
    .description(
      'Adds an instance: asks for its API token, tests the token from Lambda, stores it as a secret, writes the record, and triggers the first poll.',
    )
    .requiredOption('--host <host>', 'console host, such as usea1-acme.sentinelone.net');
  describing(command)
    .option('--another-scope', 'the token has a different scope than the other instances of this console')
    .option('--anyway', 'add the instance even if a check fails')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sentinelone-collector add acme --host usea1-acme.sentinelone.net\n  $ sentinelone-collector add acme --host usea1-acme.sentinelone.net --sites 4242,4243 < token.txt',
    );
  does<[string], AddOptions>(command, async ({ out, stack: open }, options, name) => {
    const record = present({ instance: name, ...attributesOf(options) }) as unknown as InstanceRecord;
    const { host, secretId } = readRecord(record);
    const stack = await open();
    const records = await listRecords(stack);
    if (records.some(({ instance }) => instance === name)) throw taken(name);
    if (!options.anotherScope) refuseOverlap(record, records);
    const token = await askToken();
    const left = await stack.cursors.keysOf(name);

    // A secret under another name than the instance's own is bound to its host, or its token is not sent there.
    const bound = secretId === defaultSecretId(name) ? undefined : host;
    const staged = await stageToken(stack, secretId, token, bound);
    let kept = false;
    try {
      const { stage } = staged;
      const { report, from } = await checkInFunction(stack, { of: record, ...(stage && { stage }) }, out);
      if (!report.good && !options.anyway) {
        out.answer({ added: false, ...report, from }, () => [
          `${name}: ${host}, tested from ${from}`,
          ...findingLines(report),
          'Not added. Fix the failed check, or use --anyway.',
        ]);
        return wrong;
      }
      // The record comes first: if someone else has taken the name in the meantime, their token is not replaced.
      await createRecord(stack, record);
      kept = true;
      await staged.keep();
      await pollNow(stack);
      out.answer({ added: true, ...report, from }, () => [
        `${name}: ${host}, tested from ${from}`,
        ...findingLines(report),
        `Added ${name}; first poll started. Next: collector status ${name} --wait 60`,
        ...staged.warnings,
        ...(left.length > 0 ? ['It was collected before and resumes from the same position.'] : []),
      ]);
      return undefined;
    } finally {
      if (!kept) await staged.discard();
    }
  });
}
