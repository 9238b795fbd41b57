/** Where a page ended, as the console tells itself: it holds a sort and a place in it, and no filters. */
export interface PageToken {
  field: string;
  value: string | number | null;
  key: string;
}

/**
 * Writes a page token as the console hands it out: base64 JSON, percent-encoded already. The JSON is padded with a space
 * where needed, so that each token ends in `=` and shows what its encoding does.
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

/** Reads a page token that came back decoded; undefined when it is none. */
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
