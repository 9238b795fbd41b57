import type { Command } from 'commander';
import { bulkTokens, readText, readTokens } from '../bulk.ts';
import { type CommonOptions, does, wrong } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';
import { pollNow } from '../functions.ts';
import { readInstances } from '../instance-file.ts';
import { counted, folded, type Output, table } from '../output.ts';
import { type Planned, planOf } from '../plan.ts';
import { changeRecord, createRecord, type InstanceRecord, listRecords } from '../records.ts';
import type { Stack } from '../stack.ts';
import { asTyped } from '../typed.ts';

interface ImportOptions extends CommonOptions {
  readonly apply?: boolean;
  readonly tokens?: string;
  readonly anyway?: boolean;
}

export function importFile(command: Command): void {
  command
    .description(
      'Reads a file that export wrote and shows what would be added and changed. --apply makes the changes. Nothing is removed. With --tokens it also tests and stores the tokens, and adds an instance only if its token passes.',
    )
    .option('--apply', 'make the changes')
    .option('--tokens <file>', 'the tokens: lines of NAME,TOKEN; - is standard input')
    .option('--anyway', 'store tokens and add instances even if a check fails')
    .addHelpText(
      'after',
      `
Examples:
  $ collector import instances.csv
  $ collector import instances.csv --tokens tokens.csv --apply
  $ password-manager export | collector import instances.csv --tokens - --apply`,
    );
  does<[string], ImportOptions>(command, async ({ out, stack: open }, options, file) => {
    if (file === '-' && options.tokens === '-') throw new UsageError('only one of both files can be -');
    const given = readInstances(file, await readText(file));
    const tokens =
      options.tokens === undefined ? new Map<string, string>() : await readTokens(options.tokens);
    const stack = await open();
    const known = await listRecords(stack);
    refuseUnknown(tokens, [...given, ...known]);
    const plan = planOf(stack, given, known);
    const isGood = plan.every(({ what }) => what !== 'wrong');
    if (!options.apply || !isGood) return shown(plan, tokens, isGood, out);
    return applied(stack, plan, tokens, known, options.anyway === true, out);
  });
}

function refuseUnknown(tokens: ReadonlyMap<string, string>, records: readonly InstanceRecord[]): void {
  const unknown = [...tokens.keys()].filter((name) => !records.some(({ instance }) => instance === name));
  if (unknown.length === 0) return;
  throw new CommandError(
    `the tokens name ${counted(unknown.length, 'instance')} that neither the file nor the stack has: ${folded(unknown)}`,
    'Correct the names, or add the instances to the file.',
  );
}

const isWork = ({ what }: Planned) => what === 'add' || what === 'change';

function shown(
  plan: readonly Planned[],
  tokens: ReadonlyMap<string, string>,
  isGood: boolean,
  out: Output,
): number | undefined {
  const work = plan.filter(isWork);
  const same = plan.filter(({ what }) => what === 'same');
  out.answer({ applied: false, plan, tokens: tokens.size }, () => [
    ...table(
      ['INSTANCE', 'WHAT', ''],
      plan.filter(({ what }) => what !== 'same').map(({ record, what, why }) => [record.instance, what, why]),
    ),
    ...(same.length > 0 ? [`${same.length} unchanged`] : []),
    isGood
      ? `${counted(work.length, 'instance')} to add or change, ${counted(tokens.size, 'token')} to test and store. Run again with --apply.`
      : 'Nothing was changed. Fix the errors first.',
    ...(isGood ? missingTokens(work, tokens) : []),
  ]);
  return isGood ? undefined : wrong;
}

function missingTokens(work: readonly Planned[], tokens: ReadonlyMap<string, string>): string[] {
  const without = work.filter(({ what, record }) => what === 'add' && !tokens.has(record.instance));
  if (without.length === 0) return [];
  return [
    `${counted(without.length, 'new instance')} without a token: ${folded(without.map(({ record }) => record.instance))}`,
    `→ ${asTyped('collector rotate')} NAME, or collector rotate --from FILE`,
  ];
}

/** Writes records without a token first. A record with a token is written after its token passed the test. */
async function applied(
  stack: Stack,
  plan: readonly Planned[],
  tokens: ReadonlyMap<string, string>,
  known: readonly InstanceRecord[],
  anyway: boolean,
  out: Output,
): Promise<number | undefined> {
  const work = plan.filter(isWork);
  const plain = work.filter(({ what, record }) => what === 'change' || !tokens.has(record.instance));
  for (const [i, { what, record, changes }] of plain.entries()) {
    out.progress(`${i} of ${plain.length} records written`);
    if (what === 'add') await createRecord(stack, record);
    else await changeRecord(stack, record.instance, changes);
  }
  if (tokens.size === 0) {
    if (plain.length > 0) await pollNow(stack);
    out.answer({ applied: true, plan }, () => [
      `Added or changed ${counted(plain.length, 'instance')}.`,
      ...missingTokens(work, tokens),
    ]);
    return undefined;
  }
  const records = new Map(known.map((record) => [record.instance, record]));
  for (const { record } of plan) records.set(record.instance, { ...records.get(record.instance), ...record });
  const withTokens = [...tokens].flatMap(([name, token]) => {
    const record = records.get(name);
    const isNew = !known.some(({ instance }) => instance === name);
    return record === undefined ? [] : [{ record, token, isNew }];
  });
  out.note(...missingTokens(work, tokens));
  return bulkTokens(stack, withTokens, known, { anyway, verb: 'stored' }, out);
}
