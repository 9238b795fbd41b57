import { duration, moment, print, type Style, styled } from '../cli/output.ts';
import { type InstanceHealth, select } from '../functions/health/instance-health.ts';
import type { Light } from '../functions/health/verdict.ts';
import type { Accepted } from './analytics/search.ts';
import type { Found } from './search-check.ts';

export const say = (line = '') => print(line);

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

/** Prints a function's log line as CloudWatch shows it, without metrics. */
export function sayLogLine(line: string): void {
  const entry = parsed(line);
  if (entry === undefined) {
    say(line);
    return;
  }
  if (entry._aws !== undefined) return;
  const fields = shownFields.flatMap((name) => (entry[name] === undefined ? [] : [`${name}=${entry[name]}`]));
  const level = String(entry.level).padEnd(5);
  const style: Style = entry.level === 'ERROR' ? 'red' : entry.level === 'WARN' ? 'yellow' : 'green';
  say(`${styled(style, level)} ${entry.message}  ${styled('dim', fields.join(' '))}`);
}

/** Returns how many artifacts a log line reports as fetched from a console or posted to Analytics. */
export function readLogLine(line: string): { readonly fetched: number; readonly posted: number } {
  const { message, artifacts, posted } = parsed(line) ?? {};
  const isFetched = String(message).startsWith('sentinelone: fetched');
  return { fetched: isFetched ? Number(artifacts) : 0, posted: Number(posted ?? 0) };
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    return Object(JSON.parse(line));
  } catch {
    return undefined;
  }
}

const styles: Readonly<Record<Light, Style>> = { red: 'red', yellow: 'yellow', green: 'green', grey: 'dim' };

/** Prints one line per instance and stream, followed by the problem and its remedy. */
export function sayHealth(all: readonly InstanceHealth[], now: number): void {
  say();
  say(styled('dim', row('INSTANCE', 'STREAM', 'STATE', 'SINCE', 'LAST COUNT', 'LAG', 'POSITION')));
  let before: string | undefined;
  for (const { instance, streams } of select(all, { find: '', show: 'all', sort: 'name' })) {
    for (const { stream, light, word, since, lastCount, lagSeconds, position, error, remedy } of streams) {
      const lag = lagSeconds === undefined ? '-' : duration(lagSeconds * 1000);
      const cells = [stream, word, moment(since, now), String(lastCount ?? '-'), lag, position ?? '-'];
      say(styled(styles[light], row(instance, ...cells)));
      const trouble = error === undefined ? undefined : `    ${error}. ${remedy ?? ''}`;
      // Streams of one instance often fail for the same reason, which is printed once.
      if (trouble !== undefined && trouble !== before) say(trouble);
      before = trouble;
    }
  }
  say();
}

/** Prints the artifact that arrived last, as an example. */
export function sayNewest({ timestamp, metadata }: Accepted): void {
  const { messageType = '-', severityLabel = '-', clientHostname = '-' } = metadata;
  say(
    styled('dim', `  newest: ${timestamp} ${messageType} ${severityLabel} ${clientHostname}  ${metadata.id}`),
  );
}

/** Prints the fields by which a search finds a threat. */
export function sayFound({ metadata }: Accepted, found: readonly Found[]): void {
  say(`search finds the threat ${metadata.id}`);
  for (const { field, value, found: isFound, foundByOther } of found) {
    const verdict = isFound && !foundByOther ? 'unique match' : 'WRONG';
    say(styled(verdict === 'WRONG' ? 'red' : 'dim', `  by ${field} ${value}: ${verdict}`));
  }
}

function row(...cells: readonly string[]): string {
  const widths = [14, 12, 15, 12, 11, 8, 0];
  return cells
    .map((cell, i) => cell.padEnd(widths[i] ?? 0))
    .join(' ')
    .trimEnd();
}
