import type { Clock } from '../../functions/kit/clock.ts';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly wake: () => void;
}

/** Time that passes only when everybody waits: the next sleeper is woken as soon as nothing else can go on. */
export class VirtualClock implements Clock {
  readonly random: () => number;
  #now: number;
  #orders = 0;
  readonly #timers: Timer[] = [];

  constructor(start: number, random: () => number) {
    this.#now = start;
    this.random = random;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      signal?.addEventListener('abort', () => resolve(), { once: true });
      if (signal?.aborted) resolve();
      else this.at(this.#now + Math.max(0, ms), resolve);
    });
  }

  /** Calls `wake` when it is that time. */
  at(time: number, wake: () => void): void {
    this.#orders += 1;
    const timer = { at: Math.max(time, this.#now), order: this.#orders, wake };
    let i = this.#timers.length;
    while (i > 0 && isBefore(timer, this.#timers[i - 1])) i--;
    this.#timers.splice(i, 0, timer);
  }

  /** Lets time pass until `end`. */
  async runUntil(end: number): Promise<void> {
    for (;;) {
      await everybodyWaits();
      const next = this.#timers[0];
      if (next === undefined || next.at > end) break;
      this.#timers.shift();
      this.#now = next.at;
      next.wake();
    }
    this.#now = Math.max(this.#now, end);
  }

  /** Lets time pass until the promise is settled. */
  async runThrough<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    promise.then(
      () => {
        settled = true;
      },
      () => {
        settled = true;
      },
    );
    for (await everybodyWaits(); !settled; await everybodyWaits()) {
      const next = this.#timers.shift();
      if (next === undefined) throw new Error('everybody waits for ever');
      this.#now = next.at;
      next.wake();
    }
    return promise;
  }
}

/** Promise callbacks all run before the next immediate. */
function everybodyWaits(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** At one time, first come first woken. The array ascends. */
function isBefore(a: Timer, b: Timer | undefined): boolean {
  return b !== undefined && (a.at < b.at || (a.at === b.at && a.order < b.order));
}
