import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import packageJson from '../../package.json' with { type: 'json' };
import { esModules } from './bundle.ts';
import { thirdPartyNotices } from './third-party.ts';

/** Writes the command line as a package for npx: bundled, so that npm installs nothing but the Node that it runs on. */
export function packCommandLine(root: string, work: string, file: string): void {
  const folder = join(work, 'package');
  const { version, description, license, optionalDependencies } = packageJson;
  const { metafile } = buildSync({
    absWorkingDir: root,
    entryPoints: ['cli/main.ts'],
    outdir: join(folder, 'cli'),
    ...esModules,
    metafile: true,
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'THIRD-PARTY.txt'), thirdPartyNotices(metafile, root));
  for (const name of ['CHANGELOG.md', 'LICENSE']) copyFileSync(join(root, name), join(folder, name));
  chmodSync(join(folder, 'cli', 'main.mjs'), 0o755);
  writeFileSync(
    join(folder, 'package.json'),
    `${JSON.stringify(
      {
        name: 'sentinelone-collector',
        version,
        description,
        license,
        type: 'module',
        bin: { collector: 'cli/main.mjs' },
        engines: packageJson.engines,
        optionalDependencies,
      },
      null,
      2,
    )}\n`,
  );
  execFileSync('tar', [
    '--sort=name',
    '--mtime=@0',
    '--owner=0',
    '--group=0',
    '-czf',
    file,
    '-C',
    work,
    'package',
  ]);
}
