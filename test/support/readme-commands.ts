import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

/** A command of the README's walk, and the exit code that stands behind it. */
export interface Step {
  readonly line: string;
  readonly code: number;
}

/** The commands that lead from nothing to the first artifact on AWS, one each. */
export function readDeployment(): string[] {
  return linesOf('### In AWS: the stack').flatMap((line) => line.split(/&&|;|\|/).map((one) => one.trim()));
}

/** The walk as the README has it: what comes before its commands, and the commands. */
export function readWalk(): { readonly before: string; readonly steps: readonly Step[] } {
  const lines = linesOf('## Operate it');
  const steps = lines.flatMap((line) => {
    const [, code] = / # (\d)/.exec(line) ?? [];
    return code === undefined ? [] : [{ line, code: Number(code) }];
  });
  return { before: lines.filter((line) => !/ # \d/.test(line)).join('\n'), steps };
}

/** Of the first block of commands below a heading. */
function linesOf(heading: string): string[] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, block = ''] = /```sh\n([\s\S]*?)```/.exec(readme.slice(readme.indexOf(`${heading}\n`))) ?? [];
  return block.split('\n').filter((line) => line !== '');
}
