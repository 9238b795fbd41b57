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

/** A change of these attributes is tested before it is stored: it starts a new listing or uses another token. */
const tried = ['host', 'accountIds', 'siteIds', 'groupIds', 'secretId', 'streams'];

export function editCommands(program: Command): void {
  const set = program
    .command('set <name>')
    .summary('change an instance')
    .description(
      "Changes an instance. An empty value, as in --sites '', removes the attribute. A new host or new filters restart collection from the look-back.",
    )
    .option('--host <host>', 'console host');
  describing(set)
    .option('--another-scope', 'the token has a different scope than the other instances of this console')
    .option('--anyway', 'change the instance even if a check fails');
  does<[string], SetOptions>(set, async ({ out, stack: open }, options, name) => {
    const changes = attributesOf(options);
    if (Object.keys(changes).length === 0) throw new UsageError('nothing to change: see set --help');
    if ('host' in changes && changes.host === undefined) throw new UsageError('an instance needs a host');
    const stack = await open();
    const records = await listRecords(stack);
    const before = recordOf(records, name);
    const after = withChanges(before, changes);
    readRecord(after);
    if (!options.anotherScope && Object.keys(changes).some((key) => tried.includes(key)))
      refuseOverlap(after, records);
    if (tried.some((key) => key in changes)) {
      const { report, from } = await checkInFunction(stack, { of: after }, out);
      if (!report.good && !options.anyway) {
        out.answer({ changed: false, from, ...report }, () => [
          `${name}, tested from ${from}`,
          ...findingLines(report),
          'Not changed. Fix the failed check, or use --anyway.',
        ]);
        return wrong;
      }
    }
    await changeRecord(stack, name, changes);
    await pollNow(stack);
    out.answer({ changed: true, instance: after }, () => [
      `Updated ${name}: ${Object.keys(changes).join(', ')}. Takes effect with the next poll (triggered).`,
    ]);
    return undefined;
  });

  const toggle = (
    word: 'enable' | 'disable',
    enabled: boolean,
    summary: string,
    done: (name: string) => string,
  ) => {
    const command = program
      .command(`${word} <name...>`)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}. Record, secret and cursors are kept.`);
    does<[string[]]>(command, async ({ out, stack: open }, _, names) => {
      const stack = await open();
      const records = await listRecords(stack);
      for (const name of names) recordOf(records, name);
      for (const name of names) await changeRecord(stack, name, { enabled });
      await pollNow(stack);
      out.answer({ instances: names, enabled }, () => names.map(done));
      return undefined;
    });
  };
  toggle(
    'enable',
    true,
    'resume collection',
    (name) => `Enabled ${name}. Collection resumes from the same position.`,
  );
  toggle(
    'disable',
    false,
    'stop collection',
    (name) => `Disabled ${name}. \`enable\` resumes from the same position.`,
  );
}

function withChanges(record: InstanceRecord, changes: Readonly<Record<string, unknown>>): InstanceRecord {
  const entries = Object.entries({ ...record, ...changes }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as InstanceRecord;
}
