import { InvalidArgumentError } from 'commander';
import { fromMs, type Timestamp, timestamp } from '../functions/kit/time.ts';

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90m`, `2h`, `7d` in milliseconds; undefined for anything else. */
function readSpan(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * (units[unit] ?? 0);
}

/** Reads an option such as `30m` and returns milliseconds. */
export function span(text: string): number {
  const ms = readSpan(text);
  if (ms === undefined) throw new InvalidArgumentError('It must be a duration such as 30m, 2h or 7d.');
  return ms;
}

/** Reads an option with a time: ISO 8601 (UTC without an offset), a date, or how long ago. */
export function momentOption(text: string): Timestamp {
  const ago = readSpan(text);
  if (ago !== undefined) return fromMs(Math.floor((Date.now() - ago) / 1000) * 1000);
  const time = timestamp(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  if (time === undefined)
    throw new InvalidArgumentError('It must be a time such as 2026-03-01, 2026-03-01T12:00:00Z or 2h (ago).');
  return time;
}
