import { at, code, type Json, text } from '../kit/json.ts';
import { later, type Timestamp, timestamp } from '../kit/time.ts';

/** Analytics' severities with the numbers of RFC 5424. */
const severityCodes = { critical: '2', high: '3', medium: '4', low: '5', informational: '6' } as const;

export type Severity = keyof typeof severityCodes;

/** Both fields that say how severe an artifact is. */
export function severity(severityLabel: Severity): { severityLabel: Severity; severityCode: string } {
  return { severityLabel, severityCode: severityCodes[severityLabel] };
}

/** The time at `path` in UTC; what is no time, such as the text "None", is absent. */
export function time(record: Json | undefined, ...path: readonly string[]): Timestamp | undefined {
  return timestamp(at(record, ...path));
}

/** When something began and ended. Consoles write some ends a moment before the start: the start holds then. */
export function span(
  startTimeUTC: Timestamp | undefined,
  end: Timestamp | undefined,
): { startTimeUTC: Timestamp | undefined; endTimeUTC: Timestamp | undefined } {
  const endTimeUTC = startTimeUTC !== undefined && end !== undefined ? later(startTimeUTC, end) : end;
  return { startTimeUTC, endTimeUTC };
}

/** How consoles write a name that they do not know. */
const unknownName = /^\s*(?:unknown|null|none|n\/a|-)\s*$/i;

/** The name at `key`; what stands for an unknown name is absent. */
export function name(record: Json | undefined, key: string): string | undefined {
  const value = text(record, key);
  return value === undefined || unknownName.test(value) ? undefined : value;
}

/** MD5, SHA-1 and SHA-256. */
const hashForm = /^(?:[\da-f]{32}|[\da-f]{40}|[\da-f]{64})$/i;

/** The hashes among the values, the longest and so the strongest first. */
export function hashes(values: readonly (Json | undefined)[]): {
  fileHash: string | undefined;
  fileHashes: string[] | undefined;
} {
  const found = new Set<string>();
  for (const value of values) {
    const hash = typeof value === 'string' && value.length < 100 ? value.trim() : '';
    if (hashForm.test(hash)) found.add(hash);
  }
  if (found.size === 0) return { fileHash: undefined, fileHashes: undefined };
  const fileHashes = [...found].sort((a, b) => b.length - a.length);
  return { fileHash: fileHashes[0], fileHashes };
}

const technique = /\bT\d{4}(?:[./]\d{3})?(?!\d)/g;

/** MITRE ATT&CK techniques in a text. A sub-technique is `T1059.001` in a name, and a folder in a link: `T1059/001`. */
export function techniques(said: string): string[] {
  return said.match(technique)?.map((id) => id.replace('/', '.')) ?? [];
}

const port = /^[1-9]\d{0,4}$/;

/** The port at `key`, sent as a number or as text; consoles write 0 and "" for none. */
export function portNumber(record: Json | undefined, key: string): string | undefined {
  const value = code(record, key) ?? '';
  return port.test(value) && Number(value) < 65_536 ? value : undefined;
}

/** The process id at `key`; consoles write 0 for none. */
export function processId(record: Json | undefined, key: string): string | undefined {
  const value = code(record, key);
  return value === '0' ? undefined : value;
}

const folders = /^.*[\\/]/s;

/** The last part of a path of any system: what tools call the name of a program. */
export function baseName(path: string | undefined): string | undefined {
  return path?.replace(folders, '') || path;
}

/** The cloud's own id of the machine, whichever provider names one. */
export function cloudInstanceId(providers: Json | undefined): string | undefined {
  if (typeof providers !== 'object' || providers === null || Array.isArray(providers)) return undefined;
  for (const provider of Object.keys(providers)) {
    const id = text(providers[provider], 'cloudInstanceId');
    if (id !== undefined) return id;
  }
  return undefined;
}
