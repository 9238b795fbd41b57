/** `2026-03-01 12:00:05` */
export function clock(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** How long ago. */
export function age(ms: number, now: number): string {
  return now - ms < 45_000 ? 'now' : span(now - ms);
}

const units = [
  ['d', 24 * 60 * 60_000],
  ['h', 60 * 60_000],
  ['min', 60_000],
] as const;

/** The largest unit that fits, rounded down. */
export function span(ms: number): string {
  const [unit, size] = units.find(([, one]) => ms >= one) ?? ['s', 1000];
  return `${Math.floor(Math.max(0, ms) / size)} ${unit}`;
}
