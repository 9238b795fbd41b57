import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  compareLights,
  forwarderHealth,
  type Light,
  type StreamHealth,
  streamHealth,
  worst,
} from '../../functions/health/health.ts';
import { forwarderKey } from '../../functions/health/status.ts';
import { subjectOf } from '../../functions/instances/subject.ts';
import { streams } from '../../functions/streams/list.ts';
import { type CommonOptions, does, wrong } from '../command.ts';
import { counted, duration, moment, type Output, plain, type Style, styled, table } from '../output.ts';
import { anyHost, type InstanceRecord, listRecords, readStatus, recordOf } from '../records.ts';
import type { Stack } from '../stack.ts';

/** The health of an instance, with its worst stream. The forwarder is shown as an instance with one stream. */
interface InstanceHealth {
  readonly instance: string;
  readonly host: string;
  readonly light: Light;
  readonly worst: StreamHealth | undefined;
  readonly tokenExpiresAt: string | undefined;
  readonly streams: readonly StreamHealth[];
}

const styles: Readonly<Record<Light, Style>> = { red: 'red', yellow: 'yellow', green: 'green', off: 'dim' };

export function statusCommands(program: Command): void {
  does<[]>(
    program
      .command('list')
      .summary('list instances and their configuration')
      .description('Lists all instances and their configuration.'),
    async ({ out, stack: open }) => {
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
    },
  );

  const show = program
    .command('show <name>')
    .summary('show configuration and health of one instance')
    .description(
      'Shows the record of an instance and the health of each stream. Exits 1 if a stream is red.',
    );
  does<[string]>(show, async ({ out, stack: open }, _, name) => {
    const stack = await open();
    const record = recordOf(await listRecords(stack), name);
    const [health] = healthOf([record], await readStatus(stack, keysOf([record])));
    out.answer({ record, ...health }, () => (health === undefined ? [] : shown(record, health)));
    return health?.light === 'red' ? wrong : undefined;
  });

  const status = program
    .command('status [name...]')
    .summary('show health, problems first')
    .description(
      'Shows the health of each instance by its worst stream, and how to fix problems. Without names it includes the forwarder, as #analytics. Exits 1 if one is red.',
    )
    .option('--problems', 'only red and yellow')
    .option('--filter <text>', 'only where name, host, state or error contains this text')
    .addOption(new Option('--sort <by>', 'sort order').choices(Object.keys(sorts)).default('problems'))
    .option('--watch', 'refresh every few seconds, until Ctrl-C')
    .option('--wait <seconds>', 'wait up to this long until all are green; exits 1 if they are not', seconds)
    .addHelpText('after', '\nred: act now. yellow: check again soon. green: healthy. off: disabled.');
  does<[string[]], StatusOptions>(status, async ({ out, stack: open }, options, names) => {
    const stack = await open();
    const until = performance.now() + (options.wait ?? 0) * 1000;
    for (;;) {
      const records = await recordsOf(stack, names);
      const others = names.length === 0 ? [forwarderKey] : [];
      const known = await readStatus(stack, [...keysOf(records), ...others]);
      const chosen = select([...healthOf(records, known), ...forwarderOf(known)], options);
      const isGreen = chosen.every(({ light }) => light === 'green' || light === 'off');
      const isLast = !options.watch && (options.wait === undefined || isGreen || performance.now() >= until);
      if (isLast) {
        answerHealth(out, chosen);
        return chosen.some(({ light }) => light === 'red') || (options.wait !== undefined && !isGreen)
          ? wrong
          : undefined;
      }
      if (options.watch) {
        if (process.stdout.isTTY && !out.json) process.stdout.write('\x1b[2J\x1b[H');
        answerHealth(out, chosen);
      } else out.progress(`${summaryOf(chosen)}; waiting for all to be green`);
      await sleep(options.watch ? 5_000 : 1_000);
    }
  });
}

interface StatusOptions extends CommonOptions {
  readonly problems?: boolean;
  readonly filter?: string;
  readonly sort: keyof typeof sorts;
  readonly watch?: boolean;
  readonly wait?: number;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0)) throw new InvalidArgumentError('It must be a number of seconds.');
  return value;
}

async function recordsOf(stack: Stack, names: readonly string[]): Promise<InstanceRecord[]> {
  const records = await listRecords(stack);
  return names.length === 0 ? records : names.map((name) => recordOf(records, name));
}

type Known = Awaited<ReturnType<typeof readStatus>>;

const keysOf = (records: readonly InstanceRecord[]) =>
  records.flatMap(({ instance }) => streams.map(({ name }) => ({ instance, stream: name })));

/** Nothing where none has run. */
function forwarderOf(known: Known): InstanceHealth[] {
  const { instance, stream } = forwarderKey;
  const status = known.get(`${instance} ${stream}`);
  if (status === undefined) return [];
  const health = forwarderHealth(status);
  const { light } = health;
  return [{ instance, host: '', light, worst: health, tokenExpiresAt: undefined, streams: [health] }];
}

function healthOf(records: readonly InstanceRecord[], known: Known): InstanceHealth[] {
  const now = Date.now();
  return records.map((record) => {
    const all = streams.map((stream) =>
      streamHealth(
        subjectOf(record, stream, anyHost),
        stream,
        known.get(`${record.instance} ${stream.name}`),
        now,
      ),
    );
    const first = worst(all);
    return {
      instance: record.instance,
      host: String(record.host ?? ''),
      light: first?.light ?? 'off',
      worst: first,
      tokenExpiresAt: all.map(({ tokenExpiresAt }) => tokenExpiresAt).find((one) => one !== undefined),
      streams: all,
    };
  });
}

