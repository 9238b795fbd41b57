import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle, compile } from '../../infra/build/bundle.ts';

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
    return { root, entries: { one: 'one.ts', two: 'two.ts' }, into: join(root, 'made'), write };
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

  test('needs nothing beside it, with CommonJS packages working in what handlers share', async () => {
    const made = bundle(project('one'));
    const alone = join(folder, 'alone');
    cpSync(made, alone, { recursive: true });
    rmSync(join(folder, 'one'), { recursive: true });
    expect(await called(alone, 'one')).toBe(`one ${hostname()}`);
    expect(await called(alone, 'two')).toBe(`rarely ${hostname()}`);
    expect(Object.values(contents(alone)).filter((text) => text.includes('hostname'))).toHaveLength(1);
  });

  test('has the same name and bytes wherever and however often it is made', () => {
    const here = project('here');
    const first = bundle(here);
    const before = contents(first);
    expect(bundle(here)).toBe(first);
    expect(contents(first)).toEqual(before);
    const elsewhere = bundle(project('there'));
    expect(basename(elsewhere)).toBe(basename(first));
    expect(contents(elsewhere)).toEqual(before);
  });

  test('is another folder after a change, with nothing of the old one in it', () => {
    const { write, ...changing } = project('changing');
    const before = bundle(changing);
    write('one.ts', "export const handler = async () => 'changed';");
    write('two.ts', "export const handler = async () => 'changed as well';");
    const after = bundle(changing);
    expect(after).not.toBe(before);
    expect(readdirSync(after).sort()).toEqual(['one.mjs', 'two.mjs']);
    expect(contents(after)['one.mjs']).toContain('changed');
  });

  test.each<[string, (made: string) => void]>([
    ['half written', (made) => writeFileSync(join(made, 'one.mjs'), 'expor')],
    ['incomplete', (made) => rmSync(join(made, 'one.mjs'))],
    ['more than it should be', (made) => writeFileSync(join(made, 'stale.mjs'), '')],
  ])('replaces a folder of its name that is %s, and leaves nothing beside it', (name, spoil) => {
    const spoiled = project(name.replaceAll(' ', '-'));
    const made = bundle(spoiled);
    const good = contents(made);
    spoil(made);
    expect(contents(made)).not.toEqual(good);
    expect(bundle(spoiled)).toBe(made);
    expect(contents(made)).toEqual(good);
    expect(readdirSync(spoiled.into)).toEqual([basename(made)]);
  });

  test('removes other bundles, and only bundles, that were last asked for more than a day ago', () => {
    const { write, ...aging } = project('aging');
    const old = bundle(aging);
    write('one.ts', "export const handler = async () => 'newer';");
    const newer = bundle(aging);
    const twoDaysAgo = new Date(Date.now() - 48 * 60 * 60 * 1000);
    const foreign = join(aging.into, 'foreign');
    mkdirSync(foreign);
    for (const made of [old, newer, foreign]) utimesSync(made, twoDaysAgo, twoDaysAgo);
    expect(bundle(aging)).toBe(newer);
    expect(readdirSync(aging.into).sort()).toEqual([basename(newer), 'foreign'].sort());
    write('one.ts', "export const handler = async () => 'newest';");
    const newest = bundle(aging);
    expect(readdirSync(aging.into).sort()).toEqual(
      [newer, newest, foreign].map((made) => basename(made)).sort(),
    );
  });

  test('holds the certificates that it is given, and is another folder with others', () => {
    const trusting = project('trusting');
    const made = bundle({ ...trusting, certificates: 'one CA' });
    expect(contents(made)['ca.pem']).toBe('one CA');
    expect(bundle({ ...trusting, certificates: 'another CA' })).not.toBe(made);
    expect(contents(bundle(trusting))).not.toHaveProperty('ca.pem');
  });
});

describe("the functions' bundle", () => {
  const { metafile, files } = compile();

  /** The modules that a handler loads: with its first event, or also those that it may load later. */
  function modules({ outputs }: Metafile, handler: string, later: boolean): string[] {
    const found = new Set([`out/${handler}.mjs`]);
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

  test('has the poller load at most 650 KiB, and 850 KiB with all that it ever needs', () => {
    expect(kib(modules(metafile, 'poller', false))).toBeLessThanOrEqual(650);
    expect(kib(modules(metafile, 'poller', true))).toBeLessThanOrEqual(850);
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

  test('is all that is deployed', () => {
    expect(Object.keys(files).sort()).toEqual(
      Object.keys(metafile.outputs)
        .map((name) => basename(name))
        .sort(),
    );
    expect(Object.keys(files)).toEqual(expect.arrayContaining(['poller.mjs', 'forwarder.mjs']));
  });
});
