const [space, quote, backslash, noncharacterStart] = [0x20, 0x22, 0x5c, 0xef];

interface Escape {
  /** The escape, escaped as well. */
  readonly twice: Uint8Array;
  /** Bytes by which the escape is longer than the character. */
  readonly growth: number;
}

const escapeOf = (once: string, bytes: number): Escape => ({
  twice: Buffer.from(JSON.stringify(once).slice(1, -1)),
  growth: once.length - bytes,
});

/** By code: of the control characters, and none of the space and the exclamation mark, which precede the quote. */
const controls = Array.from({ length: quote }, (_, code) =>
  code < space ? escapeOf(JSON.stringify(String.fromCharCode(code)).slice(1, -1), 1) : undefined,
);

/** SQS refuses these two, which JSON.stringify leaves as they are. */
const noncharacters = [escapeOf('\\ufffe', 3), escapeOf('\\uffff', 3)] as const;

/** JSON in which the two characters that SQS refuses are escaped. */
export function withoutNoncharacters(json: string): string {
  return json.replaceAll('\uFFFE', '\\ufffe').replaceAll('\uFFFF', '\\uffff');
}

/**
 * Writes UTF-8 as the content of a JSON text that is within another JSON text. Bytes beyond the end of `target` are not
 * written, but counted.
 * @returns where it ends in `target`, and how many bytes it has when it is escaped once
 */
export function writeEscapedTwice(
  text: Uint8Array,
  target: Uint8Array,
  start: number,
): { readonly end: number; readonly onceBytes: number } {
  let end = start;
  let growth = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text[i] as number;
    // Most bytes are letters and digits.
    if (byte > quote && byte !== backslash && byte !== noncharacterStart) {
      target[end++] = byte;
    } else if (byte === quote || byte === backslash) {
      // Four increments of the index would take a fifth of the whole loop.
      target[end] = backslash;
      target[end + 1] = backslash;
      target[end + 2] = backslash;
      target[end + 3] = byte;
      end += 4;
      growth += 1;
    } else {
      const known = byte === noncharacterStart ? noncharacterAt(text, i) : controls[byte];
      if (known === undefined) {
        target[end++] = byte;
        continue;
      }
      for (const one of known.twice) target[end++] = one;
      growth += known.growth;
      if (byte === noncharacterStart) i += 2;
    }
  }
  return { end, onceBytes: text.length + growth };
}

/** U+FFFE is EF BF BE, and U+FFFF is EF BF BF. */
function noncharacterAt(text: Uint8Array, at: number): Escape | undefined {
  return text[at + 1] === 0xbf ? noncharacters[(text[at + 2] ?? 0) - 0xbe] : undefined;
}
