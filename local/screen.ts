import { stripVTControlCharacters } from 'node:util';
import { print, printable, styled } from '../cli/output.ts';

/** What `npm start` prints: lines, and below them one line that is overwritten. */
export interface Screen {
  /** A line of the start: what, and what it is. */
  step(what: string, detail: string): void;
  lines(lines: readonly string[]): void;
  /** The last line of a terminal; elsewhere a line now and then. */
  status(line: string): void;
  /** Removes the last line. */
  end(): void;
}

/** Without a terminal, a status is printed this often. */
const quietMs = 10_000;

export function startScreen(stream = process.stdout): Screen {
  const isTerminal = stream.isTTY === true;
  let shown = '';
  let shownAt = performance.now();
  const erase = () => shown !== '' && stream.write('\r\x1b[K');
  const draw = () => shown !== '' && stream.write(printable(shown.slice(0, (stream.columns ?? 80) - 1)));
  const lines = (texts: readonly string[]) => {
    if (isTerminal) erase();
    for (const text of texts) print(text, stream);
    if (isTerminal) draw();
  };
  return {
    step: (what, detail) => lines([`${styled('bold', what.padEnd(10))} ${detail}`]),
    lines,
    status(line) {
      if (isTerminal) {
        erase();
        shown = line;
        draw();
      } else if (performance.now() - shownAt >= quietMs) {
        shownAt = performance.now();
        print(line, stream);
      }
    },
    end() {
      if (isTerminal) erase();
      shown = '';
    },
  };
}

const width = 76;

/** Lines in a box that fits 80 columns. */
export function boxed(texts: readonly string[]): string[] {
  const edge = '─'.repeat(width + 2);
  const row = (text: string) =>
    `│ ${text}${' '.repeat(Math.max(0, width - stripVTControlCharacters(printable(text)).length))} │`;
  return [`┌${edge}┐`, ...texts.map(row), `└${edge}┘`];
}
