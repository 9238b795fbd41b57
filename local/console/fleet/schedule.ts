import type { Micros } from '../time.ts';

interface Due {
  at: Micros;
  act: () => void;
}

/** The scheduled events. They run in the order of their times, however far time is advanced. */
export interface Schedule {
  now(): Micros;
  in(delaySeconds: number, act: () => void): void;
  advanceTo(at: Micros): void;
}

/** A binary heap, because a large fleet has thousands of scheduled events. */
export function createSchedule(start: Micros): Schedule {
  const heap: Due[] = [];
  let now = start;

  const swap = (a: number, b: number) => {
    const [first, second] = [heap[a], heap[b]];
    if (first && second) [heap[a], heap[b]] = [second, first];
  };
  const isBefore = (a: number, b: number) => {
    const [first, second] = [heap[a], heap[b]];
    return first !== undefined && second !== undefined && first.at < second.at;
  };
  const push = (due: Due) => {
    heap.push(due);
    let at = heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(at, parent)) return;
      swap(at, parent);
      at = parent;
    }
  };
  const pop = () => {
    swap(0, heap.length - 1);
    const due = heap.pop();
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const least = isBefore(right, left) ? right : left;
      if (!isBefore(least, at)) return due;
      swap(at, least);
      at = least;
    }
  };

  return {
    now: () => now,
    in(delaySeconds, act) {
      push({ at: now + Math.max(1, Math.round(delaySeconds * 1e6)), act });
    },
    advanceTo(at) {
      for (let first = heap[0]; first && first.at <= at; first = heap[0]) {
        now = first.at;
        pop()?.act();
      }
      now = Math.max(now, at);
    },
  };
}
