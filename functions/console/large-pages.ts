import { OutOfTimeError } from '../errors.ts';
import type { Clock } from '../kit/clock.ts';
import type { Semaphore } from '../kit/concurrency.ts';
import { free, limitYoungHeap } from '../kit/garbage.ts';

/** A large page that waits longer ends the poll, because it takes memory although it is compressed. */
const longestWaitMs = 60_000;

/** The memory of one answer. */
export interface Held {
  /** Waits for the permit of a large page, once for all calls. Throws OutOfTimeError if that takes too long. */
  readonly whenLarge: () => Promise<void>;
  /** Takes the body of the answer, whose memory is given back with the permit. */
  readonly keep: (body: Buffer) => void;
  readonly release: () => void;
}

/** The large pages of one connection. All connections of an invocation share their permits. */
export class LargePages {
  readonly #permit: Semaphore;
  readonly #clock: Clock;
  readonly #remainingMs: () => number;
  readonly #inMemory = new Set<() => void>();

  constructor(permit: Semaphore, clock: Clock, remainingMs: () => number) {
    this.#permit = permit;
    this.#clock = clock;
    this.#remainingMs = remainingMs;
  }

  /** Starts with nothing; the caller releases it once. */
  hold(signal: AbortSignal): Held {
    const held: (() => void)[] = [];
    let acquiring: Promise<void> | undefined;
    return {
      whenLarge: () => {
        acquiring ??= this.#acquire(signal).then((release) => void held.push(release));
        return acquiring;
      },
      keep: (body) => {
        limitYoungHeap();
        held.push(() => free(body));
      },
      release: () => {
        for (const release of held.splice(0)) release();
      },
    };
  }

  /** Whether another connection waits for a permit. */
  isWaitedFor(): boolean {
    return this.#permit.contended();
  }

  releaseAll(): void {
    for (const release of this.#inMemory) release();
  }

  /** Waits for a permit for another page and returns how to release it. */
  async #acquire(signal: AbortSignal): Promise<() => void> {
    const over = new AbortController();
    const waitMs = Math.min(longestWaitMs, this.#remainingMs());
    this.#clock.sleep(waitMs, over.signal).then(() => over.abort());
    const acquired = await this.#permit.acquire(AbortSignal.any([signal, over.signal]));
    over.abort();
    if (!acquired) throw new OutOfTimeError();
    const release = () => {
      if (this.#inMemory.delete(release)) this.#permit.release();
    };
    this.#inMemory.add(release);
    return release;
  }
}
