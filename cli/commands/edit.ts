import type { Command } from 'commander';
import type { Instance } from '../../functions/instances/instance.ts';
import { type CommonOptions, does, wrong } from '../command.ts';
import { UsageError } from '../errors.ts';
import { findingLines } from '../findings.ts';
import { checkAll, checkInFunction, pollNow } from '../functions.ts';
import { attributesOf, describing, type RecordOptions } from '../options.ts';
import {
  changeRecord,
  hostOf,
  type InstanceRecord,
  listRecords,
  readRecord,
  recordOf,
  refuseOverlap,
  sharersOf,
} from '../records.ts';
import { stageToken } from '../secrets.ts';
import type { Stack } from '../stack.ts';
import { askToken } from '../token.ts';

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
      "Changes an instance. An empty value, as in --sites '', removes the attribute. A new host or new filters restart collection from the look-back. For a new host it asks for the token of that host, unless --secret-id names a secret that is bound to it.",
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
    const instance = readRecord(stack, after);
    if (!options.anotherScope && Object.keys(changes).some((key) => tried.includes(key)))
      refuseOverlap(stack, after, records);
    // A token belongs to one host: with another host comes another token, or another secret.
    const staged =
      instance.host === hostOf(stack, before) || changes.secretId !== undefined
        ? undefined
        : await stageTokenOf(stack, instance, records);
    let kept = false;
    try {
      if (tried.some((key) => key in changes)) {
        const { report, from } = staged
          ? await checkAll(stack, [after, ...staged.sharers], staged.version, out)
          : await checkInFunction(stack, { of: after }, out);
        if (!report.good && !options.anyway) {
          out.answer({ changed: false, from, ...report }, () => [
            `${name}, tested from ${from}`,
            ...findingLines(report),
            'Not changed. Fix the failed check, or use --anyway.',
          ]);
          return wrong;
        }
      }
      // Until the record is changed as well, the new token is bound to another host than the record's, and not sent.
      await staged?.keep();
      await changeRecord(stack, name, changes);
      kept = true;
    } finally {
      if (!kept) await staged?.discard();
    }
    await pollNow(stack);
    out.answer({ changed: true, instance: after }, () => [
      `Updated ${name}: ${Object.keys(changes).join(', ')}. Takes effect with the next poll (triggered).`,
      ...(staged?.warnings ?? []),
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

async function stageTokenOf(stack: Stack, instance: Instance, records: readonly InstanceRecord[]) {
  const { secretId, host } = instance;
  const sharers = sharersOf(stack, instance, records);
  return { sharers, ...(await stageToken(stack, secretId, await askToken(host), host, true)) };
}

function withChanges(record: InstanceRecord, changes: Readonly<Record<string, unknown>>): InstanceRecord {
  const entries = Object.entries({ ...record, ...changes }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as InstanceRecord;
}
