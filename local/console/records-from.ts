import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Source } from './console.ts';
import { createStore } from './store.ts';
import { streams } from './streams.ts';

/** The records of a folder. */
export interface RecordsFromFolder extends Source {
  /** The records' texts by stream, in the files' order. */
  texts: Record<string, string[]>;
  /** The earliest time, in milliseconds, that a listing would meet; undefined when no record has one. */
  oldestMs?: number;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Lines end at `\n` only: U+2028 is a character like any other. What surrounds a record is JSON's own white space. */
function readRecords(file: string): string[] {
  if (!existsSync(file)) return [];
  const lines = utf8.decode(readFileSync(file)).split('\n');
  return lines.flatMap((line, at) => {
    const text = line.replace(/^[ \t\r]+|[ \t\r]+$/g, '');
    if (text === '') return [];
    try {
      JSON.parse(text);
    } catch (cause) {
      throw new Error(`${file}, line ${at + 1}: not a JSON record`, { cause });
    }
    return [text];
  });
}

function oldest(stream: string, texts: string[]): number[] {
  const definition = streams[stream];
  if (!definition) return [];
  const store = createStore(definition);
  for (const text of texts) store.add(text);
  return definition.timeFilters.flatMap((field) => {
    const first = store.sortedBy(field)[0]?.values[field];
    return typeof first === 'number' ? [Math.floor(first / 1000)] : [];
  });
}

/**
 * The records of `folder`: `threats.ndjson`, `activities.ndjson` and `agents.ndjson`, one record a line, served byte for
 * byte. A missing file holds no records. Two lines with the same id are two records.
 */
export function recordsFrom(folder: string): RecordsFromFolder {
  const texts = Object.fromEntries(
    Object.keys(streams).map((stream) => [stream, readRecords(join(folder, `${stream}.ndjson`))]),
  );
  const times = Object.entries(texts).flatMap(([stream, lines]) => oldest(stream, lines));
  return {
    texts,
    ...(times.length > 0 && { oldestMs: Math.min(...times) }),
    start(shelf) {
      for (const [stream, lines] of Object.entries(texts)) for (const text of lines) shelf.add(stream, text);
    },
  };
}
