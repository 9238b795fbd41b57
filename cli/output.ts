import { styleText } from 'node:util';

export type Style = 'green' | 'yellow' | 'red' | 'dim' | 'bold';

/** What a command shows. Answers go to standard output, as text or as JSON; what happens meanwhile to standard error. */
export class Output {
  readonly json: boolean;
  #shown = '';
  #shownAt = 0;

  constructor(json: boolean) {
    this.json = json;
  }

  /** One answer: the text for people, or the value for programs. */
  answer(value: unknown, lines: () => readonly string[]): void {
    this.clear();
    if (this.json) process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
    else for (const line of lines()) process.stdout.write(`${line}\n`);
  }

  /** One of many answers, as it comes: a line of text, or of JSON. */
  each(value: unknown, line: string): void {
    this.clear();
    process.stdout.write(`${this.json ? JSON.stringify(value) : line}\n`);
  }

  /** A word aside, for people. */
  note(line: string): void {
    this.clear();
    process.stderr.write(`${line}\n`);
  }

  /** What takes its time: on a terminal one line that changes, else a line now and then. */
  progress(line: string): void {
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\x1b[K${line}`);
      this.#shown = line;
      return;
    }
    const now = performance.now();
    if (line === this.#shown || now - this.#shownAt < quietMs) return;
    this.#shown = line;
    this.#shownAt = now;
    process.stderr.write(`${line}\n`);
  }

  clear(): void {
    if (this.#shown !== '' && process.stderr.isTTY) {
      process.stderr.write('\r\x1b[K');
      this.#shown = '';
    }
  }
}

const quietMs = 5_000;

/** Colour only where a person looks: `styleText` checks the terminal and NO_COLOR. */
export function styled(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

/** Text of strangers without what would move a terminal's cursor or turn its line around. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, '\uFFFD');
}

/** Rows in columns as wide as their widest cell; `style` colours whole rows. */
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

/** A moment as people tell it: `4m ago`, `in 13d`; `-` where there is none. */
export function moment(iso: string | undefined, now: number): string {
  const ms = Date.parse(iso ?? '');
  if (Number.isNaN(ms)) return '-';
  return ms > now ? `in ${duration(ms - now)}` : `${duration(now - ms)} ago`;
}
