import type { Field, Kind, Stream } from './streams.ts';
import { readTime } from './time.ts';

type Value = string | number | null;

/** The text of a record, and the values by which it is sorted and filtered. */
export interface StoredRecord {
  key: string;
  text: string;
  values: Record<string, Value>;
}

export interface Store {
  stream: Stream;
  /** Adds the record, or replaces the one with its id. `values` overrides fields that are missing or different in the text. */
  put(text: string, values?: Record<string, unknown>): void;
  /** Adds the record, even if another has the same id. */
  add(text: string): void;
  remove(id: string): void;
  /** Returns all records, ascending by the field and then by key. */
  sortedBy(field: string): readonly StoredRecord[];
}

const readers: Record<Kind, (raw: unknown) => Value> = {
  id: (raw) => (raw == null ? null : String(raw)),
  text: (raw) => (raw == null ? null : String(raw)),
  number: (raw) => (typeof raw === 'number' ? raw : null),
  time: (raw) => readTime(raw) ?? null,
};

const dig = (record: unknown, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | null | undefined)?.[name], record);

const order = <T>(a: T, b: T) => (a < b ? -1 : a > b ? 1 : 0);

export const compareIds = (a: string, b: string): number => a.length - b.length || order(a, b);

/** Orders two values of one field; a missing value comes last. */
export function compareValues(kind: Kind, a: Value, b: Value): number {
  if (a === null || b === null) return order(a === null, b === null);
  return kind === 'id' ? compareIds(String(a), String(b)) : order(a, b);
}

export function createStore(stream: Stream): Store {
  const records = new Map<string, StoredRecord>();
  const sorted = new Map<string, StoredRecord[]>();

  const keyOf = ({ id }: Record<string, Value>) => (id == null ? 'unnamed' : String(id));
  const freeKey = (key: string) => {
    for (let copy = 1; ; copy++) {
      const tried = copy === 1 ? key : `${key}-${copy}`;
      if (!records.has(tried)) return tried;
    }
  };
  const keep = (record: StoredRecord) => {
    records.set(record.key, record);
    sorted.clear();
  };

  const read = (parsed: unknown, given: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries(stream.fields).map(([name, { path, kind }]) => [
        name,
        readers[kind](name in given ? given[name] : dig(parsed, path)),
      ]),
    );

  const sort = (name: string, { kind }: Field) =>
    [...records.values()].sort(
      (a, b) =>
        compareValues(kind, a.values[name] ?? null, b.values[name] ?? null) || compareIds(a.key, b.key),
    );

  return {
    stream,
    put(text, given = {}) {
      const values = read(JSON.parse(text), given);
      const key = keyOf(values);
      keep({ key: values.id == null ? freeKey(key) : key, text, values });
    },
    add(text) {
      const values = read(JSON.parse(text), {});
      keep({ key: freeKey(keyOf(values)), text, values });
    },
    remove(id) {
      records.delete(id);
      sorted.clear();
    },
    sortedBy(name) {
      const field = stream.fields[name];
      if (!field) throw new Error(`${stream.path} has no field ${name}`);
      const known = sorted.get(name);
      if (known) return known;
      const fresh = sort(name, field);
      sorted.set(name, fresh);
      return fresh;
    },
  };
}
