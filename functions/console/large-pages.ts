import { OutOfTimeError } from '../errors.ts';
import type { Clock } from '../kit/clock.ts';
import type { Semaphore } from '../kit/concurrency.ts';

/** A large page that waits longer ends the poll, because it takes memory although it is compressed. */
const longestWaitMs = 60_000;

/** The large pages of one connection. All connections of an invocation share their permits. */
export class LargePages {
  readonly #permit: Semaphore;
  readonly #clock: Clock;
  readonly #remainingMs: () => number;
  readonly #makeRoom: () => void;
  readonly #inMemory = new Set<() => void>();

  /** @param makeRoom called when a permit is there, before its page is read */
  constructor(permit: Semaphore, clock: Clock, remainingMs: () => number, makeRoom: () => void) {
    this.#permit = permit;
    this.#makeRoom = makeRoom;
    this.#clock = clock;
    this.#remainingMs = remainingMs;
  }

  /**
   * Waits for a permit for another page and returns how to release it. Throws OutOfTimeError if that takes too long.
   */
  async add(signal: AbortSignal): Promise<() => void> {
    const over = new AbortController();
    const waitMs = Math.min(longestWaitMs, this.#remainingMs());
    this.#clock.sleep(waitMs, over.signal).then(() => over.abort());
    const acquired = await this.#permit.acquire(AbortSignal.any([signal, over.signal]));
    over.abort();
    if (!acquired) throw new OutOfTimeError();
    this.#makeRoom();
    const release = () => {
      if (this.#inMemory.delete(release)) this.#permit.release();
    };
    this.#inMemory.add(release);
    return release;
  }

  /** Whether another connection waits for a permit. */
  isWaitedFor(): boolean {
    return this.#permit.contended();
  }

  releaseAll(): void {
    for (const release of this.#inMemory) release();
  }
}
