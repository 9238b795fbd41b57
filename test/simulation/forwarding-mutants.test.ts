import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { mutants } from './forwarding-mutants.ts';

const root = join(import.meta.dirname, '..', '..');
/** Within the project, so that the copies find their packages. */
const folder = join(root, '.build', 'forwarding-mutants');
const copied = [
  'functions/collect',
  'functions/console',
  'functions/deliver',
  'functions/errors.ts',
  'functions/forward',
  'functions/health',
  'functions/instances',
  'functions/kit',
  'functions/streams',
  'test/fakes',
  'test/support/artifacts.ts',
  'test/support/schema.ts',
  'docs/artifact.schema.json',
  'test/simulation/forwarding.ts',
  'local/console/fleet/random.ts',
];

afterAll(() => rm(folder, { recursive: true, force: true }));

test.each(mutants.map((mutant, i) => [mutant.name, i, mutant] as const))(
  'the simulation catches a forwarder where %s',
  async (name, i, { file, from, to }) => {
    const copy = join(folder, String(i));
    await mkdir(copy, { recursive: true });
    for (const part of copied) await cp(join(root, part), join(copy, part), { recursive: true });
    const broken = join(copy, 'functions', file);
    const source = await readFile(broken, 'utf8');
    expect(source, `"${name}" does not fit ${file} any more`).toContain(from);
    await writeFile(
      broken,
      source.replace(from, () => to),
    );
    const { judge, live, stormyWorlds, quietWorlds }: typeof import('./forwarding.ts') = await import(
      join(copy, 'test', 'simulation', 'forwarding.ts')
    );
    const isRight = async (plan: import('./forwarding.ts').Plan) =>
      judge(plan, await live(plan)).length === 0;
    const options = { numRuns: 500, seed: 2, endOnFailure: true };
    const quiet = await fc.check(fc.asyncProperty(quietWorlds, isRight), { ...options, numRuns: 150 });
    const stormy = quiet.failed ? quiet : await fc.check(fc.asyncProperty(stormyWorlds, isRight), options);
    expect(stormy.failed, `"${name}" goes unseen`).toBe(true);
  },
);
