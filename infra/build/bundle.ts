import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, buildSync, type Metafile } from 'esbuild';
import { thirdPartyNotices } from './third-party.ts';

const handlers = {
  poller: 'functions/poller.ts',
  operator: 'functions/operator.ts',
  forwarder: 'functions/forwarder.ts',
  widget: 'functions/widget.ts',
};

/** The AWS SDK loads these only in a browser, or if the environment has no credentials. They take 140 KiB. */
const notOnLambda = [
  'bowser',
  '@aws-sdk/credential-provider-http',
  '@aws-sdk/credential-provider-ini',
  '@aws-sdk/credential-provider-process',
  '@aws-sdk/credential-provider-sso',
  '@aws-sdk/credential-provider-web-identity',
  '@smithy/credential-provider-imds',
];

/** How the functions and the command line are bundled. */
export const esModules = {
  bundle: true,
  splitting: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  mainFields: ['module', 'main'],
  minify: true,
  legalComments: 'none',
  // It takes 30 KiB with its dependencies.
  alias: { 'cacheable-request': join(import.meta.dirname, 'without-cache.ts') },
  // Bundled CommonJS packages call require(), which an ES module does not have.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
  outExtension: { '.js': '.mjs' },
} satisfies BuildOptions;

interface BundleOptions {
  /** Entry paths are relative to this folder, so the same project elsewhere gives the same bytes. */
  readonly root?: string;
  /** The module of each handler, by the name of its output file. */
  readonly entries?: Readonly<Record<string, string>>;
  /** PEM certificates, written to the folder as `ca.pem`. */
  readonly certificates?: string | undefined;
}

/**
 * Empties a folder and writes one module for each entry, with all of its dependencies and the AWS SDK. Code that is
 * imported dynamically or by several entries is a separate module, so that a function loads only what it uses
 * (docs/adr/0022-one-bundle-of-our-own.md). `THIRD-PARTY.txt` contains the licenses of the bundled packages.
 */
export function bundle(
  folder: string,
  { root = join(import.meta.dirname, '..', '..'), entries = handlers, certificates }: BundleOptions = {},
): Metafile {
  rmSync(folder, { recursive: true, force: true });
  const { metafile } = buildSync({
    absWorkingDir: root,
    entryPoints: Object.entries(entries).map(([out, path]) => ({ out, in: path })),
    ...esModules,
    external: notOnLambda,
    outdir: folder,
    metafile: true,
  });
  const notices = thirdPartyNotices(metafile, root);
  if (notices !== '') writeFileSync(join(folder, 'THIRD-PARTY.txt'), notices);
  if (certificates !== undefined) writeFileSync(join(folder, 'ca.pem'), certificates);
  return metafile;
}
