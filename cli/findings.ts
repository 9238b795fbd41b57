import type { CheckReport } from '../functions/console/check/check.ts';
import type { Finding } from '../functions/console/check/findings.ts';
import { plain, type Style, styled } from './output.ts';
import { asTyped } from './typed.ts';

const marks: Readonly<Record<Finding['outcome'], readonly [word: string, style: Style]>> = {
  ok: ['ok', 'green'],
  warning: ['WARNING', 'yellow'],
  failed: ['FAILED', 'red'],
  off: ['off', 'dim'],
};

/** The remedy for a token that was typed for this command and is not stored. */
const retype =
  'Check that you copied all of it, then run this again. If it has expired, create a new token in the console first.';

/**
 * One line for each check, followed by its remedy.
 * @param isTyped whether the token was typed for this command
 * @param name the instance that was tested
 */
export function findingLines({ findings }: CheckReport, isTyped: boolean, name = 'NAME'): string[] {
  const width = Math.max(...findings.map(({ what }) => what.length));
  return findings.flatMap(({ what, outcome, detail, remedy: general }) => {
    const remedy =
      isTyped && what === 'token' && outcome === 'failed' ? retype : general?.replace(/\bNAME\b/, name);
    const [word, style] = marks[outcome];
    const line = `  ${styled(style, word.padEnd(7))}  ${what.padEnd(width)}  ${plain(detail)}`;
    return remedy === undefined ? [line] : [line, `${' '.repeat(width + 13)}→ ${plain(asTyped(remedy))}`];
  });
}
