import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const pages = globSync(['*.md', 'docs/**/*.md', '.github/**/*.md'], { cwd: root });

/** As GitHub makes them: lower case, no punctuation, hyphens for spaces. */
const anchors = (text: string) =>
  new Set(
    [...text.replace(/^```.*?^ *```/gms, '').matchAll(/^#+ +(.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  );

/** Each link of a page that leads to a place in this project. */
const links = (page: string) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));

describe.each(pages)('%s', (page) => {
  test('links only to pages and headings that there are', () => {
    const broken = links(page).filter((target) => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? join(root, page) : join(root, dirname(page), path);
      if (!existsSync(file)) return true;
      return anchor !== undefined && !anchors(readFileSync(file, 'utf8')).has(anchor);
    });
    expect(broken.map((target) => `${relative(root, join(root, page))}: ${target}`)).toEqual([]);
  });
});
