import { inParallel } from '../kit/concurrency.ts';

/** One of the parts of a tick that has too many due instances for one run. */
export interface Place {
  /** From 0. The same instances have the same number from tick to tick. */
  readonly number: number;
  /** How many parts the tick has. */
  readonly of: number;
  /** The run that has divided the tick. */
  readonly by: string;
}

/** Where the parts of a tick wait for a run. */
export interface Offers {
  /** Replaces what was offered under this number before. */
  offer(place: Place, instances: readonly string[]): Promise<void>;
  /** Returns the instances to one caller only; undefined if they were taken, or not offered by this run. */
  take(place: Place): Promise<readonly string[] | undefined>;
}

export interface Shards extends Offers {
  /** Starts another run, which takes a part, and does not wait for it. Throws if it may not have started. */
  start(place: Place, scheduledAt: number): Promise<void>;
}

/** More would take memory and gain little: each has the names of 200 instances. */
const requestsAtOnce = 10;

export interface Division {
  readonly own: readonly string[];
  /** Why another run could not be started; undefined if all were started. */
  readonly refusal: string | undefined;
}

/**
 * Joins neighbours, as long as they have `most` instances together. What remains changes little from tick to tick, if
 * most instances are due.
 */
export function shardsOf(parts: readonly (readonly string[])[], most: number): string[][] {
  const shards: string[][] = [];
  for (const part of parts) {
    const last = shards.at(-1);
    if (last !== undefined && last.length + part.length <= most) last.push(...part);
    else shards.push([...part]);
  }
  return shards;
}

/**
 * Offers the parts of a tick, and starts a run for each but one. This run takes that one, and those of the runs that could
 * not be started.
 */
export async function handOver(
  parts: readonly (readonly string[])[],
  by: string,
  scheduledAt: number,
  shards: Shards,
): Promise<Division> {
  const own: string[] = [];
  let refusal: string | undefined;
  const refused = (error: unknown): undefined => {
    refusal = error instanceof Error ? error.message : String(error);
  };
  const placeOf = (number: number): Place => ({ number, of: parts.length, by });
  // All are offered before the first run looks for the one that it prefers.
  await inParallel(parts.entries(), requestsAtOnce, ([number, part]) =>
    shards.offer(placeOf(number), part).catch((error: unknown) => {
      refused(error);
      own.push(...part);
    }),
  );
  let open = 1;
  await inParallel(parts.keys().drop(1), requestsAtOnce, (number) =>
    shards.start(placeOf(number), scheduledAt).catch((error: unknown) => {
      refused(error);
      open += 1;
    }),
  );
  for (; open > 0; open--) own.push(...((await shards.take(placeOf(0)).catch(refused)) ?? []));
  return { own, refusal };
}

/**
 * Takes parts for the runs of one process. It prefers the part that it had last, because it has the tokens of these
 * instances and, for some time, connections to their consoles.
 */
export function shardTaker(offers: Pick<Offers, 'take'>): Offers['take'] {
  let last: number | undefined;
  return async (place) => {
    const { number, of } = place;
    const others = Array.from({ length: of }, (_, i) => (number + i) % of);
    const preferred = last === undefined || last >= of ? others : [last, ...others];
    for (const one of new Set(preferred)) {
      const instances = await offers.take({ ...place, number: one });
      if (instances === undefined) continue;
      last = one;
      return instances;
    }
    return undefined;
  };
}
