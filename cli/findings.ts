import type { CheckReport, Finding } from '../functions/console/check.ts';
import { plain, type Style, styled } from './output.ts';

const marks: Readonly<Record<Finding['outcome'], readonly [word: string, style: Style]>> = {
  ok: ['ok', 'green'],
  warning: ['WARNING', 'yellow'],
  failed: ['FAILED', 'red'],
  off: ['off', 'dim'],
};

/** One line for each check, followed by its remedy. */
export function findingLines({ findings }: CheckReport): string[] {
  const width = Math.max(...findings.map(({ what }) => what.length));
  return findings.flatMap(({ what, outcome, detail, remedy }) => {
    const [word, style] = marks[outcome];
    const line = `  ${styled(style, word.padEnd(7))}  ${what.padEnd(width)}  ${plain(detail)}`;
    return remedy === undefined ? [line] : [line, `${' '.repeat(width + 13)}→ ${plain(remedy)}`];
  });
}
