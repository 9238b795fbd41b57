/** The end of a page, as the console encodes it: sort field, value and key, without filters. */
export interface PageToken {
  field: string;
  value: string | number | null;
  key: string;
}

/**
 * Writes a page token in the console's format: base64 JSON, percent-encoded. The JSON is padded with a space if
 * needed, so that each token ends in `=` and its encoding matters.
 */
export function writePageToken({ field, value, key }: PageToken): string {
  const json = JSON.stringify({
    id_column: 'id',
    id_value: key,
    sort_by_column: field,
    sort_by_value: value,
  });
  const padded = Buffer.byteLength(json) % 3 === 0 ? `${json} ` : json;
  return encodeURIComponent(Buffer.from(padded).toString('base64'));
}

/** Reads a decoded page token. Returns undefined if it is invalid. */
export function readPageToken(text: string): PageToken | undefined {
  if (!/^[A-Za-z0-9+/]+=*$/.test(text)) return undefined;
  try {
    const held = JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
    const { sort_by_column: field, sort_by_value: value, id_value: key } = held;
    return typeof field === 'string' && typeof key === 'string' && value !== undefined
      ? { field, value, key }
      : undefined;
  } catch {
    return undefined;
  }
}
