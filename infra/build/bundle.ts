import { createHash, randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { buildSync, type Metafile } from 'esbuild';

const project = join(import.meta.dirname, '..', '..');

interface Sources {
  /** What the paths are relative to; the same project in another place gives the same bytes. */
  readonly root?: string;
  /** The module of each handler, by the name of its file in the folder. */
  readonly entries?: Readonly<Record<string, string>>;
}

interface BundleOptions extends Sources {
  /** The folder is made in here. */
  readonly into?: string;
  /** In PEM; they go into the folder as `ca.pem`. */
  readonly certificates?: string | undefined;
}

const handlers = {
  poller: 'functions/poller.ts',
  operator: 'functions/operator.ts',
  forwarder: 'functions/forwarder.ts',
  widget: 'functions/widget.ts',
};

/** What the AWS SDK loads elsewhere only: in a browser, or where the environment holds no credentials. 140 KiB. */
const notOnLambda = [
  'bowser',
  '@aws-sdk/credential-provider-http',
  '@aws-sdk/credential-provider-ini',
  '@aws-sdk/credential-provider-process',
  '@aws-sdk/credential-provider-sso',
  '@aws-sdk/credential-provider-web-identity',
  '@smithy/credential-provider-imds',
];

type Files = Readonly<Record<string, Uint8Array>>;

/**
 * Bundles the entries with all that they need, the AWS SDK too. What is imported dynamically or by several entries is
 * a separate module, so that a function loads only what it uses.
 */
export function compile({ root = project, entries = handlers }: Sources = {}): {
  readonly files: Files;
  readonly metafile: Metafile;
} {
  const { outputFiles, metafile } = buildSync({
    absWorkingDir: root,
    entryPoints: Object.entries(entries).map(([out, path]) => ({ out, in: path })),
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    mainFields: ['module', 'main'],
    minify: true,
    legalComments: 'none',
    external: notOnLambda,
    // CommonJS packages inside call require(), which an ES module does not have.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    // Nothing is written; the folder is flat, so that a file's name is its path.
    outdir: 'out',
    outExtension: { '.js': '.mjs' },
    metafile: true,
    write: false,
  });
  const files = outputFiles.map(({ path, contents }) => [basename(path), contents]);
  return { files: Object.fromEntries(files), metafile };
}

/**
 * Makes the one deployment folder of all functions and returns it: `poller.mjs`, `forwarder.mjs`, and what they share.
 * The same sources give the same folder with the same bytes, so that a deployment without a change changes nothing.
 */
export function bundle({
  into = join(project, '.build'),
  certificates,
  ...sources
}: BundleOptions = {}): string {
  const files: Files = {
    ...compile(sources).files,
    ...(certificates !== undefined && { 'ca.pem': Buffer.from(certificates) }),
  };
  mkdirSync(into, { recursive: true });
  const folder = join(into, nameOf(files));
  if (holds(folder, files)) {
    const now = new Date();
    utimesSync(folder, now, now);
  } else {
    put(folder, files);
  }
  removeOld(into);
  return folder;
}

/** A name for these files and no others. */
function nameOf(files: Files): string {
  const hash = createHash('sha256');
  for (const [name, contents] of Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name}\0${contents.length}\0`).update(contents);
  }
  return hash.digest('hex').slice(0, 32);
}

function holds(folder: string, files: Files): boolean {
  if (!existsSync(folder)) return false;
  const names = readdirSync(folder);
  return (
    names.length === Object.keys(files).length &&
    names.every((name) => files[name] !== undefined && readFileSync(join(folder, name)).equals(files[name]))
  );
}

/** All or nothing: another synthesis may be reading this folder, or making it. */
function put(folder: string, files: Files): void {
  const draft = `${folder}.${randomUUID()}`;
  mkdirSync(draft);
  for (const [name, contents] of Object.entries(files)) writeFileSync(join(draft, name), contents);
  rmSync(folder, { recursive: true, force: true });
  try {
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true });
    // Another synthesis was faster.
    if (!holds(folder, files)) throw error;
  }
}

const dayMs = 24 * 60 * 60 * 1000;

/** No synthesis takes a day: nobody uses what was last made or asked for before that. */
function removeOld(into: string): void {
  for (const name of readdirSync(into).filter((entry) => /^[0-9a-f]{32}(\.|$)/.test(entry))) {
    const path = join(into, name);
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? {};
    if (mtimeMs !== undefined && Date.now() - mtimeMs > dayMs) rmSync(path, { recursive: true, force: true });
  }
}
