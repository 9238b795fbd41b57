/** Returns the value at `path`, or undefined if a step is missing or not an object. */
export function at(record: Json | undefined, ...path: readonly string[]): Json | undefined {
  let value = record;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return value;
}

/** The texts that real responses use for a missing value. */
const placeholders = new Set(['', 'None', 'N/A', 'n/a']);

const longestPlaceholder = 4;

/** Returns the text at `path`. Other types, and texts for a missing value, give undefined. */
export function text(record: Json | undefined, ...path: readonly string[]): string | undefined {
  const value = at(record, ...path);
  return saysSomething(value) ? value : undefined;
}

/** Returns the code at `path` as text. It can be a text or a safe integer. */
export function code(record: Json | undefined, ...path: readonly string[]): string | undefined {
  const value = at(record, ...path);
  return Number.isSafeInteger(value) ? String(value) : text(record, ...path);
}

/** More records than any console has, and far from where numbers are no longer exact. */
const mostCounted = 1e12;

/** Returns the number of things at `path`, or undefined for anything but a whole number from 0 to 10^12. */
export function count(record: Json | undefined, ...path: readonly string[]): number | undefined {
  const value = at(record, ...path);
  const isCount = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= mostCounted;
  return isCount ? value : undefined;
}

/** Returns whether the value at `path` is true. Real responses have some booleans as the text "True". */
export function isTrue(record: Json | undefined, ...path: readonly string[]): boolean {
  const value = at(record, ...path);
  return value === true || (typeof value === 'string' && value.toLowerCase() === 'true');
}

/** Returns the list at `path`, or an empty list. */
export function list(record: Json | undefined, ...path: readonly string[]): readonly Json[] {
  const value = at(record, ...path);
  return Array.isArray(value) ? value : [];
}

/** Returns the errors in a response. Some servers send one error instead of a list. */
export function errorsIn(response: Json | undefined): readonly Json[] {
  const errors = at(response, 'errors') ?? [];
  return Array.isArray(errors) ? errors : [errors];
}

/** Returns the distinct texts among the values, in order, or undefined if there are none. */
export function unique(values: readonly (Json | undefined)[]): string[] | undefined {
  const texts = values.filter(saysSomething);
  return texts.length > 0 ? [...new Set(texts)] : undefined;
}

function saysSomething(value: Json | undefined): value is string {
  if (typeof value !== 'string') return false;
  const trimmed = value.trim();
  return trimmed.length > longestPlaceholder || !placeholders.has(trimmed);
}

/** Returns the object without its undefined values. */
export function present<T extends Record<string, unknown>>(
  object: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  const kept: Record<string, unknown> = {};
  for (const key of Object.keys(object)) if (object[key] !== undefined) kept[key] = object[key];
  return kept as { [K in keyof T]: Exclude<T[K], undefined> };
}

/** Returns the table's own value for `key`; keys of the prototype are ignored. */
export function lookUp<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

/** Parses a JSON text; returns undefined if it is invalid. A byte order mark, which PowerShell writes, is ignored. */
export function parsed(json: string, reviver?: Parameters<typeof JSON.parse>[1]): Json | undefined {
  try {
    return JSON.parse(json.replace(/^\uFEFF/, ''), reviver);
  } catch {
    return undefined;
  }
}

/**
 * Returns the number of brackets, braces and commas outside texts. Each takes up to 100 bytes when parsed, so text
 * from outside is counted before it is parsed.
 */
export function structureOf(json: string): number {
  const [quote, backslash, comma, bracket, brace] = [0x22, 0x5c, 0x2c, 0x5b, 0x7b];
  let count = 0;
  let isText = false;
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (code === quote) isText = !isText;
    else if (isText && code === backslash) i += 1;
    else if (!isText && (code === comma || code === bracket || code === brace)) count += 1;
  }
  return count;
}

/** A parsed record, or a part of it. `JSON.parse` rounds long numbers, so it is used for cursor and metadata only. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
