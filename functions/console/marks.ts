import type { Record } from './record.ts';

/** Records that were delivered with a mark in their metadata, because a consumer cannot read them as JSON. */
export interface Marks {
  /** Records that are not JSON, or too complex to parse. */
  readonly malformed: number;
  /** Records with bytes that are not UTF-8. */
  readonly notUtf8: number;
  readonly recordIds: readonly string[];
}

/** Enough to find the cause in the console. */
const mostIds = 5;

export const noMarks: Marks = { malformed: 0, notUtf8: 0, recordIds: [] };

export function addMarks(before: Marks, records: readonly Record[]): Marks {
  const marked = records.filter(({ malformed, isUtf8 }) => malformed || !isUtf8);
  if (marked.length === 0) return before;
  const ids = marked.map(({ recordId }) => recordId);
  return {
    malformed: before.malformed + marked.filter(({ malformed }) => malformed).length,
    notUtf8: before.notUtf8 + marked.filter(({ isUtf8 }) => !isUtf8).length,
    recordIds: [...before.recordIds, ...ids].slice(0, mostIds),
  };
}
