import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mutants as forwarding } from './forwarding-mutants.ts';
import { mutants } from './mutants.ts';

const functions = join(import.meta.dirname, '..', '..', 'functions');

test.each([...mutants, ...forwarding].map((mutant) => [mutant.name, mutant] as const))(
  'the mutant "%s" fits the code',
  (_, { file, from }) => {
    expect(readFileSync(join(functions, file), 'utf8')).toContain(from);
  },
);
