import { readFileSync, renameSync, writeFileSync } from 'node:fs';

// A function's process that is started with `--import` of this file lives at the time that CLOCK_FILE says.

const real = Date;
let offsetMs = 0;
const { CLOCK_FILE } = process.env;
let readAt = Number.NEGATIVE_INFINITY;

/** Lets a process that is started with it live at the time that `shiftClock` of this file sets. */
export const clockEnvironment = (file: string) => ({
  CLOCK_FILE: file,
  NODE_OPTIONS: `--import=${import.meta.url}`,
});

/** Moves the process that wrote it, and all whose CLOCK_FILE this is. */
export function shiftClock(file: string, ms: number): void {
  offsetMs = ms;
  writeFileSync(`${file}.new`, String(ms));
  renameSync(`${file}.new`, file);
}

function now(): number {
  if (CLOCK_FILE !== undefined && performance.now() - readAt > 1) {
    offsetMs = Number(readFileSync(CLOCK_FILE, 'utf8'));
    readAt = performance.now();
  }
  return real.now() + offsetMs;
}

/** From here on `Date` is shifted; what this answers ends that. */
export function shiftDates(): () => void {
  globalThis.Date = new Proxy(real, {
    construct: (target, given, as) => Reflect.construct(target, given.length > 0 ? given : [now()], as),
    get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
  });
  return () => {
    globalThis.Date = real;
  };
}

if (CLOCK_FILE !== undefined) shiftDates();
