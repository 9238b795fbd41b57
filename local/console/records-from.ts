import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Source } from './console.ts';
import { createStore } from './store.ts';
import { type Stream, streams } from './streams.ts';

export interface RecordsFromFolder {
  /** The records' texts by stream, in the files' order, without repeats. */
  texts: Record<string, string[]>;
  /**
   * One source per console. Activities have no versions, so a collector treats two with the same id as one record;
   * the second is on a second console.
   */
  sources: Source[];
  /** The earliest and the latest time that listings filter by, in milliseconds; undefined if no record has one. */
  oldestMs?: number;
  newestMs?: number;
  /** Lines that are skipped because an earlier line has the same id and time. */
  repeats: string[];
  /** Lines that no console can serve, with the reason. */
  unserved: string[];
}

/** Redacted files can have the same id in every line. Each line then needs its own console and instance. */
const mostConsoles = 50;

const utf8 = new TextDecoder('utf-8', { fatal: true });

interface Line {
  /** `FILE, line N` */
  where: string;
  number: number;
  bytes: Buffer;
}

/**
 * Lines end at `
 * ` only. U+2028 does not end a line.
 */
function readLines(file: string): Line[] {
  if (!existsSync(file)) return [];
  const bytes = asUtf8(readFileSync(file));
  const lines: Line[] = [];
  for (let start = 0, number = 1; start <= bytes.length; number++) {
    const end = bytes.indexOf('\n', start);
    const stop = end < 0 ? bytes.length : end;
    lines.push({ where: `${file}, line ${number}`, number, bytes: bytes.subarray(start, stop) });
    start = stop + 1;
  }
  return lines;
}

/** PowerShell redirects output to files of UTF-16. */
function asUtf8(bytes: Buffer): Buffer {
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  return isUtf16 ? Buffer.from(new TextDecoder('utf-16le').decode(bytes)) : bytes;
}

/**
 * Returns the record in a line without surrounding white space, or why there is none; undefined for an empty line.
 */
function recordIn({ bytes }: Line): { text: string; record: unknown } | { reason: string } | undefined {
  let text: string;
  try {
    text = utf8.decode(bytes).replace(/^[ \t\r]+|[ \t\r]+$/g, '');
  } catch {
    return { reason: 'not UTF-8' };
  }
  if (text === '') return undefined;
  try {
    const record: unknown = JSON.parse(text);
    const isObject = typeof record === 'object' && record !== null && !Array.isArray(record);
    return isObject ? { text, record } : { reason: 'not a JSON object' };
  } catch (cause) {
    return { reason: `not JSON: ${cause instanceof Error ? cause.message.slice(0, 200) : 'unreadable'}` };
  }
}

/** Returns the values by which a stream's records are filtered and sorted. */
function valuesOf(definition: Stream, text: string) {
  const store = createStore(definition);
  store.add(text);
  return store.sortedBy('id')[0]?.values ?? {};
}

/**
 * Reads `STREAM.ndjson` of each stream from `folder`, one record per line. Records are served unmodified. A missing
 * file contains no records.
 */
export function recordsFrom(folder: string): RecordsFromFolder {
  const texts: Record<string, string[]> = {};
  const consoles: { stream: string; text: string }[][] = [[]];
  const times: number[] = [];
  const repeats: string[] = [];
  const unserved: string[] = [];
  for (const [stream, definition] of Object.entries(streams)) {
    const file = `${stream}.ndjson`;
    const served: string[] = [];
    const seen = new Map<string, number>();
    const copies = new Map<unknown, number>();
    const hasVersions = definition.timeFilters.includes('updatedAt');
    for (const line of readLines(join(folder, file))) {
      const read = recordIn(line);
      if (read === undefined) continue;
      if ('reason' in read) {
        unserved.push(`${line.where}: ${read.reason}`);
        continue;
      }
      const values = valuesOf(definition, read.text);
      const key =
        values.id == null ? read.text : `${values.id} ${hasVersions ? values.updatedAt : values.createdAt}`;
      const first = seen.get(key);
      if (first !== undefined) {
        repeats.push(`${line.where}: repeats line ${first} of ${file} (the same id and time)`);
        continue;
      }
      seen.set(key, line.number);
      const copy = hasVersions || values.id == null ? 0 : (copies.get(values.id) ?? 0);
      if (copy >= mostConsoles) {
        unserved.push(`${line.where}: its id is in more than ${mostConsoles} lines`);
        continue;
      }
      copies.set(values.id, copy + 1);
      served.push(read.text);
      consoles[copy] ??= [];
      consoles[copy]?.push({ stream, text: read.text });
      for (const field of definition.timeFilters) {
        const time = values[field];
        if (typeof time === 'number') times.push(Math.floor(time / 1000));
      }
    }
    texts[stream] = served;
  }
  return {
    texts,
    sources: consoles.map((records) => ({
      start(sink) {
        for (const { stream, text } of records) sink.add(stream, text);
      },
    })),
    ...(times.length > 0 && {
      oldestMs: times.reduce((a, b) => Math.min(a, b)),
      newestMs: times.reduce((a, b) => Math.max(a, b)),
    }),
    repeats,
    unserved,
  };
}
