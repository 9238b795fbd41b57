/** The result of a turn, and whether the item needs another turn. */
export interface AfterTurn<T> {
  readonly item: T;
  readonly again: boolean;
}

/**
 * Gives each item a turn, up to `atOnce` concurrently, in the given order. An item that needs another turn goes to
 * the end of the queue. `contended` tells a running turn whether any item waits. Returns the result of each item's
 * last turn. After an error, no other turn starts, the running turns end, and the first error is thrown.
 */
export async function inTurns<T>(
  items: readonly T[],
  atOnce: number,
  turn: (item: T, contended: () => boolean) => Promise<AfterTurn<T>>,
): Promise<T[]> {
  const waiting = [...items];
  const done: T[] = [];
  const contended = () => waiting.length > 0;
  const stop = (error: unknown): never => {
    waiting.length = 0;
    throw error;
  };
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { item, again } = await turn(next, contended).catch(stop);
      (again ? waiting : done).push(item);
    }
  };
  const workers = Array.from({ length: Math.min(atOnce, items.length) }, worker);
  const failed = (await Promise.allSettled(workers)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
  return done;
}

/**
 * Calls `each` with every item, up to `atOnce` concurrently. An item is taken from its source only when its call
 * starts. After an error no other call starts, and the error is thrown.
 */
export async function inParallel<T>(
  items: Iterable<T>,
  atOnce: number,
  each: (item: T) => Promise<void>,
): Promise<void> {
  const source = items[Symbol.iterator]();
  let isStopped = false;
  const worker = async () => {
    try {
      for (let next = source.next(); !next.done && !isStopped; next = source.next()) await each(next.value);
    } catch (error) {
      isStopped = true;
      throw error;
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: atOnce }, worker));
  const failed = ended.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

/** Limits concurrency, first in, first out. */
export interface Semaphore {
  /** Returns false if `signal` fired before a permit was free. */
  acquire(signal: AbortSignal): Promise<boolean>;
  release(): void;
  contended(): boolean;
}

export function semaphore(permits: number): Semaphore {
  let free = permits;
  const waiting: (() => void)[] = [];
  return {
    async acquire(signal) {
      if (signal.aborted) return false;
      if (free > 0) {
        free -= 1;
        return true;
      }
      return new Promise<boolean>((resolve) => {
        const grant = () => {
          signal.removeEventListener('abort', cancel);
          resolve(true);
        };
        const cancel = () => {
          waiting.splice(waiting.indexOf(grant), 1);
          resolve(false);
        };
        waiting.push(grant);
        signal.addEventListener('abort', cancel, { once: true });
      });
    },
    release() {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    },
    contended: () => waiting.length > 0,
  };
}

/** Returns one permit for all of these semaphores. Nested acquisitions by the holder share it. */
export function permitOf(...semaphores: readonly Semaphore[]): Semaphore {
  let holds = 0;
  let acquiring: Promise<boolean> | undefined;
  const releaseAll = (acquired: readonly Semaphore[]) => {
    for (const one of acquired) one.release();
  };
  const acquireAll = async (signal: AbortSignal) => {
    for (const [i, one] of semaphores.entries()) {
      if (await one.acquire(signal)) continue;
      releaseAll(semaphores.slice(0, i));
      return false;
    }
    return true;
  };
  return {
    async acquire(signal) {
      acquiring ??= acquireAll(signal);
      const acquired = await acquiring;
      if (acquired) holds += 1;
      else acquiring = undefined;
      return acquired;
    },
    release() {
      holds -= 1;
      if (holds > 0) return;
      acquiring = undefined;
      releaseAll(semaphores);
    },
    contended: () => semaphores.some((one) => one.contended()),
  };
}
