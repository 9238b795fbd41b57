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
