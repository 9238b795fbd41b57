import { at, type Json, lookUp } from '../kit/json.ts';

/** Returns what is new in a record's form, as names for `DriftCounts`; undefined if nothing is, as nearly always. */
export type DriftFinder = (record: Json) => readonly string[] | undefined;

/** By name: `path=value` for an unknown value, `path:type` for another type of a field. */
type DriftCounts = Readonly<Record<string, number>>;

/** What the status keeps: the counts of a day, and of the day before it that had polls. Nothing is dropped for it. */
export interface Drift {
  /** UTC, `2026-03-01`. */
  readonly day: string;
  readonly counts: DriftCounts;
  readonly before: DriftCounts;
}

/** The news of a day that is over. */
export interface DriftReport {
  readonly day: string;
  readonly news: readonly string[];
}

type Type = 'text' | 'number' | 'boolean' | 'list' | 'object';

/** The known values of a field in lower case, or what decides whether a value is known. */
type Known = readonly string[] | ((value: string) => boolean);

/** Distinct spellings of known values that are remembered for each field. */
const mostSpellings = 200;
const longestValue = 40;

/**
 * @param values fields with few values, by path
 * @param types other fields whose type the mapping depends on, by path
 */
export function driftFinder(
  values: Readonly<Record<string, Known>>,
  types: Readonly<Record<string, Type>> = {},
): DriftFinder {
  const fields = [
    ...Object.entries(values).map(([name, known]) => ({ ...field(name, 'text'), ...knownOf(known) })),
    ...Object.entries(types).map(([name, type]) => field(name, type)),
  ];
  return (record) => {
    let news: string[] | undefined;
    for (const one of fields) {
      const value = at(record, ...one.path);
      if (value === undefined || value === null || one.spellings?.has(value as string)) continue;
      const found = newsIn(one, value);
      if (found !== undefined) news = [...(news ?? []), found];
    }
    return news;
  };
}

function newsIn({ name, type, spellings, isKnown }: Field, value: Json): string | undefined {
  const found = typeOf(value);
  if (found !== type) return `${name}:${found}`;
  if (isKnown === undefined || typeof value !== 'string') return undefined;
  if (!isKnown(value)) return `${name}=${cleaned(value)}`;
  if (spellings !== undefined && spellings.size < mostSpellings) spellings.add(value);
  return undefined;
}

interface Field {
  readonly name: string;
  readonly path: readonly string[];
  readonly type: Type;
  /** Values that were found to be known, as they are written. */
  readonly spellings?: Set<string>;
  readonly isKnown?: (value: string) => boolean;
}

const field = (name: string, type: Type): Field => ({ name, path: name.split('.'), type });

/** How consoles write that there is no value. */
const none = ['', 'none', 'n/a', 'null', 'undefined', 'unknown'];

function knownOf(known: Known): Pick<Field, 'spellings' | 'isKnown'> {
  const decides = typeof known === 'function' ? known : undefined;
  const values = new Set([...none, ...(typeof known === 'function' ? [] : known)]);
  const isKnown = (value: string) => {
    if (value.length > 10 * longestValue) return false;
    return values.has(value.trim().toLowerCase()) || decides?.(value) === true;
  };
  return { spellings: new Set(), isKnown };
}

function typeOf(value: Json): Type {
  if (Array.isArray(value)) return 'list';
  return typeof value === 'string' ? 'text' : (typeof value as 'number' | 'boolean' | 'object');
}

const cleaned = (value: string) => value.slice(0, longestValue).replace(/[^\w .:/-]/g, '?');

/** More names than this are counted together. */
const mostNames = 20;
const others = 'others';

/** Adds what a page's records have that is new. */
export function addDrift(
  found: Map<string, number>,
  records: readonly { readonly drift?: readonly string[] | undefined }[],
): void {
  for (const { drift } of records) for (const name of drift ?? []) add(found, name, 1);
}

function add(to: Map<string, number>, name: string, count: number): void {
  const own = to.has(name) || to.size < mostNames ? name : others;
  to.set(own, (to.get(own) ?? 0) + count);
}

/** Returns what to store after a poll, and the report of a day that is over, once. `stored` may be anything. */
export function driftAfter(
  stored: unknown,
  found: ReadonlyMap<string, number>,
  now: number,
): { readonly drift: Drift | undefined; readonly drifted: DriftReport | undefined } {
  const known = readDrift(stored);
  const day = new Date(now).toISOString().slice(0, 10);
  const isToday = known?.day === day;
  const counts = new Map(isToday ? Object.entries(known.counts) : []);
  for (const [name, count] of found) add(counts, name, count);
  const before = (isToday ? known.before : known?.counts) ?? {};
  const news = isToday || known === undefined ? [] : newsOf(known.counts);
  return {
    drift:
      counts.size + Object.keys(before).length === 0
        ? undefined
        : { day, counts: Object.fromEntries(counts), before },
    drifted: known && news.length > 0 ? { day: known.day, news } : undefined,
  };
}

const nameForm = /^(?:[\w.]{1,80}[=:][\w .:/?-]{0,40}|others)$/;

function readDrift(stored: unknown): Drift | undefined {
  const { day, counts, before } = Object(stored) as Partial<Drift>;
  if (typeof day !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(day)) return undefined;
  const read = (given: unknown): DriftCounts =>
    Object.fromEntries(
      Object.entries(Object(given))
        .filter(([name, count]) => nameForm.test(name) && Number.isSafeInteger(count) && Number(count) > 0)
        .slice(0, mostNames + 1)
        .map(([name, count]) => [name, Number(count)]),
    );
  return { day, counts: read(counts), before: read(before) };
}

/** `threatInfo.mitigationStatus has a new value: quarantined (12 records)`, of the last two days with polls, the most frequent first. */
export function driftNews(stored: unknown): readonly string[] {
  const known = readDrift(stored);
  if (known === undefined) return [];
  const counts = new Map(Object.entries(known.before));
  for (const [name, count] of Object.entries(known.counts)) add(counts, name, count);
  return newsOf(Object.fromEntries(counts));
}

const kinds: Readonly<Record<string, string>> = { '=': 'value', ':': 'type' };

function newsOf(counts: DriftCounts): string[] {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => {
      const [, path, mark = '', what] = /^([\w.]+)([=:])(.*)$/.exec(name) ?? [];
      const records = `(${count} ${count === 1 ? 'record' : 'records'})`;
      if (path === undefined) return `other fields have new values ${records}`;
      return `${path} has a new ${lookUp(kinds, mark)}: ${what} ${records}`;
    });
}
