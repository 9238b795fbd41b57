/** The values of a record before it is serialised. A bigint becomes a JSON number with all its digits. */
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

/** Serialises a record. With `ascii`, escapes all non-ASCII characters, as some servers do. */
export function print(record: Printable, { ascii = false } = {}): string {
  const text = JSON.stringify(record, (_name, value) =>
    typeof value === 'bigint' ? rawJSON(value.toString()) : value,
  );
  return ascii ? text.replace(/[^\x20-\x7e]/g, escaped) : text;
}