type Compare = (a: InstanceHealth, b: InstanceHealth) => number;
const byName: Compare = (a, b) => a.instance.localeCompare(b.instance);
const lag = ({ streams: all }: InstanceHealth) => Math.max(...all.map(({ lagSeconds }) => lagSeconds ?? -1));
const polled = ({ streams: all }: InstanceHealth) =>
  all.map(({ lastPollAt }) => lastPollAt ?? '').reduce((a, b) => (a > b ? a : b));

const sorts = {
  problems: (a, b) => compareLights(a.light, b.light),
  name: byName,
  lag: (a, b) => lag(b) - lag(a),
  poll: (a, b) => polled(a).localeCompare(polled(b)),
  expiry: (a, b) => (a.tokenExpiresAt ?? '9').localeCompare(b.tokenExpiresAt ?? '9'),
} satisfies Record<string, Compare>;

function select(all: readonly InstanceHealth[], { problems, filter, sort }: StatusOptions): InstanceHealth[] {
  const wanted = filter?.toLowerCase();
  const holds = ({ instance, host, light, streams: each }: InstanceHealth) =>
    [instance, host, light, ...each.flatMap(({ word, error }) => [word, error ?? ''])].some((text) =>
      text.toLowerCase().includes(wanted ?? ''),
    );
  return all
    .filter(({ light }) => !problems || light === 'red' || light === 'yellow')
    .filter((one) => wanted === undefined || holds(one))
    .sort((a, b) => sorts[sort](a, b) || byName(a, b));
}

function summaryOf(both: readonly InstanceHealth[]): string {
  const all = both.filter(({ instance }) => instance !== forwarderKey.instance);
  const forwarder = both.find(({ instance }) => instance === forwarderKey.instance);
  const lights = Object.keys(styles) as Light[];
  const counts = lights.flatMap((light) => {
    const count = all.filter((one) => one.light === light).length;
    return count === 0 ? [] : [`${count} ${light}`];
  });
  const sum = `${counted(all.length, 'instance')}${counts.length > 0 ? `: ${counts.join(', ')}` : ''}`;
  return forwarder === undefined ? sum : `${sum}; the forwarder ${forwarder.light}`;
}

function answerHealth(out: Output, all: readonly InstanceHealth[]): void {
  out.answer(all, () => {
    const now = Date.now();
    const [head = '', ...rows] = table(
      ['INSTANCE', 'LIGHT', 'STATE', 'STREAM', 'LAST POLL', 'LAST COUNT', 'LAG', 'TOKEN ENDS'],
      all.map(({ instance, light, worst: one, tokenExpiresAt }) => [
        instance,
        light,
        one?.word ?? '-',
        one?.stream ?? '-',
        moment(one?.lastPollAt, now),
        String(one?.lastCount ?? '-'),
        one?.lagSeconds === undefined ? '-' : duration(one.lagSeconds * 1000),
        moment(tokenExpiresAt, now),
      ]),
      (row) => styles[all[row]?.light ?? 'off'],
    );
    const lines = rows.flatMap((row, i) => {
      const { error, remedy } = all[i]?.worst ?? {};
      return error === undefined
        ? [row]
        : [row, `    ${plain(error)}`, ...(remedy ? [`    → ${plain(remedy)}`] : [])];
    });
    return [...(all.length > 0 ? [head] : []), ...lines, summaryOf(all)];
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
  { instance, light, streams: all, tokenExpiresAt }: InstanceHealth,
): string[] {
  const now = Date.now();
  const attributes = Object.entries(record).filter(([name]) => name !== 'instance');
  const width = Math.max(...attributes.map(([name]) => name.length), 'token ends'.length);
  const [head = '', ...rows] = table(
    ['  STREAM', 'LIGHT', 'STATE', 'LAST POLL', 'LAST COUNT', 'READ UP TO', 'LAG'],
    all.map((one) => [
      `  ${one.stream}`,
      one.light,
      one.word,
      moment(one.lastPollAt, now),
      String(one.lastCount ?? '-'),
      one.position ?? '-',
      one.lagSeconds === undefined ? '-' : duration(one.lagSeconds * 1000),
    ]),
    (row) => styles[all[row]?.light ?? 'off'],
  );
  return [
    `${styled('bold', instance)} ${styled(styles[light], light)}`,
    ...attributes.map(([name, value]) => `  ${name.padEnd(width)}  ${plain(attributeText(name, value))}`),
    `  ${'token ends'.padEnd(width)}  ${tokenExpiresAt ?? 'not known'} ${tokenExpiresAt ? `(${moment(tokenExpiresAt, now)})` : ''}`.trimEnd(),
    head,
    ...rows.flatMap((row, i) => {
      const { error, remedy } = all[i] ?? {};
      return error === undefined
        ? [row]
        : [row, `      ${plain(error)}`, ...(remedy ? [`      → ${plain(remedy)}`] : [])];
    }),
  ];
}

function attributeText(name: string, value: unknown): string {
  if (name === 'pollingInterval') return intervalText(value);
  return Array.isArray(value) ? value.join(' ') : String(value);
}
