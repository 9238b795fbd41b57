import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

interface Package {
  /** Name, version and license in one line. */
  readonly title: string;
  readonly text: string;
}

/** The licenses of all packages that have code in a bundle. Each text appears once. */
export function thirdPartyNotices(metafile: Metafile, root: string): string {
  const packages = packageFolders(metafile)
    .map((folder) => read(join(root, folder)))
    .sort((a, b) => order(a.title, b.title));
  const byText = Map.groupBy(packages, ({ text }) => text);
  return [...byText]
    .map(([text, all]) => `${[...new Set(all.map(({ title }) => title))].join('\n')}\n\n${text}\n`)
    .join(`\n${'-'.repeat(78)}\n\n`);
}

/** The folders of all packages with code in a bundle. */
export function packageFolders({ outputs }: Metafile): string[] {
  const inputs = Object.values(outputs).flatMap((output) => Object.keys(output.inputs));
  return [...new Set(inputs.flatMap((input) => packageOf.exec(input)?.[0] ?? []))];
}

/** The folder of the innermost package that a file belongs to. */
const packageOf = /^.*\bnode_modules\/(?:@[^/]+\/)?[^/]+/;

const order = (a: string, b: string) => (a < b ? -1 : Number(a > b));

/** @throws Error if a package neither names its license nor includes one */
function read(folder: string): Package {
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const files = readdirSync(folder).filter((file) =>
    /^(licen[cs]e|notice|copying)(\.(md|txt))?$/i.test(file),
  );
  const texts = files
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8').replaceAll('\r', '').trim());
  if (license === undefined && texts.length === 0) throw new Error(`${name} ${version} has no license`);
  const by = typeof author === 'string' ? author : author?.name;
  return {
    title: `${name} ${version}${license === undefined ? '' : ` (${license})`}`,
    text:
      texts.join('\n\n') ||
      `License: https://spdx.org/licenses/${license}.html${by === undefined ? '' : `\nAuthor: ${by}`}`,
  };
}
