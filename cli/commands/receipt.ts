import { type Command, Option } from 'commander';
import { lastChecked, type Receipt, receiptLine, receiptOf } from '../../functions/health/receipt.ts';
import { inParallel } from '../../functions/kit/concurrency.ts';
import { fromMs, type Timestamp } from '../../functions/kit/time.ts';
import { type CommonOptions, does, problem } from '../command.ts';
import { writeCsv } from '../csv.ts';
import { print, styled, table } from '../output.ts';
import { type InstanceRecord, listRecords, recordOf } from '../records.ts';
import type { Stack } from '../stack.ts';
import { momentOption } from '../times.ts';

interface ReceiptOptions extends CommonOptions {
  readonly from: Timestamp;
  readonly to?: Timestamp;
  readonly csv?: boolean;
}

/** Queries at the same time. */
const readsAtOnce = 20;

export function receipt(command: Command): void {
  command
    .description(
      'Shows for each hour how many records the console counted, the queue accepted and Analytics accepted. Exits 3 if an hour is not complete.',
    )
    .addOption(
      new Option('--from <time>', 'from this time on: 2026-03-01T00:00:00Z, or 7d ago')
        .argParser(momentOption)
        .default(fromMs(Date.now() - 7 * 24 * 60 * 60_000), '7d'),
    )
    .option('--to <time>', 'before this time (default: the last hour that can be checked)', momentOption)
    .option('--csv', 'print each hour as CSV');
  does<[string[]], ReceiptOptions>(command, async ({ out, stack: open }, { from, to, csv }, names) => {
    const stack = await open();
    const all = await listRecords(stack);
    const records = names.length === 0 ? all : names.map((name) => recordOf(all, name));
    const receipts = await readReceipts(stack, records, { from, ...(to !== undefined && { to }) });
    if (csv && !out.json)
      for (const line of writeCsv(hourRows(receipts)).trimEnd().split('\r\n')) print(line);
    else out.answer(receipts, () => shown(receipts));
    return receipts.some(({ complete, hours }) => complete < hours.length) ? problem : undefined;
  });
}

/** Reads the receipts of these instances, of every stream that they collect and that has a ledger. */
export async function readReceipts(
  stack: Pick<Stack, 'ledger' | 'streams' | 'rules'>,
  records: readonly InstanceRecord[],
  { from, to: asked }: { readonly from: Timestamp; readonly to?: Timestamp },
): Promise<Receipt[]> {
  const { forwards = false } = stack.rules;
  const ledger = stack.ledger();
  const now = Date.now();
  const wanted = records.flatMap(({ instance, streams: own, overlapMinutes }) =>
    stack.streams
      .filter(
        ({ created, name, byDefault }) => created && (Array.isArray(own) ? own.includes(name) : byDefault),
      )
      .map((stream) => ({ instance, stream, to: asked ?? lastChecked(now, overlapMinutes) })),
  );
  const receipts = new Map<object, Receipt>();
  await inParallel(wanted, readsAtOnce, async (of) => {
    const key = { instance: of.instance, stream: of.stream.name };
    const rows = await ledger.read(key, from.slice(0, 10), of.to.slice(0, 10));
    receipts.set(of, receiptOf(of, rows, { from, to: of.to }, forwards));
  });
  return wanted.flatMap((of) => receipts.get(of) ?? []);
}

const head = ['INSTANCE', 'STREAM', 'HOUR', 'CONSOLE', 'QUEUE', 'ACCEPTED', 'STATE', 'CHECKED AT'];

function hourRows(receipts: readonly Receipt[]): string[][] {
  return [
    head,
    ...receipts.flatMap(({ instance, stream, hours }) =>
      hours.map(({ hour, console, queue, accepted, state, checkedAt }) => [
        instance,
        stream,
        `${hour.slice(0, 19)}Z`,
        ...[console, queue, accepted].map((count) => String(count ?? '')),
        state,
        checkedAt ?? '',
      ]),
    ),
  ];
}

/** One line a day, then every hour that is not complete, then the sum of each stream. */
function shown(receipts: readonly Receipt[]): string[] {
  const count = (value: number | undefined) => (value === undefined ? '-' : value.toLocaleString('en-US'));
  const days = receipts.flatMap(({ instance, stream, hours }) =>
    [...Map.groupBy(hours, ({ hour }) => hour.slice(0, 10))].map(([day, ofDay]) => {
      const sum = (of: 'console' | 'queue' | 'accepted') =>
        ofDay.every((hour) => hour[of] === undefined)
          ? undefined
          : ofDay.reduce((total, hour) => total + (hour[of] ?? 0), 0);
      const complete = ofDay.filter(({ state }) => state === 'complete').length;
      const counts = [count(sum('console')), count(sum('queue')), count(sum('accepted'))];
      return {
        isComplete: complete === ofDay.length,
        cells: [instance, stream, day, `${complete} of ${ofDay.length}`, ...counts],
      };
    }),
  );
  const open = receipts.flatMap(({ instance, stream, hours }) =>
    hours
      .filter(({ state }) => state !== 'complete')
      .map(({ hour, state, console, queue, accepted }) => [
        instance,
        stream,
        `${hour.slice(0, 16).replace('T', ' ')}Z`,
        state,
        count(console),
        count(queue),
        count(accepted),
      ]),
  );
  return [
    ...table(
      ['INSTANCE', 'STREAM', 'DAY', 'COMPLETE', 'CONSOLE', 'QUEUE', 'ACCEPTED'],
      days.map(({ cells }) => cells),
      (row) => (days[row]?.isComplete ? 'green' : 'yellow'),
    ),
    ...(open.length === 0
      ? []
      : [
          '',
          ...table(
            ['INSTANCE', 'STREAM', 'HOUR', 'STATE', 'CONSOLE', 'QUEUE', 'ACCEPTED'],
            open.slice(0, mostOpen),
          ),
        ]),
    ...(open.length > mostOpen ? [`${open.length - mostOpen} more: --csv`] : []),
    '',
    ...receipts.map((one) => `${styled('bold', one.instance)}: ${receiptLine(one)}`),
  ];
}

/** Rows that still fit one screen. */
const mostOpen = 20;
