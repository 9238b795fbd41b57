import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const text = readFileSync(join(root, 'docs', 'security.md'), 'utf8');

/** `file`: *title*, as each claim names its test. */
const named = [...text.matchAll(/`(test\/[\w/.-]+\.test\.ts)`: \*([^*]+)\*/g)].map(
  ([, file = '', title = '']): [file: string, title: string] => [file, title],
);

test('every claim of docs/security.md about what cannot be done names a test', () => {
  const claims = text.split('\n- ').slice(1);
  const bare = claims.filter(
    (claim) => /cannot/.test(claim.split('\n')[0] ?? '') && !claim.includes('.test.ts'),
  );
  expect(bare).toEqual([]);
  expect(named.length).toBeGreaterThan(25);
});

test.each(named)('docs/security.md names a test that there is: %s: %s', (file, title) => {
  expect(existsSync(join(root, file))).toBe(true);
  const source = readFileSync(join(root, file), 'utf8').replaceAll(String.raw`\'`, "'");
  expect(source.includes(title)).toBe(true);
});
