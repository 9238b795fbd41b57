import { randomUUID } from 'node:crypto';
import { styleText } from 'node:util';

export type Style = 'green' | 'yellow' | 'red' | 'dim' | 'bold';

/** Prints what a command shows: results to standard output, as text or JSON; progress and notes to standard error. */
export class Output {
  readonly json: boolean;
  #shown = '';
  #shownAt = 0;

  constructor(json: boolean) {
    this.json = json;
  }

  /** Prints the result: lines of text, or the value as JSON. */
  answer(value: unknown, lines: () => readonly string[]): void {
    this.clear();
    if (this.json) process.stdout.write(`${json(value, 2)}\n`);
    else for (const line of lines()) print(line);
  }

  /** Prints one of many results as it arrives: a line of text, or of JSON. */
  each(value: unknown, line: string): void {
    this.clear();
    if (this.json) process.stdout.write(`${json(value)}\n`);
    else print(line);
  }

  /** Prints lines that are not part of the result. */
  note(...lines: readonly string[]): void {
    this.clear();
    for (const line of lines) print(line, process.stderr);
  }

  /** Shows progress: on a terminal one line that is overwritten, otherwise a new line every few seconds. */
  progress(line: string): void {
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\x1b[K${printable(line)}`);
      this.#shown = line;
      return;
    }
    const now = performance.now();
    if (line === this.#shown || now - this.#shownAt < quietMs) return;
    this.#shown = line;
    this.#shownAt = now;
    print(line, process.stderr);
  }

  clear(): void {
    if (this.#shown !== '' && process.stderr.isTTY) {
      process.stderr.write('\r\x1b[K');
      this.#shown = '';
    }
  }
}

const quietMs = 5_000;

/** Prints one line. Everything that this project prints goes through here or through `json`. */
export function print(line: string, stream: NodeJS.WritableStream = process.stdout): void {
  stream.write(`${printable(line)}\n`);
}

/**
 * Makes a line safe for a terminal: characters from outside could move the cursor, set the title, start a line or
 * reverse it. Only `styled` adds escape characters.
 */
export function printable(line: string): string {
  return plain(line).replaceAll(ownEscape, '\x1b');
}

/** Replaces control, bidirectional and invisible characters. */
export function plain(text: string): string {
  return text.replace(unsafe, '\uFFFD');
}

/** JSON with the same characters escaped. They are part of strings only, apart from the line feeds between values. */
export function json(value: unknown, indent?: number): string {
  return (JSON.stringify(value, undefined, indent) ?? 'null').replace(unsafe, (character) =>
    character === '\n'
      ? character
      : character.replace(/./gs, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

/** Joiners stay: scripts and emoji need them. */
const unsafe = /[[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]--[\u200C\u200D]]/gv;

/** Stands for an escape character of `styled` until the line is printed. Text from outside cannot contain it. */
const ownEscape = randomUUID();

/** Adds colour on terminals only: `styleText` checks for a terminal and for NO_COLOR. */
export function styled(style: Style, text: string): string {
  return styleText(style, plain(text), { stream: process.stdout }).replaceAll('\x1b', ownEscape);
}

/** Aligns rows in columns; `style` sets the colour of a row. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  style: (row: number) => Style | undefined = () => undefined,
): string[] {
  const cells = [head, ...rows].map((row) => row.map(plain));
  const widths = head.map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return cells.map((row, i) => {
    const colour = i === 0 ? 'dim' : style(i - 1);
    return colour === undefined ? line(row) : styled(colour, line(row));
  });
}

/** `1 instance`, `3 instances`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** `3d 4h`, `12m`, `8s`: two units at most. */
export function duration(ms: number): string {
  const largest = units.findIndex(([, size]) => ms >= size);
  if (largest < 0) return '0s';
  let left = ms;
  const parts = units.slice(largest, largest + 2).map(([unit, size]) => {
    const count = Math.floor(left / size);
    left %= size;
    return count === 0 ? '' : `${count}${unit}`;
  });
  return parts.join(' ').trimEnd();
}

/** Relative time: `4m ago`, `in 13d`, or `-` if there is none. */
export function moment(iso: string | undefined, now: number): string {
  const ms = Date.parse(iso ?? '');
  if (Number.isNaN(ms)) return '-';
  return ms > now ? `in ${duration(ms - now)}` : `${duration(now - ms)} ago`;
}
