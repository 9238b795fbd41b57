import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Output, styled } from '../../cli/output.ts';
import type { Accepted } from '../../local/analytics/search.ts';
import { startScreen } from '../../local/screen.ts';
import { healthLines, logLineAt, say, sayFound, sayNewest } from '../../local/show.ts';

/** Clears the screen, sets the title, writes to the clipboard, hides, reverses, starts a line, and stays unseen. */
const hostile =
  '\u001b[2J\u001b]0;title\u0007\u001b]52;c;eA==\u0007\u009b8m\u202e\u2066\r\nok\u2028\u200b\u{e0041}\u007f\u0000';
const obeyed = /[[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]--\n]/v;

let printed = '';
beforeEach(() => {
  printed = '';
  vi.spyOn(performance, 'now').mockReturnValue(3_600_000);
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      printed += text;
      return true;
    });
});
afterEach(() => vi.restoreAllMocks());

const artifact = {
  timestamp: hostile,
  metadata: { id: hostile, messageType: hostile, severityLabel: hostile, clientHostname: hostile },
} as unknown as Accepted;

test.each<[what: string, lines: number, print: (out: Output) => void]>([
  ['the lines of an answer', 2, (out) => out.answer({}, () => [hostile, `a ${hostile}`])],
  ['a line of many', 1, (out) => out.each({}, hostile)],
  ['a styled line', 1, (out) => out.each({}, styled('red', hostile))],
  ['a note', 2, (out) => out.note(hostile, `→ ${hostile}`)],
  ['progress', 1, (out) => out.progress(hostile)],
  ['a line of a function that is no JSON', 1, () => say(logLineAt(hostile))],
  ['a line of a function that is no object', 1, () => say(logLineAt('null'))],
  [
    'a log line of a function',
    1,
    () => say(logLineAt(JSON.stringify({ level: hostile, message: hostile, instance: hostile }))),
  ],
  ['the newest artifact', 1, () => sayNewest(artifact)],
  [
    'a threat that is found',
    2,
    () => sayFound(artifact, [{ field: 'host', value: hostile, found: true, foundByOther: false }]),
  ],
  ['any other line of npm start', 1, () => say(hostile)],
  [
    'the table of npm start',
    4,
    () => {
      const verdict = { stream: hostile, light: 'red', word: hostile, error: hostile, remedy: hostile };
      const health = { instance: hostile, host: hostile, light: 'red', worst: verdict, streams: [verdict] };
      startScreen().lines(healthLines([health] as unknown as Parameters<typeof healthLines>[0], 0));
    },
  ],
])('%s obeys no record', (_, lines, print) => {
  print(new Output(false));
  expect(printed).not.toMatch(obeyed);
  expect(printed.split('\n')).toHaveLength(lines + 1);
});

test('JSON keeps every character, escaped', () => {
  const value = { [hostile]: [hostile, '東京 🙂'] };
  for (const print of [(out: Output) => out.answer(value, () => []), (out: Output) => out.each(value, '')]) {
    printed = '';
    print(new Output(true));
    expect(printed).not.toMatch(obeyed);
    expect(printed).toContain('東京 🙂');
    expect(JSON.parse(printed)).toEqual(value);
  }
});

test('colours are those of the command, not of a record', () => {
  vi.stubEnv('FORCE_COLOR', '1');
  new Output(false).each({}, `\u001b[31m${styled('green', 'ok \u001b[31m')}`);
  vi.unstubAllEnvs();
  expect(printed).toBe('\uFFFD[31m\u001b[32mok \uFFFD[31m\u001b[39m\n');
});
