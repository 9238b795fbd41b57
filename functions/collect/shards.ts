/** Divides the items into parts of about the same size, none larger than `most`. */
export function shardsOf<T>(items: readonly T[], most: number): T[][] {
  const count = Math.max(1, Math.ceil(items.length / most));
  return Array.from({ length: count }, (_, i) =>
    items.slice(Math.floor((i * items.length) / count), Math.floor(((i + 1) * items.length) / count)),
  );
}

export interface Division<T> {
  readonly own: readonly T[];
  readonly handedOver: number;
  /** Why another invocation could not be started; undefined if all were started. */
  readonly refusal: string | undefined;
}

/**
 * Starts another invocation for each shard but the first. This invocation also polls the shards whose invocation
 * could not be started.
 */
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

/** A part of the instances of a tick that has too many for one invocation. */
export interface Shard {
  readonly instances: readonly string[];
  /** The scheduled time, in milliseconds since 1970. */
  readonly scheduledAt: number;
}

export interface Shards {
  /** Starts another invocation for the shard and does not wait for it. Throws if it may not have started. */
  handOver(shard: Shard): Promise<void>;
}
