import type { Json } from './stream.ts';

/** The value at `path`, or undefined where any step is missing or not an object. */
export function at(record: Json | undefined, ...path: readonly string[]): Json | undefined {
  let value = record;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return value;
}

/** The non-empty text at `path`; any other type is absent. */
export function text(record: Json | undefined, ...path: readonly string[]): string | undefined {
  const value = at(record, ...path);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The same object without its undefined values. */
export function present<T extends Record<string, unknown>>(
  object: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** The table's value for `key`; a key that only the object's prototype has is not in the table. */
export function lookUp<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
