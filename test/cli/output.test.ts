import { expect, test } from 'vitest';
import { counted, duration, folded, left, moment, plain, since, table, wrapped } from '../../cli/output.ts';

test.each([
  [0, '0s'],
  [-5, '0s'],
  [59_999, '59s'],
  [60_000, '1m'],
  [65_000, '1m 5s'],
  [3_599_999, '59m 59s'],
  [3_600_000, '1h'],
  [3_660_000, '1h 1m'],
  [90_000_000, '1d 1h'],
  [86_400_000 * 400, '400d'],
])('%i milliseconds are %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test('a moment is told from now, on either side', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');
  expect(moment('2026-03-01T11:56:00Z', now)).toBe('4m ago');
  expect(moment('2026-03-14T12:00:00Z', now)).toBe('in 13d');
  expect(moment(undefined, now)).toBe('-');
  expect(moment('nonsense', now)).toBe('-');
});

test('a time is shown in one unit where columns are short', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');
  expect(since('2026-03-01T10:58:30Z', now)).toBe('1h');
  expect(since(undefined, now)).toBe('-');
  expect(left('2026-03-14T13:00:00Z', now)).toBe('13d');
  expect(left('2026-03-01T12:00:00Z', now)).toBe('expired');
  expect(left('nonsense', now)).toBe('-');
});

test('names are folded into one line that says how many there are', () => {
  const names = Array.from({ length: 300 }, (_, i) => `acme-${i}`);
  expect(folded(['acme'])).toBe('acme');
  expect(folded(['a', 'b', 'c'])).toBe('a, b, c');
  expect(folded(names, 30)).toBe('acme-0, acme-1 and 298 more');
  for (const width of [10, 40, 72])
    expect(folded(names, width).length).toBeLessThanOrEqual(Math.max(width, 19));
});

test('an indented line goes on below its last column, and a command to copy stays whole', () => {
  expect(wrapped('    → Create a new token, then run: collector rotate acme', 40)).toBe(
    '    → Create a new token, then run:\n      collector rotate acme',
  );
  expect(wrapped('  FAILED   token  the console refuses it: 401', 36)).toBe(
    '  FAILED   token  the console\n                  refuses it: 401',
  );
  expect(wrapped('a row of a table that is too long', 10)).toBe('a row of a table that is too long');
  expect(wrapped('  short', 10)).toBe('  short');
});

test('one thing is no plural', () => {
  expect([0, 1, 2].map((count) => counted(count, 'instance'))).toEqual([
    '0 instances',
    '1 instance',
    '2 instances',
  ]);
});

test('the text of strangers moves no cursor and turns no line around', () => {
  expect(plain('a\u001b[2Jb\nc\u202Ed\u0085e\u2066f')).toBe('a\uFFFD[2Jb\uFFFDc\uFFFDd\uFFFDe\uFFFDf');
  expect(plain('Zoë – 東京 🙂')).toBe('Zoë – 東京 🙂');
});

test('columns are as wide as their widest cell', () => {
  expect(
    table(
      ['A', 'LONG'],
      [
        ['wide', 'x'],
        ['y', ''],
      ],
    ),
  ).toEqual(['A     LONG', 'wide  x', 'y']);
});
