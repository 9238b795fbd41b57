import type { Ports } from './ports.ts';

/** Parts of about the same size, none larger than `most`. */
export function shardsOf<T>(items: readonly T[], most: number): T[][] {
  const count = Math.max(1, Math.ceil(items.length / most));
  return Array.from({ length: count }, (_, i) =>
    items.slice(Math.floor((i * items.length) / count), Math.floor(((i + 1) * items.length) / count)),
  );
}

/** What becomes of the instances of one tick. */
export interface Shared<T> {
  /** For this run. */
  readonly own: readonly T[];
  /** How many others poll. */
  readonly handedOver: number;
  /** Why some of them stayed with this run after all; undefined where none had to. */
  readonly refusal: string | undefined;
}

/** Hands all but the first shard to further runs; what these do not take is this run's own after all. */
export async function handOver<T extends { readonly name: string }>(
  items: readonly T[],
  most: number,
  scheduledAt: number,
  { shards }: Pick<Ports, 'shards'>,
): Promise<Shared<T>> {
  const [first = [], ...others] = shardsOf(items, most);
  let refusal: string | undefined;
  const handing = others.map((shard) => {
    const names = shard.map(({ name }) => name);
    return shards.handOver({ instances: names, scheduledAt }).then(
      () => [],
      (error: unknown) => {
        refusal = error instanceof Error ? error.message : String(error);
        return shard;
      },
    );
  });
  const left = (await Promise.all(handing)).flat();
  const own = [...first, ...left];
  return { own, handedOver: items.length - own.length, refusal };
}

/** Some instances of a tick that was too many for one run. */
export interface Shard {
  readonly instances: readonly string[];
  /** The tick, milliseconds since 1970. */
  readonly scheduledAt: number;
}

export interface Shards {
  /** Has a further run poll them, without waiting for it. Throws where it may not have been taken. */
  handOver(shard: Shard): Promise<void>;
}
