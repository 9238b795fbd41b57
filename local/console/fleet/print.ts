/** What a record is made of before it is written. A bigint becomes a JSON number with all its digits. */
export type Printable =
  | string
  | number
  | bigint
  | boolean
  | null
  | Printable[]
  | { [name: string]: Printable };

// TypeScript's library does not know `JSON.rawJSON` yet.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Writes a record; with `ascii`, as a server does that escapes all other characters. */
export function print(record: Printable, { ascii = false } = {}): string {
  const text = JSON.stringify(record, (_name, value) =>
    typeof value === 'bigint' ? rawJSON(value.toString()) : value,
  );
  return ascii ? text.replace(/[^\x20-\x7e]/g, escaped) : text;
}
