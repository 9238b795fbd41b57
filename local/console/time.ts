/**
 * Whole microseconds since 1970, because SentinelOne writes six fraction digits and `Date` keeps three. The values
 * stay below 2^53 until the year 2255.
 */
export type Micros = number;

export const microsOf = (ms: number): Micros => Math.round(ms * 1000);

const written = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?(Z|[+-]\d\d:\d\d)$/;

/** Reads a time with any number of fraction digits. Returns undefined if it is invalid. */
export function readTime(text: unknown): Micros | undefined {
  const parts = typeof text === 'string' ? written.exec(text) : null;
  if (!parts) return undefined;
  const [, seconds = '', fraction = '', zone = ''] = parts;
  const ms = Date.parse(seconds + zone);
  return Number.isNaN(ms) ? undefined : ms * 1000 + Number(fraction.padEnd(6, '0'));
}

/** Writes a time in the console's format: UTC with six fraction digits. */
export function writeTime(at: Micros): string {
  const ms = Math.floor(at / 1000);
  const below = String(at - ms * 1000).padStart(3, '0');
  return `${new Date(ms).toISOString().slice(0, -1)}${below}Z`;
}
