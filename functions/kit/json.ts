/** The value at `path`, or undefined where any step is missing or not an object. */
export function at(record: Json | undefined, ...path: readonly string[]): Json | undefined {
  let value = record;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return value;
}

/** How recorded answers write that there is no value. */
const placeholders = new Set(['', 'None', 'N/A', 'n/a']);

/** The text at `path`; any other type, and text that only stands for no value, is absent. */
export function text(record: Json | undefined, ...path: readonly string[]): string | undefined {
  const value = at(record, ...path);
  return saysSomething(value) ? value : undefined;
}

/** The code at `path` as text, whether it was sent as text or as a whole number that `JSON.parse` keeps. */
export function code(record: Json | undefined, ...path: readonly string[]): string | undefined {
  const value = at(record, ...path);
  return Number.isSafeInteger(value) ? String(value) : text(record, ...path);
}

/** Whether the record says so at `path`; recorded answers have some booleans as the text "True". */
export function isTrue(record: Json | undefined, ...path: readonly string[]): boolean {
  const value = at(record, ...path);
  return value === true || (typeof value === 'string' && value.toLowerCase() === 'true');
}

/** The list at `path`; an empty one where there is none. */
export function list(record: Json | undefined, ...path: readonly string[]): readonly Json[] {
  const value = at(record, ...path);
  return Array.isArray(value) ? value : [];
}

/** Each text among the values once, in order; undefined where there is none, because an empty list is no value. */
export function unique(values: readonly (Json | undefined)[]): string[] | undefined {
  const texts = values.filter(saysSomething);
  return texts.length > 0 ? [...new Set(texts)] : undefined;
}

function saysSomething(value: Json | undefined): value is string {
  return typeof value === 'string' && !placeholders.has(value.trim());
}

/** The same object without its undefined values. */
export function present<T extends Record<string, unknown>>(
  object: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  const kept: Record<string, unknown> = {};
  for (const key of Object.keys(object)) if (object[key] !== undefined) kept[key] = object[key];
  return kept as { [K in keyof T]: Exclude<T[K], undefined> };
}

/** The table's value for `key`; a key that only the object's prototype has is not in the table. */
export function lookUp<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

/** A parsed record, or a part of one. Numbers are rounded by `JSON.parse`: for cursor and metadata only. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
