import type { Command } from 'commander';
import type { InstanceHealth } from '../../functions/health/instance-health.ts';
import type { Lateness } from '../../functions/health/lateness.ts';
import { does, problem } from '../command.ts';
import { cells, head, readHealth, styles, withError } from '../health.ts';
import { counted, duration, moment, plain, styled, table } from '../output.ts';
import { type InstanceRecord, listRecords, recordOf } from '../records.ts';

export function list(command: Command): void {
  command.description('Lists all instances and their configuration.');
  does<[]>(command, async ({ out, stack: open }) => {
    const records = await listRecords(await open());
    out.answer(records, () => [
      ...table(
        ['INSTANCE', 'HOST', 'ENABLED', 'STREAMS', 'INTERVAL', 'FILTERS'],
        records.map(setUp),
        (row) => (records[row]?.enabled === false ? 'dim' : undefined),
      ),
      counted(records.length, 'instance'),
    ]);
    return undefined;
  });
}

export function show(command: Command): void {
  command.description(
    'Shows the record of an instance and the health of each stream. Exits 3 if a stream is red.',
  );
  does<[string]>(command, async ({ out, stack: open }, _, name) => {
    const stack = await open();
    const record = recordOf(await listRecords(stack), name);
    const [health] = await readHealth(stack, [record], false);
    out.answer({ record, ...health }, () => (health === undefined ? [] : shown(record, health)));
    return health?.light === 'red' ? problem : undefined;
  });
}

const filterNames = { accountIds: 'accounts', siteIds: 'sites', groupIds: 'groups' } as const;

function setUp(record: InstanceRecord): string[] {
  const filters = Object.entries(filterNames).flatMap(([attribute, name]) => {
    const ids = record[attribute];
    return Array.isArray(ids) && ids.length > 0 ? [`${ids.length} ${name}`] : [];
  });
  return [
    record.instance,
    String(record.host ?? '-'),
    record.enabled === false ? 'no' : 'yes',
    Array.isArray(record.streams) ? record.streams.join(' ') : 'all',
    intervalText(record.pollingInterval),
    filters.join(', ') || '-',
  ];
}

/** `15`, or `threats=15 activities=30`. */
function intervalText(interval: unknown): string {
  if (typeof interval !== 'object' || interval === null) return String(interval ?? '-');
  return Object.entries(interval)
    .map(([stream, minutes]) => `${stream}=${minutes}`)
    .join(' ');
}

function shown(
  record: InstanceRecord,
  { instance, light, streams, tokenExpiresAt, coverage }: InstanceHealth,
): string[] {
  const now = Date.now();
  const attributes = Object.entries(record).filter(([name]) => name !== 'instance');
  const width = Math.max(...attributes.map(([name]) => name.length), 'token ends'.length);
  const [top = '', ...rows] = table(
    [...head.map((name, i) => (i === 0 ? `  ${name}` : name)), 'READ UP TO', 'COMPLETE UP TO'],
    streams.map((one) => [
      `  ${one.light}`,
      ...cells(one, now).slice(1),
      one.position ?? '-',
      one.completeUntil?.slice(0, 16).replace('T', ' ') ?? '-',
    ]),
    (row) => styles[streams[row]?.light ?? 'grey'],
  );
  return [
    `${styled('bold', instance)} ${styled(styles[light], light)}`,
    ...attributes.map(([name, value]) => `  ${name.padEnd(width)}  ${plain(attributeText(name, value))}`),
    `  ${'token ends'.padEnd(width)}  ${tokenExpiresAt ?? 'not known'} ${tokenExpiresAt ? `(${moment(tokenExpiresAt, now)})` : ''}`.trimEnd(),
    top,
    ...rows.flatMap((row, i) =>
      // Streams of one instance often fail for the same reason.
      streams[i]?.error === streams[i - 1]?.error ? [row] : withError(row, streams[i], '      '),
    ),
    ...streams.flatMap(({ stream, leftOut = [] }) =>
      leftOut.length === 0 ? [] : [`  ${stream}: the console's schema lacks ${plain(leftOut.join(', '))}`],
    ),
    ...streams.flatMap(({ stream, lateness }) => (lateness ? [`  ${stream} ${lateText(lateness)}`] : [])),
    ...streams.flatMap(({ stream, drift = [] }) => drift.map((news) => `  ${stream}: ${plain(news)}`)),
    ...(coverage?.sentences ?? []).map((one) => `  → ${one}`),
  ];
}

/** `late by at most 0s (50 %), 4s (99 %), 12s (99.9 %), 40s (all); overlap 10m; 8,120 records of about a week`. */
function lateText({ p50Ms, p99Ms, p999Ms, mostMs, overlapMs, records }: Lateness): string {
  const shares = [
    [p50Ms, '50 %'],
    [p99Ms, '99 %'],
    [p999Ms, '99.9 %'],
    [mostMs, 'all'],
  ] as const;
  const late = shares.map(([ms, share]) => `${duration(ms)} (${share})`).join(', ');
  return `late by at most ${late}; overlap ${duration(overlapMs)}; ${records.toLocaleString('en-US')} records of about a week`;
}

function attributeText(name: string, value: unknown): string {
  if (name === 'pollingInterval') return intervalText(value);
  return Array.isArray(value) ? value.join(' ') : String(value);
}
