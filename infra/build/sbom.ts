import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { packageFolders } from './third-party.ts';

interface Lock {
  readonly packages: Readonly<Record<string, { readonly integrity?: string }>>;
}

/** The packages with code in a bundle, as a CycloneDX document. */
export function sbom(metafile: Metafile, root: string, name: string, version: string): object {
  const { packages }: Lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const components = packageFolders(metafile).map((folder) => {
    const read = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const purl = `pkg:npm/${read.name.replace('@', '%40')}@${read.version}`;
    const [, sha512 = ''] = /^sha512-(.*)$/.exec(packages[folder]?.integrity ?? '') ?? [];
    return {
      type: 'library',
      'bom-ref': purl,
      name: read.name,
      version: read.version,
      purl,
      ...(typeof read.license === 'string' && { licenses: [{ expression: read.license }] }),
      ...(sha512 && {
        hashes: [{ alg: 'SHA-512', content: Buffer.from(sha512, 'base64').toString('hex') }],
      }),
    };
  });
  const ref = `pkg:generic/${name}@${version}`;
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', 'bom-ref': ref, name, version } },
    components: components.toSorted((a, b) => (a.purl < b.purl ? -1 : 1)),
    dependencies: [{ ref, dependsOn: components.map(({ purl }) => purl).sort() }],
  };
}
