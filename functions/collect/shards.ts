/** Parts of about the same size, none larger than `most`. */
export function shardsOf<T>(items: readonly T[], most: number): T[][] {
  const count = Math.max(1, Math.ceil(items.length / most));
  return Array.from({ length: count }, (_, i) =>
    items.slice(Math.floor((i * items.length) / count), Math.floor(((i + 1) * items.length) / count)),
  );
}

/** How the instances of one tick are divided. */
export interface Division<T> {
  /** This invocation polls these. */
  readonly own: readonly T[];
  /** How many instances other invocations poll. */
  readonly handedOver: number;
  /** Why another invocation could not be started; undefined where all were. */
  readonly refusal: string | undefined;
}

/** Hands all but the first shard to other invocations; those that can't be started leave theirs to this one. */
export async function handOver<T extends { readonly name: string }>(
  items: readonly T[],
  most: number,
  scheduledAt: number,
  shards: Shards,
): Promise<Division<T>> {
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

/** Some of the instances of a tick that has too many for one invocation. */
export interface Shard {
  readonly instances: readonly string[];
  /** The tick, milliseconds since 1970. */
  readonly scheduledAt: number;
}

export interface Shards {
  /** Starts another invocation that polls them, and does not wait for it. Throws where it may not have started. */
  handOver(shard: Shard): Promise<void>;
}
