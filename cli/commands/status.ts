import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { countLights } from '../../functions/health/fleet.ts';
import { type InstanceHealth, type Order, orders, select } from '../../functions/health/instance-health.ts';
import { forwarderKey } from '../../functions/health/status.ts';
import { type CommonOptions, does, wrong } from '../command.ts';
import { cells, head, readHealth, styles, withError } from '../health.ts';
import { counted, moment, type Output, table } from '../output.ts';
import { type InstanceRecord, listRecords, recordOf } from '../records.ts';
import type { Stack } from '../stack.ts';

export function statusCommands(program: Command): void {
  const status = program
    .command('status [name...]')
    .summary('show health, problems first')
    .description(
      'Shows the health of each instance by its worst stream, and how to fix problems. Without names it includes the forwarder, as #analytics. Exits 1 if one is red.',
    )
    .option('--problems', 'only red and yellow')
    .option('--filter <text>', 'only where name, host, state or error contains this text')
    .addOption(new Option('--sort <by>', 'sort order').choices(Object.keys(orders)).default('problems'))
    .option('--watch', 'refresh every few seconds, until Ctrl-C')
    .option('--wait <seconds>', 'wait up to this long until all are green; exits 1 if they are not', seconds)
    .addHelpText(
      'after',
      '\nred: act now. yellow: check again soon. green: healthy. grey: disabled, or not licensed.',
    );
  does<[string[]], StatusOptions>(status, async ({ out, stack: open }, options, names) => {
    const { problems, filter: find = '', sort } = options;
    const stack = await open();
    const until = performance.now() + (options.wait ?? 0) * 1000;
    for (;;) {
      const health = await readHealth(stack, await recordsOf(stack, names), names.length === 0);
      const chosen = select(health, { find, show: problems ? 'problems' : 'all', sort });
      const isGreen = chosen.every(({ light }) => light === 'green' || light === 'grey');
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

function summaryOf(both: readonly InstanceHealth[]): string {
  const all = both.filter(({ instance }) => instance !== forwarderKey.instance);
  const forwarder = both.find(({ instance }) => instance === forwarderKey.instance);
  const counts = Object.entries(countLights(all)).flatMap(([light, count]) =>
    count === 0 ? [] : [`${count} ${light}`],
  );
  const sum = `${counted(all.length, 'instance')}${counts.length > 0 ? `: ${counts.join(', ')}` : ''}`;
  return forwarder === undefined ? sum : `${sum}; the forwarder ${forwarder.light}`;
}

function answerHealth(out: Output, all: readonly InstanceHealth[]): void {
  out.answer(all, () => {
    const now = Date.now();
    const [top = '', ...rows] = table(
      ['INSTANCE', ...head, 'TOKEN ENDS'],
      all.map(({ instance, worst, tokenExpiresAt }) => [
        instance,
        ...cells(worst, now),
        moment(tokenExpiresAt, now),
      ]),
      (row) => styles[all[row]?.light ?? 'grey'],
    );
    const lines = rows.flatMap((row, i) => withError(row, all[i]?.worst, '    '));
    return [...(all.length > 0 ? [top] : []), ...lines, summaryOf(all)];
  });
}
