import { readFile, writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { CsvError } from 'csv-parse/sync';
import { textOf } from '../../functions/instances/token.ts';
import { type CommonOptions, does, wrong } from '../command.ts';
import { readCsv, writeCsv } from '../csv.ts';
import { CommandError } from '../errors.ts';
import { pollNow } from '../functions.ts';
import { counted, printable, table, json as toJson } from '../output.ts';
import {
  changeRecord,
  createRecord,
  hostOf,
  type InstanceRecord,
  listRecords,
  overlapping,
  ownerOf,
  readRecord,
} from '../records.ts';
import type { Stack } from '../stack.ts';

interface ExportOptions extends CommonOptions {
  readonly format?: 'csv' | 'json';
}

interface ImportOptions extends CommonOptions {
  readonly apply?: boolean;
}

/** The attributes that are exported and imported. Tokens are not included. */
const columns = [
  'instance',
  'host',
  'secretId',
  'enabled',
  'pollingInterval',
  'accountIds',
  'siteIds',
  'groupIds',
  'lookbackHours',
  'streams',
] as const;

export function exchangeCommands(program: Command): void {
  const give = program
    .command('export [file]')
    .summary('write all instances as CSV or JSON, without tokens')
    .description(
      'Writes all instances as CSV or JSON to a file or to standard output. Tokens are not included.',
    )
    .addOption(
      new Option('--format <format>', 'output format (default: by the file extension, else csv)').choices([
        'csv',
        'json',
      ]),
    );
  does<[string | undefined], ExportOptions>(give, async ({ out, stack: open }, { format, json }, file) => {
    const records = (await listRecords(await open())).map(withoutTokens);
    const isJson = (format ?? (json || file?.endsWith('.json') ? 'json' : 'csv')) === 'json';
    const text = isJson ? `${toJson(records, 2)}\n` : writeCsv([columns, ...records.map(cellsOf)]);
    if (file === undefined) process.stdout.write(process.stdout.isTTY ? lines(text) : text);
    else {
      await writeFile(file, text);
      out.answer({ exported: records.length, file }, () => [
        `Wrote ${counted(records.length, 'instance')} to ${file}`,
      ]);
    }
    return undefined;
  });

  const take = program
    .command('import <file>')
    .summary('add and change many instances')
    .description(
      'Reads a file that export wrote and shows what would be added and changed. --apply makes the changes. Nothing is removed. Store the tokens of new instances with rotate.',
    )
    .option('--apply', 'make the changes');
  does<[string], ImportOptions>(take, async ({ out, stack: open }, { apply }, file) => {
    const stack = await open();
    const given = readFileOf(file, await readText(file));
    const known = await listRecords(stack);
    const plan = planOf(stack, given, known);
    const isGood = plan.every(({ what }) => what !== 'wrong');
    const work = plan.filter(({ what }) => what === 'add' || what === 'change');
    if (apply && isGood) {
      for (const [i, { what, record, changes }] of work.entries()) {
        out.progress(`${i} of ${work.length} done`);
        if (what === 'add') await createRecord(stack, record);
        else await changeRecord(stack, record.instance, changes);
      }
      if (work.length > 0) await pollNow(stack);
    }
    const added = work.filter(({ what }) => what === 'add');
    out.answer({ applied: apply === true && isGood, plan }, () => [
      ...table(
        ['INSTANCE', 'WHAT', ''],
        plan.map(({ record, what, why }) => [record.instance, what, why]),
      ),
      !isGood
        ? 'Nothing was changed. Fix the errors first.'
        : apply
          ? `Added or changed ${counted(work.length, 'instance')}.`
          : `${counted(work.length, 'instance')} to add or change. Run again with --apply.`,
      ...(added.length > 0 ? ['New instances need tokens: collector rotate NAME'] : []),
    ]);
    return isGood ? undefined : wrong;
  });
}

/** Omits a secretId that is long and has no / or :, because it could be a token in the wrong column. */
function withoutTokens(record: InstanceRecord): InstanceRecord {
  const entries = columns.flatMap((name) => {
    const value = record[name];
    const isDoubtful = name === 'secretId' && typeof value === 'string' && /^[^/:]{40,}$/.test(value);
    return value === undefined || isDoubtful ? [] : [[name, value]];
  });
  return Object.fromEntries(entries);
}

function cellsOf(record: InstanceRecord): string[] {
  return columns.map((name) => {
    const value = record[name];
    if (value === undefined) return '';
    if (Array.isArray(value)) return value.join(' ');
    if (typeof value !== 'object' || value === null) return String(value);
    return Object.entries(value)
      .map(([key, one]) => `${key}=${one}`)
      .join(' ');
  });
}

async function readText(file: string): Promise<string> {
  try {
    // PowerShell writes UTF-16, or UTF-8 with a BOM.
    return textOf(await readFile(file));
  } catch (error) {
    throw new CommandError(`cannot read ${file}: ${(error as Error).message}`, 'Check the file name.');
  }
}

function readFileOf(file: string, text: string): InstanceRecord[] {
  try {
    return text.trimStart().startsWith('[') ? fromJson(text) : fromCsv(text);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof CsvError)) throw error;
    throw new CommandError(`cannot read ${file}: ${error.message}`, 'Run export to see the format.');
  }
}

