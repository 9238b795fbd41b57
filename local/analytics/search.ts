import type { Micros } from '../console/time.ts';
import type { Artifact } from './artifact.ts';

export interface Accepted extends Required<Artifact> {
  readonly uuid: string;
  readonly createdAt: Micros;
  /** The time by which it is searched and sorted. */
  readonly at: Micros;
}

/** The metadata keys of each filter. A filter matches the exact value, or one element of a list. */
export const fields = {
  host: ['clientHostname'],
  user: ['userName'],
  severity: ['severityLabel'],
  stream: ['stream', 'streamName'],
  hash: ['fileHash'],
} as const;

export type Field = keyof typeof fields;

/** The filters of a search. An artifact must match all of them. */
export interface Filters extends Partial<Record<Field, string>> {
  source?: string;
  /** Text in the raw record or in a metadata value (case-insensitive). */
  text?: string;
  /** Start and end of the time range, both inclusive. */
  from?: Micros;
  to?: Micros;
}

type Test = (artifact: Accepted) => boolean;

const valuesOf = ({ metadata }: Accepted, key: string): readonly string[] => [metadata[key] ?? []].flat();

function mentions(text: string): Test {
  const wanted = text.toLowerCase();
  return ({ raw, metadata }) =>
    raw.toLowerCase().includes(wanted) ||
    Object.values(metadata)
      .flat()
      .some((value) => value.toLowerCase().includes(wanted));
}

function holds(field: Field, wanted: string): Test {
  return (artifact) => fields[field].some((key) => valuesOf(artifact, key).includes(wanted));
}

/** Returns a function that tests whether an artifact matches the filters. */
export function matcher(filters: Filters): Test {
  const { source, text, from, to } = filters;
  const tests: Test[] = [];
  if (source !== undefined) tests.push((artifact) => artifact.source === source);
  if (from !== undefined) tests.push(({ at }) => at >= from);
  if (to !== undefined) tests.push(({ at }) => at <= to);
  for (const field of Object.keys(fields) as Field[]) {
    const wanted = filters[field];
    if (wanted !== undefined) tests.push(holds(field, wanted));
  }
  if (text !== undefined) tests.push(mentions(text));
  return (artifact) => tests.every((test) => test(artifact));
}
