import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

/** A command of the README's walk, and the exit code that stands behind it. */
export interface Step {
  readonly line: string;
  readonly code: number;
}

/** The walk as the README has it: what comes before its commands, and the commands. */
export function readWalk(): { readonly before: string; readonly steps: readonly Step[] } {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const section = readme.slice(readme.indexOf('## Operate it'));
  const [, block = ''] = /```sh\n([\s\S]*?)```/.exec(section) ?? [];
  const lines = block.split('\n').filter((line) => line !== '');
  const steps = lines.flatMap((line) => {
    const [, code] = / # (\d)/.exec(line) ?? [];
    return code === undefined ? [] : [{ line, code: Number(code) }];
  });
  return { before: lines.filter((line) => !/ # \d/.test(line)).join('\n'), steps };
}
