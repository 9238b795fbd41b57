import type { Micros } from '../console/time.ts';
import type { Artifact } from './artifact.ts';

/** An artifact that was accepted. */
export interface Accepted extends Required<Artifact> {
  readonly uuid: string;
  /** When it arrived. */
  readonly createdAt: Micros;
  /** The time that searches go by. */
  readonly at: Micros;
}

/** What a field's filter compares with: metadata that holds the value exactly, or in a list. */
export const fields = {
  host: ['clientHostname'],
  user: ['userName'],
  severity: ['severityLabel'],
  stream: ['stream', 'streamName'],
  hash: ['fileHash'],
} as const;

export type Field = keyof typeof fields;

/** What a search asks for; an artifact has to satisfy all of it. */
export interface Filters extends Partial<Record<Field, string>> {
  source?: string;
  /** Stands somewhere in the raw record or in a metadata value, in capitals or not. */
  text?: string;
  /** The first and the last moment that count. */
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

/** Whether an artifact is one that the filters ask for. */
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
