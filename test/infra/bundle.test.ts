import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle } from '../../infra/build/bundle.ts';

describe('a bundle', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'bundle-'));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** Two handlers that share an ES module, which needs a CommonJS one, which needs a module of Node's. */
  function project(name: string) {
    const root = join(folder, name);
    mkdirSync(root);
    const write = (file: string, text: string) => writeFileSync(join(root, file), text);
    write('old.cjs', "module.exports = { host: () => require('node:os').hostname() };");
    write('shared.ts', "import old from './old.cjs'; export const host: () => string = () => old.host();");
    write('rare.ts', "export const rare = 'rarely';");
    write(
      'one.ts',
      "import { host } from './shared.ts'; export const handler = async () => ['one', host()].join(' ');",
    );
    write(
      'two.ts',
      "import { host } from './shared.ts'; export const handler = async () => [(await import('./rare.ts')).rare, host()].join(' ');",
    );
    return { root, entries: { one: 'one.ts', two: 'two.ts' }, write };
  }

  async function called(out: string, name: string): Promise<string> {
    const module = JSON.stringify(pathToFileURL(join(out, `${name}.mjs`)));
    const run = `const { handler } = await import(${module}); console.log(await handler());`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', run]);
    return stdout.trim();
  }

  const contents = (out: string) =>
    Object.fromEntries(
      readdirSync(out)
        .sort()
        .map((name) => [name, readFileSync(join(out, name), 'utf8')]),
    );

  const made = (name: string) => {
    const { root, entries, write } = project(name);
    const out = join(root, 'made');
    return { root, out, write, make: (more = {}) => bundle(out, { root, entries, ...more }) };
  };

  test('is complete, with CommonJS packages working in what handlers share', async () => {
    const { root, out, make } = made('one');
    make();
    const alone = join(folder, 'alone');
    cpSync(out, alone, { recursive: true });
    rmSync(root, { recursive: true });
    expect(await called(alone, 'one')).toBe(`one ${hostname()}`);
    expect(await called(alone, 'two')).toBe(`rarely ${hostname()}`);
    expect(Object.values(contents(alone)).filter((text) => text.includes('hostname'))).toHaveLength(1);
  });

  test('has the same bytes wherever and however often it is made', () => {
    const [here, there] = [made('here'), made('there')];
    here.make();
    const before = contents(here.out);
    here.make();
    there.make();
    expect(contents(here.out)).toEqual(before);
    expect(contents(there.out)).toEqual(before);
  });

  test('has nothing of an earlier one in it', () => {
    const { out, write, make } = made('changing');
    make();
    write('one.ts', "export const handler = async () => 'changed';");
    write('two.ts', "export const handler = async () => 'changed as well';");
    make();
    expect(readdirSync(out).sort()).toEqual(['one.mjs', 'two.mjs']);
    expect(contents(out)['one.mjs']).toContain('changed');
  });

  test('says of each package its license, its notice, and who wrote it where it brings no text', () => {
    const { root, out, write, make } = made('with-packages');
    const give = (name: string, files: Record<string, string>) => {
      const folder = join(root, 'node_modules', name);
      mkdirSync(folder, { recursive: true });
      for (const [file, text] of Object.entries({ 'index.js': `export default '${name}';`, ...files }))
        writeFileSync(join(folder, file), text);
    };
    const json = (name: string, more = {}) => JSON.stringify({ name, version: '1.2.3', ...more });
    give('b', { 'package.json': json('b', { license: 'MIT' }), LICENSE: 'Be kind.\r\n', NOTICE: 'By B.' });
    give('@a/a', {
      'package.json': json('@a/a', { license: 'MIT' }),
      'LICENSE.md': 'Be kind.',
      NOTICE: 'By B.',
    });
    give('c', { 'package.json': json('c', { license: 'ISC', author: { name: 'C. C.' } }) });
    give('unused', { 'package.json': json('unused', { license: 'GPL' }) });
    write('one.ts', "import a from '@a/a'; import b from 'b'; import c from 'c'; console.log(a, b, c);");
    make();
    expect(contents(out)['THIRD-PARTY.txt']).toBe(
      [
        ...['@a/a 1.2.3 (MIT)', 'b 1.2.3 (MIT)', '', 'Be kind.', '', 'By B.', '', '-'.repeat(78), ''],
        ...['c 1.2.3 (ISC)', '', 'License: https://spdx.org/licenses/ISC.html', 'Author: C. C.', ''],
      ].join('\n'),
    );
    give('c', { 'package.json': json('c') });
    expect(make).toThrow('c 1.2.3 has no license');
  });

  test('has the certificates that it is given', () => {
    const { out, make } = made('trusting');
    make({ certificates: 'one CA' });
    expect(contents(out)['ca.pem']).toBe('one CA');
    make();
    expect(contents(out)).not.toHaveProperty('ca.pem');
  });
});

