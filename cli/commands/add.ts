import type { Command } from 'commander';
import { present } from '../../functions/kit/json.ts';
import { type CommonOptions, does, wrong } from '../command.ts';
import { findingLines } from '../findings.ts';
import { pollNow } from '../functions.ts';
import { attributesOf, describing, hostOption, type RecordOptions } from '../options.ts';
import {
  createRecord,
  type InstanceRecord,
  listRecords,
  readTyped,
  refuseOverlap,
  resumption,
  sharersOf,
  taken,
} from '../records.ts';
import { replaceToken } from '../replace-token.ts';
import { askToken } from '../token.ts';
import { asTyped } from '../typed.ts';

interface AddOptions extends CommonOptions, RecordOptions {
  readonly host: string;
  readonly anotherScope?: boolean;
  readonly anyway?: boolean;
}

export function add(command: Command): void {
  command
    .description(
      'Adds an instance: asks for its API token, tests the token from Lambda, stores it as a secret, writes the record, and triggers the first poll.',
    )
    .requiredOption('--host <host>', 'console host, or its address as a browser shows it', hostOption);
  describing(command)
    .option('--another-scope', 'the token has a different scope than the other instances of this console')
    .option('--anyway', 'add the instance even if a check fails')
    .addHelpText(
      'after',
      `
Examples:
  $ collector add acme --host usea1-acme.sentinelone.net
  $ collector add acme --host usea1-acme.sentinelone.net --sites 42 <token.txt`,
    );
  does<[string], AddOptions>(command, async ({ out, stack: open }, options, name) => {
    const record = present({ instance: name, ...attributesOf(options) }) as unknown as InstanceRecord;
    const stack = await open();
    const instance = readTyped(stack, record);
    const { host } = instance;
    const records = await listRecords(stack);
    if (records.some(({ instance }) => instance === name)) throw taken(name);
    if (!options.anotherScope) refuseOverlap(stack, record, records);
    const sharers = sharersOf(stack, instance, records);
    const resumed = await resumption(stack, instance);
    const { kept, report, from, tested, warnings } = await replaceToken(
      stack,
      {
        instance,
        token: await askToken(host),
        of: [record, ...sharers],
        anyway: options.anyway === true,
        rebinds: true,
        // The secret is stored first, so that no poll uses the previous token.
        write: () => createRecord(stack, record),
      },
      out,
    );
    if (kept) await pollNow(stack);
    out.answer({ added: kept, ...report, from }, () => [
      `${tested}: ${host}, tested from ${from}`,
      ...findingLines(report, true),
      ...(kept
        ? [
            `Added ${name}; first poll started. Next: ${asTyped(`collector status ${name}`)} --wait 60`,
            ...warnings,
            ...resumed,
          ]
        : ['Not added. Fix the failed check, or use --anyway.']),
    ]);
    return kept ? undefined : wrong;
  });
}
