import type { Json } from '../kit/json.ts';
import { type Timestamp, timestamp } from '../kit/time.ts';
import type { Fields, Metadata, Stream } from './stream.ts';

/** What a stream says of one record. */
export interface StreamMetadata {
  /** The time of the event; undefined if the record has none. */
  readonly startTime: Timestamp | undefined;
  /** The fields as members of a JSON object, without its braces. Less memory than the object itself. */
  readonly members: string;
}

/** Longer values are cut, because they are not useful for search. `raw` has the whole value. */
const longestValue = 4096;

const mostValues = 300;

/** The limit for all values together. A character takes at most 6 bytes of JSON, so this is 900 of the 1,024 KB of a message. */
const mostCharacters = 150_000;

/** Returns the metadata of a record. `raw` is its text, `record` its value; undefined if it is not valid JSON. */
export function metadataOf(stream: Stream, record: Json | undefined, raw: string): StreamMetadata {
  const own =
    record === undefined
      ? { ...stream.metadata({}, ''), message: 'The record is not valid JSON.' }
      : stream.metadata(record, raw);
  const { startTimeUTC } = own;
  return {
    startTime: typeof startTimeUTC === 'string' ? timestamp(startTimeUTC) : undefined,
    members: JSON.stringify(isBounded(own) ? own : bounded(own)).slice(1, -1),
  };
}

/** Whether all values are within the limits, as nearly always. */
function isBounded(own: Fields): boolean {
  let characters = 0;
  for (const key in own) {
    const value = own[key];
    if (value === undefined) continue;
    if (typeof value !== 'string' && (value.length === 0 || value.length > mostValues)) return false;
    for (const text of typeof value === 'string' ? [value] : value) {
      if (text === '' || text.length > longestValue || !text.isWellFormed()) return false;
      characters += text.length;
    }
  }
  return characters <= mostCharacters;
}

/** The values, each cut to its limit, until the total limit is reached: texts first, then lists. */
function bounded(own: Fields): Metadata {
  const kept: Metadata = {};
  let room = mostCharacters;
  const fits = (value: string): boolean => {
    if (value === '' || value.length > room) return false;
    room -= value.length;
    return true;
  };
  const keys = Object.keys(own);
  for (const key of keys) {
    const value = own[key];
    if (typeof value !== 'string') continue;
    const text = clip(value);
    if (fits(text)) kept[key] = text;
  }
  for (const key of keys) {
    const values = own[key];
    if (!Array.isArray(values)) continue;
    const texts = values.slice(0, mostValues).map(clip).filter(fits);
    if (texts.length > 0) kept[key] = texts;
  }
  return kept;
}

/** Cuts a text without splitting a surrogate pair, which some consumers cannot write as UTF-8. */
function clip(value: string): string {
  const cut =
    value.length > longestValue ? value.slice(0, longestValue).replace(/[\uD800-\uDBFF]$/, '') : value;
  return cut.toWellFormed();
}
