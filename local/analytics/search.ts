import type { Micros } from '../console/time.ts';
import type { Artifact } from './artifact.ts';
import { readQuery } from './query.ts';

/** An artifact that was accepted. */
export interface Accepted extends Required<Artifact> {
  readonly uuid: string;
  /** The number of artifacts accepted so far, including this one. */
  readonly sequence: number;
  /** Arrival time. */
  readonly createdAt: Micros;
  /** The time by which it is searched and sorted. */
  readonly at: Micros;
}

/** The metadata keys of each filter. Filters are not case-sensitive and match any element of a list. */
export const fields = {
  instance: ['instance'],
  host: ['clientHostname'],
  user: ['userName'],
  severity: ['severityLabel'],
  stream: ['stream', 'streamName'],
  hash: ['fileHash', 'fileHashes'],
} as const;

export type Field = keyof typeof fields;

/** These match whole values; the others also match the beginning of a value. */
const whole: ReadonlySet<string> = new Set<Field>(['instance', 'severity', 'stream']);

export type Outcome = 'mitigated' | 'not mitigated';

/** The values that a search counts. */
export const facets = {
  severity: ({ metadata }: Accepted) => one(metadata.severityLabel),
  outcome: outcomeOf,
  stream: ({ metadata }: Accepted) => one(metadata.stream),
  instance: ({ metadata }: Accepted) => one(metadata.instance),
} as const;

export type Facet = keyof typeof facets;

/** The filters of a search. An artifact must match all of them. */
export interface Filters extends Partial<Record<Field, string>> {
  source?: string;
  /** Text in the raw record or in a metadata value (case-insensitive). */
  text?: string;
  /** Terms as a person types them. */
  query?: string;
  outcome?: string;
  /** Start and end of the time range, both inclusive. */
  from?: Micros;
  to?: Micros;
  /** Only what was accepted up to this `sequence`. */
  upTo?: number;
}

type Test = (artifact: Accepted) => boolean;

/** One condition of a search. */
export interface Condition {
  /** The facet whose value it selects. */
  readonly facet?: Facet;
  readonly test: Test;
}

const one = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value);
const valuesOf = ({ metadata }: Accepted, key: string): readonly string[] =>
  Object.hasOwn(metadata, key) ? [metadata[key] ?? []].flat() : [];

/** Returns whether SentinelOne stopped a threat; undefined for other records. */
export function outcomeOf({ metadata: { stream, action } }: Pick<Accepted, 'metadata'>): Outcome | undefined {
  if (!['threats', 'alerts'].includes(String(stream)) || typeof action !== 'string') return undefined;
  if (action === 'block') return 'mitigated';
  return /^(not_|un)mitigated$/i.test(action) ? 'not mitigated' : undefined;
}

function mentions(words: readonly string[]): Test {
  const wanted = words.map((word) => word.toLowerCase());
  return ({ raw, metadata }) => {
    const record = raw.toLowerCase();
    const isIn = (word: string) => (value: string) => value.toLowerCase().includes(word);
    return wanted.every((word) => record.includes(word) || Object.values(metadata).flat().some(isIn(word)));
  };
}

function holds(field: string, given: string): Test {
  const keys: readonly string[] = Object.hasOwn(fields, field) ? fields[field as Field] : [field];
  const wanted = given.toLowerCase();
  const isWanted = (value: string): boolean => {
    const found = value.toLowerCase();
    if (whole.has(field)) return found === wanted;
    // A user matches with or without the domain.
    return (
      found.startsWith(wanted) || (field === 'user' && found.split('\\').at(-1)?.startsWith(wanted) === true)
    );
  };
  return (artifact) => keys.some((key) => valuesOf(artifact, key).some(isWanted));
}

/**
 * Returns the conditions of a search, the fastest first.
 * @param isKey whether any artifact has metadata of that name, so that a query can use it as a field
 */
export function conditionsOf(filters: Filters, isKey: (name: string) => boolean): Condition[] {
  const { source, text, query, outcome, from, to, upTo } = filters;
  const tests: Condition[] = [];
  if (upTo !== undefined) tests.push({ test: ({ sequence }) => sequence <= upTo });
  if (source !== undefined) tests.push({ test: (artifact) => artifact.source === source });
  if (from !== undefined) tests.push({ test: ({ at }) => at >= from });
  if (to !== undefined) tests.push({ test: ({ at }) => at <= to });
  if (outcome !== undefined) tests.push({ facet: 'outcome', test: (one) => outcomeOf(one) === outcome });
  for (const field of Object.keys(fields) as Field[]) {
    const wanted = filters[field];
    const isFacet = Object.hasOwn(facets, field);
    if (wanted !== undefined)
      tests.push({ ...(isFacet && { facet: field as Facet }), test: holds(field, wanted) });
  }
  const isField = (name: string) => Object.hasOwn(fields, name) || isKey(name);
  const terms = readQuery(query ?? '', isField);
  for (const { field, value } of terms) if (field !== undefined) tests.push({ test: holds(field, value) });
  const words = terms.filter(({ field }) => field === undefined).map(({ value }) => value);
  if (text !== undefined) words.push(text);
  if (words.length > 0) tests.push({ test: mentions(words) });
  return tests;
}
