import { globSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';

// Who may import whom, and that no imports form a circle, is checked by `npm run lint` (biome.json).

const root = new URL('..', import.meta.url).pathname;
const filesIn = (...folders: string[]) =>
  globSync(
    folders.map((folder) => `${folder}/**/*.ts`),
    { cwd: root },
  );

test('no file is longer than 250 lines', () => {
  const lines = (file: string) => readFileSync(`${root}${file}`, 'utf8').trimEnd().split('\n').length;
  const files = filesIn('cli', 'functions', 'infra');
  expect(files.length).toBeGreaterThan(50);
  expect(files.filter((file) => lines(file) > 250)).toEqual([]);
});

test('no folder of functions/ has more than fifteen files', () => {
  const folders = Map.groupBy(filesIn('functions'), dirname);
  expect(folders.size).toBeGreaterThan(5);
  expect([...folders.keys()].filter((folder) => (folders.get(folder)?.length ?? 0) > 15)).toEqual([]);
});
