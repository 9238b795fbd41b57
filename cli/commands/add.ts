import type { Command } from 'commander';
import { present } from '../../functions/kit/json.ts';
import { type CommonOptions, does, wrong } from '../command.ts';
import { findingLines } from '../findings.ts';
import { checkInFunction, pollNow } from '../functions.ts';
import { attributesOf, describing, type RecordOptions } from '../options.ts';
import {
  createRecord,
  cursorKeys,
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
    .summary('collect from one more console')
    .description(
      'Adds an instance: asks for its API token, tries it from where polls leave, stores it as a secret, writes the record, and asks for the first poll at once.',
    )
    .requiredOption('--host <host>', 'the console, such as usea1-acme.sentinelone.net');
  describing(command)
    .option('--another-scope', 'its token sees other accounts or sites than those of the same console')
    .option('--anyway', 'add it although something is wrong with it')
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
    const left = await cursorKeys(stack, name);

    const staged = await stageToken(stack, secretId, token);
    let kept = false;
    try {
      const { stage } = staged;
      const { report, from } = await checkInFunction(stack, { record, ...(stage && { stage }) }, out);
      if (!report.good && !options.anyway) {
        out.answer({ added: false, ...report, from }, () => [
          `${name}: ${host}, tried in ${from}`,
          ...findingLines(report),
          `${name} is not added: nothing was kept. Mend what FAILED, or add it --anyway.`,
        ]);
        return wrong;
      }
      // First the record: should another have taken the name meanwhile, that one keeps its token.
      await createRecord(stack, record);
      kept = true;
      await staged.keep();
      await pollNow(stack);
      out.answer({ added: true, ...report, from }, () => [
        `${name}: ${host}, tried in ${from}`,
        ...findingLines(report),
        `${name} is added, and its first polls were asked for: status ${name}`,
        ...staged.warnings,
        ...(left.length > 0 ? [`It was collected before: it goes on where it stopped.`] : []),
      ]);
      return undefined;
    } finally {
      if (!kept) await staged.discard();
    }
  });
}
