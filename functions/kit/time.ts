import type { Json } from './json.ts';

/** A UTC time with six fraction digits, `2018-02-27T04:49:26.257525Z`. It sorts as text; `Date` keeps only three digits. */
export type Timestamp = string;

export const hourMs = 60 * 60 * 1000;

export const dayMs = 24 * hourMs;

export const epoch: Timestamp = '1970-01-01T00:00:00.000000Z';

const shape = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|([+-]\d\d):?(\d\d))?$/;

/** SentinelOne's format with a date that every year has. */
const canonical =
  /^\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z$/;

/** Reads an ISO 8601 time with any number of fraction digits and any offset. Returns undefined for anything else. */
export function timestamp(value: Json | undefined): Timestamp | undefined {
  if (typeof value === 'string' && canonical.test(value)) return value;
  const parts = typeof value === 'string' ? shape.exec(value) : null;
  if (parts === null) return undefined;
  const [, seconds = '', fraction = '', hours, minutes = '00'] = parts;
  const ms = Date.parse(`${seconds}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`);
  if (Number.isNaN(ms) || !isDate(seconds.slice(0, 10))) return undefined;
  const utc = new Date(ms).toISOString();
  return utc.length === 24 ? `${utc.slice(0, 19)}.${fraction.slice(0, 6).padEnd(6, '0')}Z` : undefined;
}

/** JavaScript reads 30 February as 2 March. */
function isDate(date: string): boolean {
  return new Date(Date.parse(date)).toISOString().startsWith(date);
}

/** `ms` since 1970 as a timestamp. */
export function fromMs(ms: number): Timestamp {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}

/** Milliseconds since 1970, rounded down. */
export function toMs(time: Timestamp): number {
  return Date.parse(time);
}

/** `time` moved by whole milliseconds, not before 1970. */
export function shift(time: Timestamp, ms: number): Timestamp {
  const moved = toMs(time) + ms;
  return moved < 0 ? epoch : `${new Date(moved).toISOString().slice(0, 23)}${time.slice(23)}`;
}

/** `time` with so many fraction digits, rounded down. */
export function roundedDown(time: Timestamp, digits: 3 | 6): Timestamp {
  return `${time.slice(0, 20 + digits)}${'0'.repeat(6 - digits)}Z`;
}

/** `time` with so many fraction digits, rounded up. */
export function roundedUp(time: Timestamp, digits: 3 | 6): Timestamp {
  const down = roundedDown(time, digits);
  return down === time ? time : shift(down, 1);
}

export function earlier(a: Timestamp, b: Timestamp): Timestamp {
  return a < b ? a : b;
}

export function later(a: Timestamp, b: Timestamp): Timestamp {
  return a > b ? a : b;
}
