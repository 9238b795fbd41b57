/**
 * Gives each item a turn, `atOnce` side by side, in the order given; an item whose turn answers true has another
 * after all that wait. `contended` tells a running turn whether anyone waits. After an error, the turns under way
 * end and the first error is thrown.
 */
export async function inTurns<T>(
  items: readonly T[],
  atOnce: number,
  turn: (item: T, contended: () => boolean) => Promise<boolean>,
): Promise<void> {
  const waiting = [...items];
  const contended = () => waiting.length > 0;
  const stop = (error: unknown): never => {
    waiting.length = 0;
    throw error;
  };
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      if (await turn(item, contended).catch(stop)) waiting.push(item);
    }
  };
  const workers = Array.from({ length: Math.min(atOnce, items.length) }, worker);
  const failed = (await Promise.allSettled(workers)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

/** A few at once; whoever comes later waits, in order. */
export interface Semaphore {
  acquire(): Promise<void>;
  release(): void;
  /** Whether anyone waits. */
  contended(): boolean;
}

export function semaphore(permits: number): Semaphore {
  let free = permits;
  const waiting: (() => void)[] = [];
  return {
    async acquire() {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    release() {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    },
    contended: () => waiting.length > 0,
  };
}

/** One holder's permit: acquired once, however often it is asked for, until it is released. */
export interface Permit {
  acquire(): Promise<void>;
  /** Gives it back, also one that is still waited for. */
  release(): void;
}

export function permitOf(semaphore: Semaphore): Permit {
  let acquiring: Promise<void> | undefined;
  return {
    acquire() {
      acquiring ??= semaphore.acquire();
      return acquiring;
    },
    release() {
      acquiring?.then(() => semaphore.release());
    },
  };
}
