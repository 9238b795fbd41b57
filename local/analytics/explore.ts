import { type Micros, microsOf, writeTime } from '../console/time.ts';
import { type Accepted, type Condition, type Facet, facets } from './search.ts';

/** A value, and the number of artifacts that have it. */
export type Count = readonly [value: string, count: number];

/** Counts of artifacts in equal steps of time from `start`. */
export interface Timeline {
  readonly start: string;
  readonly stepSeconds: number;
  readonly counts: readonly number[];
}

const names = Object.keys(facets) as Facet[];
/** Longer values cannot be distinguished in a list. */
const longestValue = 200;
const mostValues = 1000;

/**
 * What matches, in the order given, and the counts of each facet. The counts of a facet ignore its own condition, so
 * that another value can be chosen.
 */
export function explore(all: readonly Accepted[], conditions: readonly Condition[]) {
  const found: Accepted[] = [];
  const counts = Object.fromEntries(names.map((name) => [name, new Map()])) as Record<
    Facet,
    Map<string, number>
  >;
  const count = (facet: Facet, artifact: Accepted) => {
    const value = facets[facet](artifact);
    if (value && value.length <= longestValue) counts[facet].set(value, (counts[facet].get(value) ?? 0) + 1);
  };
  for (const artifact of all) {
    const [failed, another] = failing(artifact, conditions);
    if (failed === undefined) {
      found.push(artifact);
      for (const name of names) count(name, artifact);
    } else if (another === undefined && failed.facet !== undefined) count(failed.facet, artifact);
  }
  return {
    found,
    counts: Object.fromEntries(names.map((name) => [name, sorted(counts[name])])) as Record<Facet, Count[]>,
  };
}

/** The conditions that an artifact fails; at most two are returned. */
function failing(artifact: Accepted, conditions: readonly Condition[]): Condition[] {
  const failed: Condition[] = [];
  for (const condition of conditions) {
    if (!condition.test(artifact)) failed.push(condition);
    if (failed.length > 1 || (failed.length === 1 && failed[0]?.facet === undefined)) break;
  }
  return failed;
}

function sorted(counts: ReadonlyMap<string, number>): Count[] {
  return [...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b)).slice(0, mostValues);
}

const second = microsOf(1000);
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const steps = [
  ...[1, 2, 5, 10, 30].map((n) => n * second),
  ...[1, 2, 5, 10, 30].map((n) => n * minute),
  ...[1, 3, 6, 12].map((n) => n * hour),
  ...[1, 7, 30, 365].map((n) => n * day),
];
const mostSteps = 60;

/**
 * Counts by time. Artifacts with a time more than a day ahead are excluded, because they would compress the others
 * into one bar.
 */
export function timelineOf(
  found: readonly Accepted[],
  { from, to }: { readonly from?: Micros; readonly to?: Micros },
  now: Micros,
): Timeline | undefined {
  const times = found.map(({ at }) => at).filter((at) => at <= now + day);
  if (times.length === 0) return undefined;
  const [first, last] = times.reduce(([a, b], at) => [Math.min(a, at), Math.max(b, at)], [now + day, 0]);
  const [low, high] = [from ?? first, Math.max(last, Math.min(to ?? last, now))];
  const step = steps.find((one) => high - low < (mostSteps - 1) * one) ?? high - low + 1;
  const start = Math.floor(low / step) * step;
  const counted = Map.groupBy(times, (at) => Math.floor((at - start) / step));
  const length = Math.floor((high - start) / step) + 1;
  const counts = Array.from({ length }, (_, index) => counted.get(index)?.length ?? 0);
  return { start: writeTime(start), stepSeconds: step / second, counts };
}
