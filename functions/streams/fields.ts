import { at, code, type Json, text } from '../kit/json.ts';
import { later, type Timestamp, timestamp } from '../kit/time.ts';

/** Analytics' severities with the numbers of RFC 5424. */
const severityCodes = { critical: '2', high: '3', medium: '4', low: '5', informational: '6' } as const;

export type Severity = keyof typeof severityCodes;

/** The two fields for the severity of an artifact. */
export function severity(severityLabel: Severity): { severityLabel: Severity; severityCode: string } {
  return { severityLabel, severityCode: severityCodes[severityLabel] };
}

/** Returns the time at `path` in UTC; undefined if it is not a time, such as the text "None". */
export function time(record: Json | undefined, ...path: readonly string[]): Timestamp | undefined {
  return timestamp(at(record, ...path));
}

/**
 * Returns the start and the end of an event. Some consoles write an end slightly before the start; then the start is
 * used for both.
 */
export function span(
  startTimeUTC: Timestamp | undefined,
  end: Timestamp | undefined,
): { startTimeUTC: Timestamp | undefined; endTimeUTC: Timestamp | undefined } {
  const endTimeUTC = startTimeUTC !== undefined && end !== undefined ? later(startTimeUTC, end) : end;
  return { startTimeUTC, endTimeUTC };
}

/** How consoles write an unknown name. */
const unknownName = /^\s*(?:unknown|null|none|n\/a|-)\s*$/i;

/** Returns the name at `key`; undefined if the name is unknown. */
export function name(record: Json | undefined, key: string): string | undefined {
  const value = text(record, key);
  return value === undefined || unknownName.test(value) ? undefined : value;
}

/** The characters of an MD5, a SHA-1 and a SHA-256. */
const hashLengths = new Set([32, 40, 64]);

const hexadecimal = /^[\da-f]+$/i;

/** Returns the hashes among the values, the longest and strongest first. */
export function hashes(values: readonly (Json | undefined)[]): {
  fileHash: string | undefined;
  fileHashes: string[] | undefined;
} {
  const found = new Set<string>();
  for (const value of values) {
    const hash = typeof value === 'string' && value.length < 100 ? value.trim() : '';
    if (hashLengths.has(hash.length) && hexadecimal.test(hash)) found.add(hash);
  }
  if (found.size === 0) return { fileHash: undefined, fileHashes: undefined };
  const fileHashes = [...found].sort((a, b) => b.length - a.length);
  return { fileHash: fileHashes[0], fileHashes };
}

const technique = /\bT\d{4}(?:[./]\d{3})?(?!\d)/g;

/**
 * Returns the MITRE ATT&CK techniques in a text. A sub-technique is `T1059.001` in a name and `T1059/001` in a link.
 */
export function techniques(said: string): string[] {
  return said.match(technique)?.map((id) => id.replace('/', '.')) ?? [];
}

const port = /^[1-9]\d{0,4}$/;

/** Returns the port at `key`, which is a number or a text. Consoles write 0 and "" for none. */
export function portNumber(record: Json | undefined, key: string): string | undefined {
  const value = code(record, key) ?? '';
  return port.test(value) && Number(value) < 65_536 ? value : undefined;
}

/** Returns the process id at `key`. Consoles write 0 for none. */
export function processId(record: Json | undefined, key: string): string | undefined {
  const value = code(record, key);
  return value === '0' ? undefined : value;
}

const folders = /^.*[\\/]/s;

/** Returns the last part of a path of any operating system. */
export function baseName(path: string | undefined): string | undefined {
  return path?.replace(folders, '') || path;
}

/** Returns the cloud provider's id of the machine, whichever provider it is. */
export function cloudInstanceId(providers: Json | undefined): string | undefined {
  if (typeof providers !== 'object' || providers === null || Array.isArray(providers)) return undefined;
  for (const provider of Object.keys(providers)) {
    const id = text(providers[provider], 'cloudInstanceId');
    if (id !== undefined) return id;
  }
  return undefined;
}
