import { type Accepted, type Field, type Filters, fields } from './analytics/search.ts';

/** One field of a threat, and the results of a search by that field. */
export interface Found {
  readonly field: Field;
  readonly value: string;
  readonly found: boolean;
  /** Found by a different value, which is an error. */
  readonly foundByOther: boolean;
}

/** Returns the newest threat with a value in every searchable field. */
export function searchableThreat(accepted: readonly Accepted[]): Accepted | undefined {
  return accepted.findLast(
    (artifact) =>
      artifact.metadata.stream === 'threats' &&
      searchFields.every((field) => firstValue(artifact, field) !== ''),
  );
}

/** Searches for `artifact` by each field, once with its value and once with a different value. */
export function checkSearch(
  { uuid, ...artifact }: Accepted,
  search: (filters: Filters) => readonly Accepted[],
): Found[] {
  const isFound = (filters: Filters) => search(filters).some((one) => one.uuid === uuid);
  return searchFields.map((field) => {
    const value = firstValue(artifact, field);
    return {
      field,
      value,
      found: isFound({ [field]: value }),
      foundByOther: isFound({ [field]: `${value}x` }),
    };
  });
}

const searchFields = Object.keys(fields) as Field[];

function firstValue({ metadata }: Pick<Accepted, 'metadata'>, field: Field): string {
  return [metadata[fields[field][0]] ?? []].flat()[0] ?? '';
}
