import { randomUUID } from 'node:crypto';
import { stripVTControlCharacters, styleText } from 'node:util';

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
export function print(line: string, stream: NodeJS.WriteStream = process.stdout): void {
  const { isTTY, columns = 80 } = stream;
  stream.write(`${isTTY ? wrapped(printable(line), columns) : printable(line)}\n`);
}

/**
 * Wraps an indented line at its words and aligns the following lines with its last column. Rows of a table are
 * unchanged.
 */
export function wrapped(line: string, columns: number): string {
  const lengthOf = (text: string) => stripVTControlCharacters(text).length;
  const [indent = ''] = /^ {2,}(?:→ )?(?:\S+ {2,}){0,3}/.exec(stripVTControlCharacters(line)) ?? [];
  if (indent === '' || lengthOf(line) <= columns || indent.length > columns / 2) return line;
  const lines: string[] = [];
  let current = '';
  // A command to copy is not broken.
  const whole = line.replace(/(?<=run: ).*/, (command) => command.replaceAll(' ', '\0'));
  for (const word of whole.split(/(?<=\S) (?=\S)/)) {
    const next = current === '' ? word : `${current} ${word}`;
    if (current !== '' && lengthOf(next) > columns) {
      lines.push(current);
      current = `${' '.repeat(indent.length)}${word}`;
    } else current = next;
  }
  return [...lines, current].join('\n').replaceAll('\0', ' ');
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

/** As many names as fit into one line, and the number of others. */
export function folded(names: readonly string[], width = 72): string {
  let line = '';
  for (const [i, name] of names.entries()) {
    const next = i === 0 ? name : `${line}, ${name}`;
    const left = names.length - i - 1;
    const more = left === 0 ? '' : ` and ${left} more`;
    if (i > 0 && next.length + more.length > width) return plain(`${line} and ${left + 1} more`);
    line = next;
  }
  return plain(line);
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

/** `3d 4h`, `12m`, `8s`: two units at most, or one. */
export function duration(ms: number, most: 1 | 2 = 2): string {
  const largest = units.findIndex(([, size]) => ms >= size);
  if (largest < 0) return '0s';
  let left = ms;
  const parts = units.slice(largest, largest + most).map(([unit, size]) => {
    const count = Math.floor(left / size);
    left %= size;
    return count === 0 ? '' : `${count}${unit}`;
  });
  return parts.join(' ').trimEnd();
}

/** How long ago: `4m`, or `-` if there is no time. */
export function since(iso: string | undefined, now: number): string {
  const ms = Date.parse(iso ?? '');
  return Number.isNaN(ms) ? '-' : duration(Math.max(0, now - ms), 1);
}

/** How long until then: `13d`, `expired`, or `-` if there is no time. */
export function left(iso: string | undefined, now: number): string {
  const ms = Date.parse(iso ?? '');
  if (Number.isNaN(ms)) return '-';
  return ms <= now ? 'expired' : duration(ms - now, 1);
}

/** Relative time: `4m ago`, `in 13d`, or `-` if there is none. */
export function moment(iso: string | undefined, now: number): string {
  const ms = Date.parse(iso ?? '');
  if (Number.isNaN(ms)) return '-';
  return ms > now ? `in ${duration(ms - now)}` : `${duration(now - ms)} ago`;
}
