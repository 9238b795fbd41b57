import { styleText } from 'node:util';
import type { StatusItem } from '../functions/adapters/dynamodb/cursors.ts';
import { epoch } from '../functions/kit/time.ts';
import type { Accepted } from './analytics/search.ts';
import type { Found } from './find-again.ts';

type Style = 'green' | 'yellow' | 'red' | 'dim';

/** Colours only where a person looks: `styleText` checks the terminal and NO_COLOR. */
const styled = (style: Style, text: string) => styleText(style, text, { stream: process.stdout });

export function say(text = ''): void {
  process.stdout.write(`${text}\n`);
}

const shownFields = [
  'instance',
  'messages',
  'pages',
  'artifacts',
  'requests',
  'position',
  'lagSeconds',
  'durationMs',
  'caughtUp',
];

/** A function's log line as an operator would read it in CloudWatch; metrics are left out. */
export function sayLogLine(line: string): void {
  const entry = parsed(line);
  if (entry === undefined) say(line);
  if (entry === undefined || entry._aws !== undefined) return;
  const fields = shownFields.flatMap((name) => (entry[name] === undefined ? [] : [`${name}=${entry[name]}`]));
  const level = String(entry.level).padEnd(5);
  const style: Style = entry.level === 'ERROR' ? 'red' : entry.level === 'WARN' ? 'yellow' : 'green';
  say(`${styled(style, level)} ${entry.message}  ${styled('dim', fields.join(' '))}`);
}

/** How many artifacts a log line says were fetched from a console, or posted to Analytics. */
export function readLogLine(line: string): { readonly fetched: number; readonly posted: number } {
  const { message, artifacts, posted } = parsed(line) ?? {};
  const isFetched = String(message).startsWith('sentinelone: fetched');
  return { fetched: isFetched ? Number(artifacts) : 0, posted: Number(posted ?? 0) };
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const styles: Readonly<Record<string, Style>> = {
  ok: 'green',
  backlogged: 'yellow',
  pending: 'yellow',
  'rate-limited': 'yellow',
  disabled: 'dim',
};

/** One line for each instance and stream; what is wrong, and what to do about it, below. */
export function sayStatus(items: readonly StatusItem[]): void {
  const sorted = [...items].sort((a, b) =>
    `${a.instance} ${a.stream}`.localeCompare(`${b.instance} ${b.stream}`),
  );
  say();
  say(styled('dim', row('INSTANCE', 'STREAM', 'STATE', 'LAST COUNT', 'POSITION')));
  let before: string | undefined;
  for (const { instance, stream, state = 'pending', lastCount, position, lastError, remedy } of sorted) {
    const line = row(
      instance,
      stream,
      state,
      String(lastCount ?? '-'),
      position === undefined || position === epoch ? '-' : position,
    );
    say(styled(styles[state] ?? 'red', line));
    const trouble = lastError === undefined ? undefined : `    ${lastError}. ${remedy ?? ''}`;
    // Streams of one instance often fail for one reason.
    if (trouble !== undefined && trouble !== before) say(trouble);
    before = trouble;
  }
  say();
}

/** The artifact that arrived last, so that there is one to look at. */
export function sayNewest({ timestamp, metadata }: Accepted): void {
  const { messageType = '-', severityLabel = '-', clientHostname = '-' } = metadata;
  say(
    styled('dim', `  newest: ${timestamp} ${messageType} ${severityLabel} ${clientHostname}  ${metadata.id}`),
  );
}

/** By which fields a search finds a threat. */
export function sayFound({ metadata }: Accepted, found: readonly Found[]): void {
  say(`search finds the threat ${metadata.id}`);
  for (const { field, value, found: isFound, foundByOther } of found) {
    const verdict = isFound && !foundByOther ? 'found, and not by another' : 'WRONG';
    say(styled(verdict === 'WRONG' ? 'red' : 'dim', `  by ${field} ${value}: ${verdict}`));
  }
}

function row(...cells: readonly string[]): string {
  const widths = [14, 12, 14, 11, 0];
  return cells
    .map((cell, i) => cell.padEnd(widths[i] ?? 0))
    .join(' ')
    .trimEnd();
}
