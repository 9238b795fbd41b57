import { CsvError } from 'csv-parse/sync';
import type { InstanceRecord } from '../functions/adapters/dynamodb/instances.ts';
import { readCsv, writeCsv } from './csv.ts';
import { CommandError } from './errors.ts';

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
  'overlapMinutes',
] as const;

/** Omits a secretId that is long and has no / or :, because it could be a token in the wrong column. */
export function withoutTokens(record: InstanceRecord): InstanceRecord {
  const entries = columns.flatMap((name) => {
    const value = record[name];
    const isDoubtful = name === 'secretId' && typeof value === 'string' && /^[^/:]{40,}$/.test(value);
    return value === undefined || isDoubtful ? [] : [[name, value]];
  });
  return Object.fromEntries(entries);
}

/** Returns a value in the format of a CSV cell. */
export function cellOf(value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.join(' ');
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, one]) => `${key}=${one}`)
    .join(' ');
}

/** Writes records as CSV. */
export function writeInstances(records: readonly InstanceRecord[]): string {
  return writeCsv([columns, ...records.map((record) => columns.map((name) => cellOf(record[name])))]);
}

/** Reads the records of a file that `export` wrote, or of JSON. Throws CommandError. */
export function readInstances(file: string, text: string): InstanceRecord[] {
  try {
    return text.trimStart().startsWith('[') ? fromJson(text) : fromCsv(text);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof CsvError)) throw error;
    throw new CommandError(
      `cannot read ${file}: ${error.message}`,
      'To see the format, run: collector export',
    );
  }
}

function fromJson(text: string): InstanceRecord[] {
  return JSON.parse(text).map((one: Record<string, unknown>) => {
    const unknown = Object.keys(one).find((name) => !columns.includes(name as (typeof columns)[number]));
    if (unknown !== undefined) throw new SyntaxError(`unknown attribute "${unknown}"`);
    return { ...one, instance: String(one.instance) };
  });
}

const words = (text: string) => text.split(/\s+/).filter((one) => one !== '');
const readers: Readonly<Record<string, (text: string) => unknown>> = {
  enabled: (text) => (/^true$/i.test(text) ? true : /^false$/i.test(text) ? false : text),
  lookbackHours: Number,
  overlapMinutes: Number,
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
