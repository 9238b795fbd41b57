import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { countLights } from '../../functions/health/fleet.ts';
import { groupProblems, type ProblemGroup } from '../../functions/health/groups.ts';
import { type InstanceHealth, type Order, orders, select } from '../../functions/health/instance-health.ts';
import { forwarderKey } from '../../functions/health/status.ts';
import { type CommonOptions, does, problem } from '../command.ts';
import { readHealth, rowsOf, styles } from '../health.ts';
import { counted, folded, moment, type Output, plain, styled, table } from '../output.ts';
import { type InstanceRecord, listRecords, recordOf } from '../records.ts';
import type { Stack } from '../stack.ts';
import { asTyped } from '../typed.ts';
import { versionLine } from '../version.ts';

export function status(command: Command): void {
  command
    .description(
      'Shows a summary and the health of each instance by its worst stream, and how to fix problems. More than 20 instances are grouped by their problem. Without names it includes the forwarder, as #analytics. Exits 3 if one is red.',
    )
    .option('--problems', 'only red and yellow')
    .option('--coverage', 'what consoles have that is not collected')
    .option('--each', 'a line for each instance, however many there are')
    .option('--filter <text>', 'only where name, host, state or error contains this text')
    .addOption(new Option('--sort <by>', 'sort order').choices(Object.keys(orders)).default('problems'))
    .option('--watch', 'refresh every 5 s, until Ctrl-C')
    .option('--wait <seconds>', 'wait up to this long until all are green; exits 3 if they are not', seconds)
    .addHelpText(
      'after',
      `
red: act now. yellow: check again soon. green: healthy.
grey: disabled, or not licensed.`,
    );
  does<[string[]], StatusOptions>(command, async ({ out, stack: open }, options, names) => {
    const { problems, filter: find = '', sort } = options;
    const stack = await open();
    const until = performance.now() + (options.wait ?? 0) * 1000;
    for (;;) {
      const health = await readHealth(stack, await recordsOf(stack, names), names.length === 0);
      const chosen = select(health, { find, show: problems ? 'problems' : 'all', sort });
      const isGreen = chosen.every(({ light }) => light === 'green' || light === 'grey');
      const isLast = !options.watch && (options.wait === undefined || isGreen || performance.now() >= until);
      if (isLast) {
        out.answer(chosen, () => [
          ...(options.coverage ? coverageLines(chosen) : linesOf(health, chosen, options)),
          styled('dim', versionLine(stack.version)),
        ]);
        return chosen.some(({ light }) => light === 'red') || (options.wait !== undefined && !isGreen)
          ? problem
          : undefined;
      }
      if (options.watch) watched(out, chosen, linesOf(health, chosen, options));
      else out.progress(`${summaryOf(chosen)}; waiting for all to be green`);
      await sleep(options.watch ? 5_000 : 1_000);
    }
  });
}

interface StatusOptions extends CommonOptions {
  readonly problems?: boolean;
  readonly coverage?: boolean;
  readonly each?: boolean;
  readonly filter?: string;
  readonly sort: Order;
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

/** Redraws the terminal from the top and cuts what does not fit. If there is no terminal, prints the lines. */
function watched(out: Output, chosen: readonly InstanceHealth[], lines: readonly string[]): void {
  const { isTTY, rows = 24 } = process.stdout;
  const room = isTTY && !out.json ? rows - 3 : Number.POSITIVE_INFINITY;
  if (room < Number.POSITIVE_INFINITY) process.stdout.write('\x1b[2J\x1b[H');
  const unshown = lines.length - room;
  const time = styled('dim', `${new Date().toTimeString().slice(0, 8)}, every 5 s until Ctrl-C`);
  const more = unshown > 0 ? [styled('dim', `… ${counted(unshown, 'more line')}`)] : [];
  out.answer(chosen, () => [time, ...lines.slice(0, room), ...more]);
}

function summaryOf(both: readonly InstanceHealth[]): string {
  const all = both.filter(({ instance }) => instance !== forwarderKey.instance);
  const forwarder = both.find(({ instance }) => instance === forwarderKey.instance);
  const counts = Object.entries(countLights(all)).flatMap(([light, count]) =>
    count === 0 ? [] : [`${count} ${light}`],
  );
  const sum = `${counted(all.length, 'instance')}${counts.length > 0 ? `: ${counts.join(', ')}` : ''}`;
  return forwarder === undefined ? sum : `${sum}; the forwarder ${forwarder.light}`;
}

/** A row for each instance, and below it what is not collected. */
function coverageLines(all: readonly InstanceHealth[]): string[] {
  const instances = all.filter(({ instance }) => instance !== forwarderKey.instance);
  const shown = (count: number | undefined) => (count === undefined ? '-' : count.toLocaleString('en-US'));
  const [top = '', ...rows] = table(
    ['INSTANCE', 'ALERTS', 'RULE ALERTS', 'HIDDEN ACTIVITIES', 'VIEWS WITH DATA', 'COUNTED'],
    instances.map(({ instance, coverage }) => [
      instance,
      shown(coverage?.alerts),
      shown(coverage?.ruleAlerts),
      shown(coverage?.hiddenActivities),
      coverage?.views.join(' ') || '-',
      moment(coverage?.at, Date.now()),
    ]),
  );
  return [
    top,
    ...rows.flatMap((row, i) => [
      row,
      ...(instances[i]?.coverage?.sentences ?? []).map((one) => `    → ${one}`),
    ]),
    'Counted once a day, over the last 30 days. "-" is not known: no answer yet, no permission, or no licence.',
  ];
}

/** More instances than this are grouped by problem. */
const mostRows = 20;

/** The summary, followed by a table or by groups. */
export function linesOf(
  health: readonly InstanceHealth[],
  chosen: readonly InstanceHealth[],
  { problems, each, filter }: Pick<StatusOptions, 'problems' | 'each' | 'filter'>,
): string[] {
  const summary = filter === undefined && problems ? summaryOf(health) : summaryOf(chosen);
  const top = styled('bold', summary);
  if (chosen.length === 0) return [top, ...(problems ? ['No problems.'] : [])];
  return [top, '', ...(each || chosen.length <= mostRows ? rowsOf(chosen, Date.now()) : groupsOf(chosen))];
}

/** A group has up to four lines, so the output fits into 40 lines. */
const mostGroups = 8;

function groupsOf(all: readonly InstanceHealth[]): string[] {
  const groups = groupProblems(all);
  const rest = groups.slice(mostGroups);
  const more = rest.reduce((sum, { instances }) => sum + instances.length, 0);
  return [
    ...groups.slice(0, mostGroups).flatMap(groupLines),
    ...(rest.length > 0 ? [`${counted(rest.length, 'more problem')} of ${counted(more, 'instance')}`] : []),
    `For a line each: ${asTyped('collector status')} --each`,
  ];
}

function groupLines({ light, word, error, remedy, instances }: ProblemGroup): string[] {
  const what = error === undefined ? word : `${word}: ${error}`;
  return [
    styled(styles[light], `${instances.length} × ${light} ${plain(what)}`),
    ...(remedy ? [`    → ${plain(asTyped(remedy))}`] : []),
    `    ${folded(instances)}`,
    '',
  ];
}
