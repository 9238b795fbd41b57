import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { states } from '../../../functions/errors.ts';
import type { Frame } from '../../../functions/tiles/frame.ts';
import { headings, trouble } from '../../../functions/tiles/trouble.ts';

const frame = { runbook: '/operations' } as Frame;
const shown = (remedy: string) =>
  trouble({ word: 'failed', remedy }, frame).text.replaceAll('&quot;', '"').replaceAll('&#39;', "'");
const commands = (remedy: string) =>
  [...shown(remedy).matchAll(/<code[^>]*><bdi>(.*?)<\/bdi>/g)].map(([, one]) => one);

describe('a trouble', () => {
  test.each([
    ['Create a new token in the console, then run: collector rotate initech', ['collector rotate initech']],
    [
      'Run: ./collector set acme --host usea1-acme.sentinelone.net.',
      ['./collector set acme --host usea1-acme.sentinelone.net'],
    ],
    [
      'Store it: collector rotate a-1; for another host: collector set a-1 --host HOST. By hand: {"apiKey": "…"}.',
      ['collector rotate a-1', 'collector set a-1 --host HOST'],
    ],
    ['Check that the collector runs: docs/operations.md', []],
    ['Run: collector rotate x; rm -rf /', ['collector rotate x']],
    [
      `2 alerts are not collected: npm run deploy -- -c 'optionalStreams=["alerts"]', then collector set acme --streams +alerts`,
      [`npm run deploy -- -c 'optionalStreams=["alerts"]'`, 'collector set acme --streams +alerts'],
    ],
  ])('shows the commands of %j by themselves', (remedy, typed) => {
    expect(commands(remedy)).toEqual(typed);
    expect(shown(remedy).replaceAll(/<[^>]*>/g, '')).toBe(`${remedy} Runbook`);
  });

  test('links to a heading of the runbook that exists, whatever its word', () => {
    const runbook = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
    const slugs = [...runbook.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
      title.toLowerCase().replaceAll(' ', '-'),
    );
    const words = Object.entries(states).filter(([, state]) => 'remedy' in state);
    for (const heading of [
      ...words.map(([word]) => word),
      'backlogged',
      'how-to-check',
      ...Object.values(headings),
    ])
      expect(slugs).toContain(heading);
  });
});
