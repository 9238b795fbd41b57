import { type Accepted, type Field, type Filters, fields } from './analytics/search.ts';

/** One field of a threat, and whether a search by it does what it should. */
export interface Found {
  readonly field: Field;
  readonly value: string;
  /** By its exact value. */
  readonly found: boolean;
  /** By another value. */
  readonly foundByOther: boolean;
}

/** The newest threat with a value in every field that an analyst searches by. */
export function knownThreat(accepted: readonly Accepted[]): Accepted | undefined {
  return accepted.findLast(
    (artifact) =>
      artifact.metadata.stream === 'threats' &&
      searchFields.every((field) => firstValue(artifact, field) !== ''),
  );
}

/** Searches for `artifact` by each field alone, with its value and with one that it does not have. */
export function findAgain(
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
