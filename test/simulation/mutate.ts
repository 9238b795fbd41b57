import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { type Mutant, mutants } from './mutants.ts';

/** Breaks a copy of the core in each named way, and looks for the first world that shows it. Exit 1 if one goes unseen. */
const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '300' }, only: { type: 'string' } },
});

const root = join(import.meta.dirname, '..', '..');
/** Within the project, so that the copies find their packages. */
const folder = join(root, '.build', 'mutants');
const copied = [
  'functions',
  'test/fakes',
  'test/simulation',
  'test/support/artifacts.ts',
  'test/support/schema.ts',
  'docs',
  'local/console/fleet',
];

async function caughtAt(mutant: Mutant, name: string): Promise<string | undefined> {
  const copy = join(folder, name);
  await mkdir(copy, { recursive: true });
  for (const part of copied) await cp(join(root, part), join(copy, part), { recursive: true });
  const file = join(copy, 'functions', mutant.file);
  const source = await readFile(file, 'utf8');
  if (!source.includes(mutant.from)) throw new Error(`"${mutant.name}" does not fit ${mutant.file} any more`);
  await writeFile(
    file,
    source.replace(mutant.from, () => mutant.to),
  );
  const simulate = join(copy, 'test', 'simulation', 'simulate.ts');
  const child = spawn(process.execPath, [simulate, '--seeds', values.seeds, '--first', '--workers', '1']);
  const [out] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  await rm(copy, { recursive: true, force: true });
  if (child.exitCode === 0) return undefined;
  const [seen] = /^seed \d+: .{0,100}/m.exec(out) ?? [];
  if (seen === undefined) throw new Error(`no world can be lived at all with "${mutant.name}"`);
  return seen;
}

const waiting = mutants.filter(({ name }) => name.includes(values.only ?? '')).entries();
let caught = 0;
let total = 0;
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (const [i, mutant] of waiting) {
      const seen = await caughtAt(mutant, String(i));
      total += 1;
      caught += seen === undefined ? 0 : 1;
      process.stdout.write(
        `${seen === undefined ? 'UNSEEN' : 'caught'}  ${mutant.name}${seen === undefined ? '' : `  (${seen})`}\n`,
      );
    }
  }),
);
process.stdout.write(`caught ${caught} of ${total} mutants within ${values.seeds} seeds\n`);
process.exitCode = caught === total ? 0 : 1;
