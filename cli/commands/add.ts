import type { Command } from 'commander';
import { present } from '../../functions/kit/json.ts';
import { type CommonOptions, does, wrong } from '../command.ts';
import { findingLines } from '../findings.ts';
import { checkAll, pollNow } from '../functions.ts';
import { attributesOf, describing, type RecordOptions } from '../options.ts';
import {
  createRecord,
  type InstanceRecord,
  listRecords,
  readRecord,
  refuseOverlap,
  resumption,
  sharersOf,
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
    const stack = await open();
    const instance = readRecord(stack, record);
    const { host, secretId } = instance;
    const records = await listRecords(stack);
    if (records.some(({ instance }) => instance === name)) throw taken(name);
    if (!options.anotherScope) refuseOverlap(stack, record, records);
    const sharers = sharersOf(stack, instance, records);
    const staged = await stageToken(stack, secretId, await askToken(host), host, true);
    let kept = false;
    try {
      const { report, from, name: tested } = await checkAll(stack, [record, ...sharers], staged.version, out);
      if (!report.good && !options.anyway) {
        out.answer({ added: false, ...report, from }, () => [
          `${tested}: ${host}, tested from ${from}`,
          ...findingLines(report),
          'Not added. Fix the failed check, or use --anyway.',
        ]);
        return wrong;
      }
      const resumed = await resumption(stack, instance);
      // The secret comes first: no poll may use the token that was there before. If someone else has taken the name in
      // the meantime, that token is made the current one again.
      await staged.keep();
      await createRecord(stack, record);
      kept = true;
      await pollNow(stack);
      out.answer({ added: true, ...report, from }, () => [
        `${name}: ${host}, tested from ${from}`,
        ...findingLines(report),
        `Added ${name}; first poll started. Next: collector status ${name} --wait 60`,
        ...staged.warnings,
        ...resumed,
      ]);
      return undefined;
    } finally {
      if (!kept) await staged.discard();
    }
  });
}
