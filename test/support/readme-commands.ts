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

/** The commands of the README that can be tried with a running `npm start`. */
export function readWalk(): Step[] {
  return linesOf('## Run it on one machine', ' # 0').flatMap((line) => {
    const [, code] = / # (\d)/.exec(line) ?? [];
    return code === undefined ? [] : [{ line, code: Number(code) }];
  });
}

/** Of the first block of commands below a heading that has this text. */
function linesOf(heading: string, text = ''): string[] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const blocks = readme.slice(readme.indexOf(`${heading}\n`)).matchAll(/```sh\n([\s\S]*?)```/g);
  const [, block = ''] = [...blocks].find(([, one = '']) => one.includes(text)) ?? [];
  return block.split('\n').filter((line) => line !== '');
}
