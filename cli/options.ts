import { type Command, InvalidArgumentError } from 'commander';
import { defaultStreams, streams } from '../functions/streams/list.ts';

/** The options that set attributes of an instance record. A key is present if its option was given; an empty value removes the attribute. */
export interface RecordOptions {
  readonly host?: string;
  readonly accounts?: readonly string[];
  readonly sites?: readonly string[];
  readonly groups?: readonly string[];
  readonly interval?: number | Record<string, number> | '';
  readonly lookbackHours?: number;
  readonly overlapMinutes?: number | '';
  readonly streams?: readonly string[];
  readonly secretId?: string;
}

const list = (text: string): string[] => text.split(/[\s,]+/).filter((one) => one !== '');

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

/** `15`, or `threats=15,activities=30`. */
function interval(text: string): number | Record<string, number> | '' {
  if (text === '') return '';
  if (!text.includes('=')) return number(text);
  return Object.fromEntries(
    list(text).map((one) => {
      const [stream = '', minutes = ''] = one.split('=');
      return [stream, number(minutes)];
    }),
  );
}

/** Reads a host from a console's address, which may have https and a path. */
export function hostOption(text: string): string {
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `https://${text}`);
  const isPlain = url?.protocol === 'https:' && url.username === '' && url.password === '';
  return isPlain ? url.host : text;
}

export function describing(command: Command): Command {
  const names = streams.map(({ name }) => name).join(', ');
  return command
    .option('--accounts <ids>', 'collect only these accounts (comma-separated ids)', list)
    .option('--sites <ids>', 'collect only these sites (comma-separated ids)', list)
    .option('--groups <ids>', 'collect only these groups (comma-separated ids)', list)
    .option(
      '--interval <minutes>',
      'minutes between polls at least: 15, or threats=15,activities=30',
      interval,
    )
    .option('--lookback-hours <hours>', 'hours before now at which collection starts (default: 24 h)', number)
    .option(
      '--overlap-minutes <minutes>',
      'how far back each poll reads again, 1 to 60 (default: that of the stack)',
      (text) => (text === '' ? '' : number(text)),
    )
    .option(
      '--streams <names>',
      `collect only these streams, of ${names}; set also takes +alerts and -agents`,
      list,
    )
    .option('--secret-id <id>', 'name or ARN of the secret (default: signal-client/sentinelone/NAME)');
}

const attributes: readonly (readonly [option: keyof RecordOptions, attribute: string])[] = [
  ['host', 'host'],
  ['accounts', 'accountIds'],
  ['sites', 'siteIds'],
  ['groups', 'groupIds'],
  ['interval', 'pollingInterval'],
  ['lookbackHours', 'lookbackHours'],
  ['overlapMinutes', 'overlapMinutes'],
  ['streams', 'streams'],
  ['secretId', 'secretId'],
];

/** Returns the option for an attribute. */
export function optionOf(attribute: string): string | undefined {
  if (attribute === 'instance') return 'the name';
  const [option] = attributes.find(([, name]) => name === attribute) ?? [];
  return option && `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Returns the given attributes; an attribute to remove is undefined. */
/** The record's streams with `+alerts` added, or `-agents` removed; names without a sign replace them all. */
export function streamsAfter(before: unknown, given: readonly string[]): string[] {
  const current = Array.isArray(before) ? before.map(String) : defaultStreams.map(({ name }) => name);
  const signs = given.filter((one) => /^[+-]/.test(one));
  if (signs.length < given.length) return [...given];
  const removed = signs.flatMap((one) => (one.startsWith('-') ? [one.slice(1)] : []));
  const added = signs.flatMap((one) => (one.startsWith('+') ? [one.slice(1)] : []));
  return [...new Set([...current, ...added])].filter((one) => !removed.includes(one));
}

export function attributesOf(options: RecordOptions): Record<string, unknown> {
  return Object.fromEntries(
    attributes.flatMap(([option, attribute]) => {
      const value = options[option];
      if (value === undefined) return [];
      const isEmpty = value === '' || (Array.isArray(value) && value.length === 0);
      return [[attribute, isEmpty ? undefined : value]];
    }),
  );
}
