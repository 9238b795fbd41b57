/** Longer text is cut, because a table or a log line must stay readable. */
const longest = 300;

/** Enough to fill `longest` even if most of it is removed. */
const read = 4096;

/** A part of a secret is also removed if it is at least this long. */
const part = 8;

/**
 * Cleans text from another system for a log, a status, a page or a terminal: one line of limited length, without
 * characters that move, reverse or hide text, and without the secrets or parts of them, in any case and encoding.
 */
export function redacted(words: string, ...secrets: readonly string[]): string {
  return printable(hidden(oneLine(words.slice(0, read)), secrets));
}

/** Cleans text from outside: one line of limited length, without characters that move, reverse or hide text. */
export function printable(text: string): string {
  const line = oneLine(text.slice(0, read));
  return line.length <= longest ? line : `${line.slice(0, longest - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

function oneLine(text: string): string {
  return (
    text
      .replace(/[\p{Cc}\p{Z}\u2800]+/gu, ' ')
      .replace(/[\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}]+/gu, '')
      // Stacked combining marks cover the lines above.
      .replace(/(\p{M}{2})\p{M}+/gu, '$1')
      .trim()
  );
}

/** A text to search, with the position of each of its characters in the original. */
interface View {
  readonly text: string;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

function hidden(line: string, secrets: readonly string[]): string {
  const isSecret = new Uint8Array(line.length);
  const views = [viewOf(line, /[\s\S]/g), viewOf(line, escapes)];
  for (const form of secrets.flatMap(formsOf)) {
    const length = Math.min(part, form.length);
    const parts = new Set(
      Array.from({ length: form.length - length + 1 }, (_, i) => form.slice(i, i + length)),
    );
    for (const { text, starts, ends } of length === 0 ? [] : views)
      for (let i = 0; i + length <= text.length; i++)
        if (parts.has(text.slice(i, i + length))) isSecret.fill(1, starts[i], ends[i + length - 1]);
  }
  let shown = '';
  for (let i = 0; i < line.length; i++)
    if (isSecret[i] === 0) shown += line[i];
    else if (isSecret[i - 1] !== 1) shown += '[token]';
  return shown;
}

/** A character, as itself or escaped for URLs, JSON or HTML, even repeatedly. Spaces are skipped. */
const escapes =
  /(?:%(?:25)*|\\u00|\\x|&(?:amp;)*#x0*)([0-9a-f]{2});?|&(?:amp;)*#0*(\d{2,3});|\\+(["\\/])|[^ ]/gi;

function viewOf(line: string, character: RegExp): View {
  const found = [...line.matchAll(character)].map((match) => {
    const [whole, hex, decimal, self] = match;
    const value =
      hex !== undefined
        ? String.fromCharCode(Number.parseInt(hex, 16))
        : decimal !== undefined
          ? String.fromCharCode(Number(decimal))
          : (self ?? whole);
    // The lower case of some characters is longer than the character.
    return { value: value.toLowerCase().charAt(0), start: match.index, end: match.index + whole.length };
  });
  return {
    text: found.map(({ value }) => value).join(''),
    starts: found.map(({ start }) => start),
    ends: found.map(({ end }) => end),
  };
}

/** Returns the secret itself, in hexadecimal, and in base64 at each of the three possible offsets. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const encoded = [0, 1, 2].flatMap((before) => {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]);
    // The first and the last character may contain bits of the neighbouring bytes.
    const own = (text: string) =>
      text.slice(before === 0 ? 0 : before + 1, padded.length % 3 === 0 ? undefined : -1);
    return [own(padded.toString('base64').replace(/=+$/, '')), own(padded.toString('base64url'))];
  });
  return [secret, bytes.toString('hex'), ...encoded.filter(({ length }) => length >= part)].map((form) =>
    form.toLowerCase(),
  );
}