function fromJson(text: string): InstanceRecord[] {
  return JSON.parse(text).map((one: Record<string, unknown>) => {
    const unknown = Object.keys(one).find((name) => !columns.includes(name as (typeof columns)[number]));
    if (unknown !== undefined) throw new SyntaxError(`unknown attribute "${unknown}"`);
    return { ...one, instance: String(one.instance) };
  });
}

const lines = (text: string) => text.split('\n').map(printable).join('\n');

const words = (text: string) => text.split(/\s+/).filter((one) => one !== '');
const readers: Readonly<Record<string, (text: string) => unknown>> = {
  enabled: (text) => (/^true$/i.test(text) ? true : /^false$/i.test(text) ? false : text),
  lookbackHours: Number,
  accountIds: words,
  siteIds: words,
  groupIds: words,
  streams: words,
  pollingInterval: (text) =>
    text.includes('=')
      ? Object.fromEntries(words(text).map((one) => [one.split('=')[0], Number(one.split('=')[1])]))
      : Number(text),
};

/** The first row has the column names, in any order. An empty cell means that the attribute is not set. */
function fromCsv(text: string): InstanceRecord[] {
  const [head = [], ...rows] = readCsv(text);
  const unknown = head.find((name) => !columns.includes(name as (typeof columns)[number]));
  if (unknown !== undefined) throw new SyntaxError(`unknown column "${unknown}"`);
  if (!head.includes('instance')) throw new SyntaxError('missing column "instance"');
  return rows.map((row) => {
    const cells = head.flatMap((name, i) => {
      const cell = row[i] ?? '';
      return cell === '' ? [] : [[name, (readers[name] ?? String)(cell)]];
    });
    return { instance: '', ...Object.fromEntries(cells) };
  });
}

interface Planned {
  readonly what: 'add' | 'change' | 'same' | 'wrong';
  readonly record: InstanceRecord;
  readonly why: string;
  readonly changes: Readonly<Record<string, unknown>>;
}

/** An attribute that is not in the file stays unchanged. */
function planOf(stack: Stack, given: readonly InstanceRecord[], known: readonly InstanceRecord[]): Planned[] {
  return given.map((record, i) => {
    const wrongly = (why: string): Planned => ({ what: 'wrong', record, why, changes: {} });
    if (given.findIndex(({ instance }) => instance === record.instance) !== i)
      return wrongly('duplicate name');
    const before = known.find(({ instance }) => instance === record.instance);
    try {
      readRecord(stack, { ...before, ...record });
    } catch (error) {
      return wrongly((error as Error).message);
    }
    const merged = { ...before, ...record };
    const [whose, isForeign] = ownerOf(stack, merged, [...known, ...given]);
    const moved =
      before === undefined || hostOf(stack, before) === hostOf(stack, merged)
        ? ''
        : `its token is not sent to the new host: use set ${record.instance} --host instead`;
    if (isForeign && JSON.stringify(before) !== JSON.stringify(merged)) return wrongly(whose);
    if (before === undefined) {
      const other = overlapping(stack, record, [
        ...known,
        ...given.slice(0, i).filter((one) => hostOf(stack, one) !== undefined),
      ]);
      const why =
        other === undefined
          ? ''
          : `overlaps with ${other.instance}: check that the tokens have different scopes`;
      return {
        what: 'add',
        record,
        why: said(why || String(record.host), whose),
        changes: {},
      };
    }
    const changed = Object.entries(record).filter(
      ([name, value]) => JSON.stringify(before[name]) !== JSON.stringify(value),
    );
    return {
      what: changed.length > 0 ? 'change' : 'same',
      record,
      why: changed.length === 0 ? '' : said(changed.map(([name]) => name).join(', '), whose, moved),
      changes: Object.fromEntries(changed),
    };
  });
}

const said = (...parts: readonly string[]) => parts.filter(Boolean).join('; ');
