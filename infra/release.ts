import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { bundle } from './build/bundle.ts';
import { packCommandLine } from './build/command-line.ts';
import { forwarderPlaceholders, placeholders, withParameters } from './build/parameters.ts';
import { sbom } from './build/sbom.ts';
import { zip } from './build/zip.ts';
import { CollectorApp } from './synth.ts';

const root = join(import.meta.dirname, '..');
const { name, version } = packageJson;

/** Writes what is deployed without Node and the CDK: templates, code, bill of materials, checksums and a script. */
export function release(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(tmpdir(), 'release-'));
  try {
    const code = join(work, 'code');
    const metafile = bundle(code);
    const put = (file: string, content: string | Uint8Array) => writeFileSync(join(folder, file), content);
    const codeKey = `${name}-${version}.zip`;
    const files = readdirSync(code).sort();
    put(codeKey, zip(files.map((path) => ({ path, content: readFileSync(join(code, path)) }))));
    for (const [suffix, more] of [
      ['', {}],
      ['-with-forwarder', forwarderPlaceholders],
    ] as const) {
      const context = { ...placeholders, ...more };
      const app = new CollectorApp({ context, code, outdir: join(work, `out${suffix}`) });
      const { template } = app.synth().getStackByName(app.stack.stackName);
      const released = withParameters(template, codeKey, suffix !== '');
      put(`collector${suffix}.template.json`, `${JSON.stringify(released, null, 1)}\n`);
    }
    put('sbom.cdx.json', `${JSON.stringify(sbom(metafile, root, name, version), null, 1)}\n`);
    copyFileSync(join(code, 'THIRD-PARTY.txt'), join(folder, 'THIRD-PARTY.txt'));
    copyFileSync(join(root, 'infra', 'deploy-release.sh'), join(folder, 'deploy.sh'));
    packCommandLine(root, work, join(folder, `collector-${version}.tgz`));
    const sums = readdirSync(folder)
      .sort()
      .map(
        (file) =>
          `${createHash('sha256')
            .update(readFileSync(join(folder, file)))
            .digest('hex')}  ${file}\n`,
      );
    put('SHA256SUMS', sums.join(''));
  } finally {
    rmSync(work, { recursive: true });
  }
}

if (import.meta.main) release(process.argv[2] ?? join(root, 'release'));
