import { setTimeout as sleep } from 'node:timers/promises';
import { FilterLogEventsCommand, ResourceNotFoundException } from '@aws-sdk/client-cloudwatch-logs';
import { type Command, Option } from 'commander';
import { type CommonOptions, does } from '../command.ts';
import { CommandError } from '../errors.ts';
import { type Output, plain, type Style, styled } from '../output.ts';
import { listRecords, recordOf } from '../records.ts';
import type { Stack } from '../stack.ts';
import { span } from '../times.ts';
import { asTyped } from '../typed.ts';

interface TailOptions extends CommonOptions {
  readonly since: number;
  readonly follow: boolean;
}

/** CloudWatch shows a line some seconds after it was written, so the last minute is read again and known lines are skipped. */
const lateMs = 60_000;
const pauseMs = 3_000;

export function tail(command: Command): void {
  command
    .description('Shows the log lines of one instance, or of all instances, until Ctrl-C.')
    .addOption(
      new Option('--since <span>', 'start this long ago: 30m, 2h, 7d')
        .argParser(span)
        .default(5 * 60_000, '5m'),
    )
    .option('--no-follow', 'exit after the existing lines');
  does<[string | undefined], TailOptions>(command, async ({ out, stack: open }, { since, follow }, name) => {
    const stack = await open();
    if (name !== undefined) recordOf(await listRecords(stack), name);
    const shown = new Map<string, number>();
    let from = Date.now() - since;
    for (;;) {
      const lines = await linesSince(stack, from, name);
      for (const line of lines) if (!shown.has(line.id)) show(out, line);
      for (const { id, at } of lines) shown.set(id, at);
      from = Math.max(from, Date.now() - Math.max(since, lateMs));
      if (!follow) return undefined;
      from = Math.max(from, (lines.at(-1)?.at ?? from) - lateMs);
      for (const [id, at] of shown) if (at < from) shown.delete(id);
      await sleep(pauseMs);
    }
  });
}

interface Line {
  readonly id: string;
  readonly at: number;
  readonly text: string;
}

async function linesSince(stack: Stack, startTime: number, instance: string | undefined): Promise<Line[]> {
  const filterPattern = instance === undefined ? undefined : `{ $.instance = "${instance}" }`;
  const names = stack.streams.map(({ name }) => stack.functionOf(name));
  const groups = [...names, ...(stack.operatorFunction === undefined ? [] : [stack.operatorFunction])].map(
    (name) => linesOf(stack, `/aws/lambda/${name}`, startTime, filterPattern),
  );
  return (await Promise.all(groups)).flat().sort((a, b) => a.at - b.at);
}

async function linesOf(
  { logs }: Stack,
  logGroupName: string,
  startTime: number,
  filterPattern: string | undefined,
): Promise<Line[]> {
  const lines: Line[] = [];
  let nextToken: string | undefined;
  try {
    do {
      const page = await logs.send(
        new FilterLogEventsCommand({
          logGroupName,
          startTime,
          ...(filterPattern && { filterPattern }),
          ...(nextToken && { nextToken }),
        }),
      );
      for (const { eventId: id = '', timestamp: at = 0, message: text = '' } of page.events ?? [])
        lines.push({ id: `${logGroupName} ${id}`, at, text });
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
  } catch (error) {
    if (!(error instanceof ResourceNotFoundException)) throw error;
    throw new CommandError(
      `there is no log group ${logGroupName}`,
      'Check that the stack is deployed in this region.',
    );
  }
  return lines;
}

const styles: Readonly<Record<string, Style>> = { ERROR: 'red', WARN: 'yellow', INFO: 'green' };

/** Prints a log line of the collector; Lambda's own lines and metrics are skipped. */
function show(out: Output, { at, text }: Line): void {
  const entry = parsed(text);
  if (entry === undefined || entry._aws !== undefined || typeof entry.message !== 'string') return;
  out.each(entry, `${styled('dim', new Date(at).toISOString().slice(11, 19))} ${logLine(entry)}`);
}

/** `[INFO] sentinelone: fetched 15 threats  acme`. */
export function logLine({ level, message, instance }: Readonly<Record<string, unknown>>): string {
  const word = styled(styles[String(level)] ?? 'dim', `[${level}]`);
  // Most messages name their instance.
  const text = plain(asTyped(String(message)));
  const isNamed =
    instance === undefined || text.includes(` of ${instance} `) || text.includes(` of ${instance}:`);
  return `${word} ${text}${isNamed ? '' : `  ${styled('dim', plain(String(instance)))}`}`;
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
