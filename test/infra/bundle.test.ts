import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle } from '../../infra/bundle.ts';

describe('a bundle', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'bundle-'));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** An ES module that needs a CommonJS one, which itself needs a module of Node's. */
  function sources(name: string): string {
    const home = join(folder, name);
    mkdirSync(home);
    writeFileSync(join(home, 'old.cjs'), "module.exports = { host: () => require('node:os').hostname() };");
    const entry = join(home, 'entry.ts');
    writeFileSync(
      entry,
      "import old from './old.cjs'; export const handler = async (): Promise<string> => old.host();",
    );
    return entry;
  }

  test('is one module that needs nothing beside it, with CommonJS packages working inside', async () => {
    const out = bundle(sources('one'), join(folder, 'out'));
    expect(readdirSync(out)).toEqual(['index.mjs']);
    const run = `const { handler } = await import(${JSON.stringify(pathToFileURL(join(out, 'index.mjs')))});
      console.log(await handler());`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', run]);
    expect(stdout.trim()).toBe(hostname());
  });

  test('has the same bytes wherever and however often it is made', () => {
    const made = [
      bundle(sources('here'), join(folder, 'out-here')),
      bundle(sources('there'), join(folder, 'out-there')),
      bundle(join(folder, 'there', 'entry.ts'), join(folder, 'out-there')),
    ];
    const [first, ...others] = made.map((out) => readFileSync(join(out, 'index.mjs'), 'utf8'));
    for (const other of others) expect(other).toBe(first);
  });

  test('replaces what an earlier one left', () => {
    const entry = sources('changing');
    const out = bundle(entry, join(folder, 'out-changing'));
    writeFileSync(entry, "export const handler = async () => 'changed';");
    bundle(entry, out);
    expect(readFileSync(join(out, 'index.mjs'), 'utf8')).toContain('changed');
    expect(readdirSync(out)).toEqual(['index.mjs']);
  });
});
