import type { Command } from 'commander';
import { type CommonOptions, does, wrong } from '../command.ts';
import { UsageError } from '../errors.ts';
import { findingLines } from '../findings.ts';
import { checkInFunction, pollNow } from '../functions.ts';
import { attributesOf, describing, type RecordOptions } from '../options.ts';
import {
  changeRecord,
  type InstanceRecord,
  listRecords,
  readRecord,
  recordOf,
  refuseOverlap,
} from '../records.ts';

interface SetOptions extends CommonOptions, RecordOptions {
  readonly anotherScope?: boolean;
  readonly anyway?: boolean;
}

/** A change of these is another listing, or another token: worth a try before it counts. */
const tried = ['host', 'accountIds', 'siteIds', 'groupIds', 'secretId', 'streams'];

export function editCommands(program: Command): void {
  const set = program
    .command('set <name>')
    .summary('change an instance')
    .description(
      "Changes an instance; an empty value, as in --sites '', removes what was set. Another host or other filters start it again from its look-back.",
    )
    .option('--host <host>', 'another console');
  describing(set)
    .option('--another-scope', 'its token sees other accounts or sites than those of the same console')
    .option('--anyway', 'change it although something is wrong with it then');
  does<[string], SetOptions>(set, async ({ out, stack: open }, options, name) => {
    const changes = attributesOf(options);
    if (Object.keys(changes).length === 0) throw new UsageError('set needs something to change: set --help');
    if ('host' in changes && changes.host === undefined) throw new UsageError('an instance needs a host');
    const stack = await open();
    const records = await listRecords(stack);
    const before = recordOf(records, name);
    const after = withChanges(before, changes);
    readRecord(after);
    if (!options.anotherScope && Object.keys(changes).some((key) => tried.includes(key)))
      refuseOverlap(after, records);
    if (tried.some((key) => key in changes)) {
      const { report, from } = await checkInFunction(stack, { record: after }, out);
      if (!report.good && !options.anyway) {
        out.answer({ changed: false, from, ...report }, () => [
          `${name}, tried in ${from}`,
          ...findingLines(report),
          `${name} stays as it was. Mend what FAILED, or change it --anyway.`,
        ]);
        return wrong;
      }
    }
    await changeRecord(stack, name, changes);
    await pollNow(stack);
    out.answer({ changed: true, instance: after }, () => [
      `${name} is changed: ${Object.keys(changes).join(', ')}. It counts from the next poll, which was asked for.`,
    ]);
    return undefined;
  });

  const toggle = (word: 'enable' | 'disable', enabled: boolean, summary: string, said: string) => {
    const command = program
      .command(`${word} <name...>`)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}. Record, secret and cursors stay.`);
    does<[string[]]>(command, async ({ out, stack: open }, _, names) => {
      const stack = await open();
      const records = await listRecords(stack);
      for (const name of names) recordOf(records, name);
      for (const name of names) await changeRecord(stack, name, { enabled });
      await pollNow(stack);
      out.answer({ instances: names, enabled }, () => names.map((name) => `${name} ${said}`));
      return undefined;
    });
  };
  toggle('enable', true, 'collect again', 'is enabled: it goes on where it stopped.');
  toggle(
    'disable',
    false,
    'stop collecting',
    'is disabled: no call is made for it. enable goes on where it stopped.',
  );
}

function withChanges(record: InstanceRecord, changes: Readonly<Record<string, unknown>>): InstanceRecord {
  const entries = Object.entries({ ...record, ...changes }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as InstanceRecord;
}
