import { randomUUID } from 'node:crypto';
import { microsOf, readTime, writeTime } from '../console/time.ts';
import type { Artifact } from './artifact.ts';
import { explore, timelineOf } from './explore.ts';
import { type Accepted, conditionsOf, type Filters } from './search.ts';

export interface ArchiveOptions {
  nowMs: () => number;
  /** Maximum number of artifacts; the oldest are dropped. */
  artifactsKept: number;
  /** Maximum number of characters of raw text of these. */
  charactersKept: number;
}

/** Older events are searched by arrival time. */
const byEventTimeMicros = microsOf(30 * 24 * 60 * 60 * 1000);

/** The accepted artifacts in memory. The oldest are dropped. */
export function createArchive({ nowMs, artifactsKept, charactersKept }: ArchiveOptions) {
  const held: Accepted[] = [];
  const times = new Map<string, number>();
  const byStream = new Map<unknown, number>();
  const hidden = new Map<Accepted, number>();
  let characters = 0;
  let acceptedInAll = 0;
  let searches = 0;

  const count = ({ metadata: { id } }: Accepted, by: 1 | -1) => {
    if (typeof id !== 'string') return;
    const now = (times.get(id) ?? 0) + by;
    if (now > 0) times.set(id, now);
    else times.delete(id);
  };

  const dropOldest = () => {
    const oldest = held.shift();
    if (oldest === undefined) return;
    characters -= oldest.raw.length;
    hidden.delete(oldest);
    count(oldest, -1);
  };

  const isVisible = (artifact: Accepted) => (hidden.get(artifact) ?? 0) <= searches;
  const isKey = (name: string) => held.some(({ metadata }) => Object.hasOwn(metadata, name));
  const newestFirst = (found: readonly Accepted[]) => found.toReversed().sort((a, b) => b.at - a.at);

  return {
    /** The accepted artifacts in memory, in order of arrival, including repeats. */
    held: held as readonly Accepted[],
    times: times as ReadonlyMap<string, number>,
    byStream: byStream as ReadonlyMap<unknown, number>,
    acceptedInAll: () => acceptedInAll,
    /** Stores an artifact. The next `hiddenForSearches` searches over the API do not find it. */
    take({ source, raw, timestamp, metadata = {} }: Artifact, hiddenForSearches = 0) {
      const createdAt = microsOf(nowMs());
      const eventAt = readTime(timestamp) ?? createdAt;
      const accepted: Accepted = {
        uuid: randomUUID(),
        sequence: acceptedInAll + 1,
        source,
        raw,
        timestamp: timestamp ?? writeTime(createdAt),
        metadata,
        createdAt,
        at: createdAt - eventAt > byEventTimeMicros ? createdAt : eventAt,
      };
      held.push(accepted);
      acceptedInAll += 1;
      byStream.set(metadata.stream, (byStream.get(metadata.stream) ?? 0) + 1);
      characters += raw.length;
      count(accepted, 1);
      if (hiddenForSearches > 0) hidden.set(accepted, searches + hiddenForSearches + 1);
      while (held.length > artifactsKept || characters > charactersKept) dropOldest();
    },
    searched() {
      searches += 1;
    },
    search(filters: Filters): Accepted[] {
      const conditions = conditionsOf(filters, isKey);
      const matches = (artifact: Accepted) => conditions.every(({ test }) => test(artifact));
      return newestFirst(held.filter((artifact) => isVisible(artifact) && matches(artifact)));
    },
    /** The same with counts, for a person. */
    explore(filters: Filters) {
      const { found, counts } = explore(held.filter(isVisible), conditionsOf(filters, isKey));
      return { found: newestFirst(found), counts, timeline: timelineOf(found, filters, microsOf(nowMs())) };
    },
    /** How many of those accepted after `sequence` match. */
    countSince(sequence: number, filters: Filters): number {
      const conditions = conditionsOf(filters, isKey);
      const first = held.findLastIndex((artifact) => artifact.sequence <= sequence) + 1;
      return held.slice(first).filter((artifact) => conditions.every(({ test }) => test(artifact))).length;
    },
    find: (uuid: string) => held.find((artifact) => artifact.uuid === uuid),
  };
}

export type Archive = ReturnType<typeof createArchive>;