describe("the functions' bundle", () => {
  const out = mkdtempSync(join(tmpdir(), 'functions-'));
  const metafile = bundle(out);
  afterAll(() => rmSync(out, { recursive: true }));

  /** The modules that a handler loads: with its first event, or also those that it may load later. */
  function modules({ outputs }: Metafile, handler: string, later: boolean): string[] {
    const found = new Set(Object.keys(outputs).filter((path) => basename(path) === `${handler}.mjs`));
    for (const name of found) {
      for (const { path, kind, external } of outputs[name]?.imports ?? []) {
        if (!external && (later || kind === 'import-statement')) found.add(path);
      }
    }
    return [...found];
  }

  const kib = (names: readonly string[]) =>
    names.reduce((sum, name) => sum + (metafile.outputs[name]?.bytes ?? Number.NaN), 0) / 1024;

  const holding = (source: string) =>
    Object.entries(metafile.outputs)
      .filter(([, { inputs }]) => Object.keys(inputs).some((input) => input.includes(source)))
      .map(([name]) => name);

  test('has the poller load at most 650 KiB, and 880 KiB with all that it ever needs', () => {
    expect(kib(modules(metafile, 'poller', false))).toBeLessThanOrEqual(650);
    expect(kib(modules(metafile, 'poller', true))).toBeLessThanOrEqual(880);
  });

  test.each(['poller', 'forwarder'])('lets the %s load the S3 client when it is needed', (handler) => {
    const s3 = holding('node_modules/@aws-sdk/client-s3/');
    expect(s3).toHaveLength(1);
    expect(modules(metafile, handler, true)).toEqual(expect.arrayContaining(s3));
    expect(modules(metafile, handler, false)).not.toEqual(expect.arrayContaining(s3));
  });

  test('has the poller load nothing that only the forwarder needs', () => {
    const [forwarder = ''] = holding('functions/forwarder.ts');
    const ajv = holding('node_modules/ajv/');
    expect(ajv.length).toBeGreaterThan(0);
    expect(modules(metafile, 'poller', true)).not.toEqual(expect.arrayContaining([forwarder]));
    for (const name of ajv) expect(modules(metafile, 'poller', true)).not.toContain(name);
  });

  test('has nothing of the cache that got never uses here', () => {
    for (const name of ['cacheable-request', 'keyv', 'http-cache-semantics'])
      expect(holding(`node_modules/${name}/`), name).toEqual([]);
  });

  test('brings the license of every package in it, and of none besides', () => {
    const notices = readFileSync(join(out, 'THIRD-PARTY.txt'), 'utf8');
    const code = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
    const names = code.flatMap((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []);
    const titles = notices.matchAll(/^(@?[\w./-]+) \d+\.\d+\.\d+(?:-[\w.]+)? \([\w.-]+\)$/gm);
    expect(new Set([...titles].map(([, name]) => name))).toEqual(new Set(names));
    expect(new Set(names)).toContain('@aws-sdk/client-sqs');
    expect(notices).toContain('Apache License');
    // Several packages have the same text.
    expect(notices.split('END OF TERMS AND CONDITIONS').length).toBeLessThan(new Set(names).size);
  });

  test('is all that is deployed', () => {
    const files = readdirSync(out);
    expect(files.sort()).toEqual(
      [...Object.keys(metafile.outputs).map((name) => basename(name)), 'THIRD-PARTY.txt'].sort(),
    );
    expect(files).toEqual(expect.arrayContaining(['poller.mjs', 'forwarder.mjs', 'widget.mjs']));
  });
});
