import type { Command } from 'commander';
import { type CommonOptions, does, wrong } from '../command.ts';
import { UsageError } from '../errors.ts';
import { findingLines } from '../findings.ts';
import { checkInFunction, pollNow } from '../functions.ts';
import {
  attributesOf,
  describing,
  hostOption,
  optionOf,
  type RecordOptions,
  streamsAfter,
} from '../options.ts';
import { folded, type Output } from '../output.ts';
import {
  changeRecord,
  hostOf,
  type InstanceRecord,
  listRecords,
  readTyped,
  recordOf,
  refuseOverlap,
  sharersOf,
} from '../records.ts';
import { replaceToken } from '../replace-token.ts';
import type { Stack } from '../stack.ts';
import { askToken } from '../token.ts';

interface SetOptions extends CommonOptions, RecordOptions {
  readonly anotherScope?: boolean;
  readonly anyway?: boolean;
}

/** A change of these attributes is tested before it is stored: it starts a new listing or uses another token. */
const tried = ['host', 'accountIds', 'siteIds', 'groupIds', 'secretId', 'streams'];

export function set(command: Command): void {
  command
    .description(
      "Changes instances. An empty value, as in --sites '', removes the attribute. A new host or new filters restart collection from the look-back. For a new host it asks for the token of that host, unless --secret-id names a secret that is bound to it.",
    )
    .option('--host <host>', 'console host (of one instance)', hostOption);
  describing(command)
    .option('--another-scope', 'the token has a different scope than the other instances of this console')
    .option('--anyway', 'change the instance even if a check fails');
  does<[string[]], SetOptions>(command, async ({ out, stack: open }, options, names) => {
    const changes = attributesOf(options);
    if (Object.keys(changes).length === 0) throw new UsageError('nothing to change: set needs an option');
    if ('host' in changes && changes.host === undefined) throw new UsageError('--host must not be empty');
    if (names.length > 1 && ['host', 'secretId'].some((key) => key in changes))
      throw new UsageError('--host and --secret-id change one instance at a time');
    const stack = await open();
    const records = await listRecords(stack);
    const wanted = names.map((name) => recordOf(records, name));
    // All are checked before the first is changed.
    for (const before of wanted) {
      const after = withChanges(before, changesOf(before, changes));
      readTyped(stack, after);
      if (!options.anotherScope && Object.keys(changes).some((key) => tried.includes(key)))
        refuseOverlap(stack, after, records);
    }
    const results: Result[] = [];
    for (const [i, before] of wanted.entries()) {
      if (wanted.length > 1) out.progress(`${i} of ${wanted.length} instances changed`);
      const result = await change(
        stack,
        before,
        changesOf(before, changes),
        records,
        options.anyway === true,
        out,
      );
      results.push(result);
      if (!result.changed) break;
    }
    const changed = results.filter((one) => one.changed).map(({ after }) => after.instance);
    if (changed.length > 0) await pollNow(stack);
    const left = names.slice(changed.length);
    const [first] = results;
    const shown = results.map(({ changed, after, tested }) => ({ changed, instance: after, ...tested }));
    out.answer(first !== undefined && names.length === 1 ? shown[0] : shown, () => [
      ...(changed.length > 0
        ? [
            `Updated ${folded(changed)}: ${Object.keys(changes)
              .map((key) => optionOf(key))
              .join(', ')}. Takes effect with the next poll (triggered).`,
          ]
        : []),
      ...results.flatMap(({ warnings }) => warnings),
      ...results.filter((one) => !one.changed).flatMap(({ lines }) => lines),
      ...(left.length > 1 ? [`Not changed: ${folded(left)}`] : []),
    ]);
    return left.length > 0 ? wrong : undefined;
  });
}

interface Result {
  readonly changed: boolean;
  readonly after: InstanceRecord;
  readonly tested?: object;
  readonly warnings: readonly string[];
  /** The output if nothing was changed. */
  readonly lines: readonly string[];
}

async function change(
  stack: Stack,
  before: InstanceRecord,
  changes: Readonly<Record<string, unknown>>,
  records: readonly InstanceRecord[],
  anyway: boolean,
  out: Output,
): Promise<Result> {
  const after = withChanges(before, changes);
  const instance = readTyped(stack, after);
  const write = () => changeRecord(stack, after.instance, changes);
  // A token belongs to one host, so a new host needs a new token or another secret.
  const isMoved = instance.host !== hostOf(stack, before) && changes.secretId === undefined;
  const isTried = isMoved || tried.some((key) => key in changes);
  if (!isTried) {
    await write();
    return { changed: true, after, warnings: [], lines: [] };
  }
  const { kept, report, from, warnings } = isMoved
    ? await replaceToken(
        stack,
        {
          instance,
          of: [after, ...sharersOf(stack, instance, records)],
          token: await askToken(instance.host),
          anyway,
          rebinds: true,
          write,
        },
        out,
      )
    : await triedAs(stack, after, anyway, write, out);
  const lines = [
    `${after.instance}, tested from ${from}`,
    ...findingLines(report, isMoved, after.instance),
    'Not changed. Fix the failed check, or use --anyway.',
  ];
  return { changed: kept, after, tested: { from, ...report }, warnings, lines };
}

async function triedAs(
  stack: Stack,
  of: InstanceRecord,
  anyway: boolean,
  write: () => Promise<void>,
  out: Output,
) {
  const { report, from } = await checkInFunction(stack, { of }, out);
  const kept = report.good || anyway;
  if (kept) await write();
  return { kept, report, from, warnings: [] };
}

/** What the options mean for one record. */
function changesOf(record: InstanceRecord, changes: Readonly<Record<string, unknown>>) {
  const { streams } = changes;
  return Array.isArray(streams) ? { ...changes, streams: streamsAfter(record.streams, streams) } : changes;
}

function withChanges(record: InstanceRecord, changes: Readonly<Record<string, unknown>>): InstanceRecord {
  const entries = Object.entries({ ...record, ...changes }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as InstanceRecord;
}

export const enable = (command: Command) =>
  toggle(command, true, 'Resumes collection', 'Enabled', 'Collection resumes from the same position.');

export const disable = (command: Command) =>
  toggle(command, false, 'Stops collection', 'Disabled', '`enable` resumes from the same position.');

function toggle(command: Command, enabled: boolean, what: string, done: string, then: string): void {
  command.description(`${what}. Record, secret and cursors are kept.`);
  does<[string[]]>(command, async ({ out, stack: open }, _, names) => {
    const stack = await open();
    const records = await listRecords(stack);
    for (const name of names) recordOf(records, name);
    for (const name of names) await changeRecord(stack, name, { enabled });
    await pollNow(stack);
    out.answer({ instances: names, enabled }, () => names.map((name) => `${done} ${name}. ${then}`));
    return undefined;
  });
}
