import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** The version of this command line. */
export const ownVersion = (): string => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;

/** The version of the stack for the operator, and what to do if it is another than this one. */
export function versionLine(deployed: string | undefined): string {
  const own = ownVersion();
  if (deployed === own) return `Version ${own}`;
  return `Version ${deployed ?? 'unknown'} is deployed, this is ${own}: collector upgrade-check`;
}

/** One version of CHANGELOG.md. */
interface Release {
  readonly version: string;
  readonly lines: readonly string[];
}

/** The versions in the text of a changelog, newest first. */
export function releasesIn(changelog: string): Release[] {
  return changelog
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const [heading = '', ...lines] = section.trimEnd().split('\n');
      const version = /^\[?(\d+\.\d+\.\d+)/.exec(heading)?.[1];
      return version === undefined ? [] : [{ version, lines }];
    });
}

/** What changes for an operator who deploys this version over another one, newest first. */
export function changesSince(deployed: string | undefined, releases: readonly Release[]): Release[] {
  return releases.filter(({ version }) => deployed === undefined || compare(version, deployed) > 0);
}

/** Positive if the first version is newer. */
export function compare(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export const readChangelog = () => releasesIn(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'));
