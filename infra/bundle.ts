import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildSync } from 'esbuild';

const root = join(import.meta.dirname, '..');

/**
 * Bundles the entry with all that it needs, the AWS SDK too, into a folder that holds nothing but `index.mjs`, and
 * returns that folder. The same sources give the same bytes, so that a deployment without a change changes nothing.
 */
export function bundle(
  entry = join(root, 'functions', 'poller.ts'),
  folder = join(root, '.build', 'poller'),
): string {
  const { outputFiles } = buildSync({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    mainFields: ['module', 'main'],
    minify: true,
    legalComments: 'none',
    // CommonJS packages inside call require(), which an ES module does not have.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    outfile: join(folder, 'index.mjs'),
    write: false,
  });
  for (const { path, contents } of outputFiles) replace(path, contents);
  return folder;
}

/** Never leaves half a file behind for another synthesis that reads the folder meanwhile. */
function replace(path: string, contents: Uint8Array) {
  if (existsSync(path) && readFileSync(path).equals(contents)) return;
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${dirname(path)}.${process.pid}`;
  writeFileSync(draft, contents);
  renameSync(draft, path);
}
