import { logLine } from '../cli/commands/tail.ts';
import { rowsOf } from '../cli/health.ts';
import { plain, print, styled } from '../cli/output.ts';
import { type InstanceHealth, select } from '../functions/health/instance-health.ts';
import type { Accepted } from './analytics/search.ts';
import type { Found } from './search-check.ts';

export const say = (line = '') => print(line);

/** `21:20:04 [INFO] sentinelone: fetched 15 threats  acme`; undefined for metrics. */
export function logLineAt(line: string, now = new Date()): string | undefined {
  const entry = parsed(line);
  if (entry === undefined) return plain(line);
  if (entry._aws !== undefined) return undefined;
  return `${clock(now)} ${logLine(entry)}`;
}

/** Whether a line is one of the function's log entries; metrics are, and an error of Node's is not. */
export const isLogEntry = (line: string) => parsed(line) !== undefined;

/** The time of day. */
export const clock = (now = new Date()): string => styled('dim', now.toTimeString().slice(0, 8));

/** What tells a line from those that only repeat it; undefined where it is not worth reading. */
export function eventOf(
  line: string,
): { readonly key: string; readonly isError: boolean; readonly instance: string } | undefined {
  const { level, message, instance, stream, state, errorName, artifacts } = parsed(line) ?? {};
  if (typeof message !== 'string') return undefined;
  const about = { instance: String(instance), isError: level === 'ERROR' || level === 'WARN' };
  if (about.isError) return { ...about, key: `${instance} ${errorName ?? state ?? message}` };
  if (message.startsWith('sentinelone: fetched'))
    return Number(artifacts) > 0 ? { ...about, key: `${instance} fetched ${stream}` } : undefined;
  if (message.startsWith('sentinelone: forwarded')) return { ...about, key: 'forwarded' };
  // What the command line asks for is worth reading each time.
  return /^sentinelone: (?:check|replay) of/.test(message)
    ? { ...about, key: `${message} ${Date.now()}` }
    : undefined;
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

/** The table of `status`. */
export function healthLines(all: readonly InstanceHealth[], now: number): string[] {
  return rowsOf(select(all, { find: '', show: 'all', sort: 'problems' }), now);
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
