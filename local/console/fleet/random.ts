export type NonEmpty<T> = readonly [T, ...T[]];

/** A seeded random generator: the same seed gives the same sequence. */
export interface Random {
  /** From 0 up to, but not including, 1. */
  next(): number;
  /** A whole number between the two, both included. */
  between(min: number, max: number): number;
  /** Any number from `min` up to, but not including, `max`. */
  spread(min: number, max: number): number;
  chance(probability: number): boolean;
  pick<T>(choices: NonEmpty<T>): T;
  hex(length: number): string;
  uuid(): string;
  /** A random time until the next event, with the given mean. */
  wait(mean: number): number;
}

function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** The mulberry32 generator. */
export function createRandom(seed: string): Random {
  let state = seedOf(seed);
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  const hex = (length: number) => Array.from({ length }, () => between(0, 15).toString(16)).join('');
  return {
    next,
    between,
    hex,
    spread: (min, max) => min + next() * (max - min),
    chance: (probability) => next() < probability,
    pick: (choices) => choices[between(0, choices.length - 1)] ?? choices[0],
    uuid: () => [8, 4, 4, 4, 12].map(hex).join('-'),
    wait: (mean) => -Math.log(1 - next()) * mean,
  };
}
