/** Room for a few at once; whoever comes later waits, in order. */
export interface Room {
  enter(): Promise<void>;
  leave(): void;
  /** Whether anyone waits. */
  crowded(): boolean;
}

export function room(places: number): Room {
  let free = places;
  const waiting: (() => void)[] = [];
  return {
    async enter() {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    leave() {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    },
    crowded: () => waiting.length > 0,
  };
}

/** One guest's place in a room: it enters once, however often it asks to, until it is gone. */
export interface Guest {
  enter(): Promise<void>;
  /** Gives its place back, also one that it is still waiting for. */
  gone(): void;
}

export function guestOf(room: Room): Guest {
  let entering: Promise<void> | undefined;
  return {
    enter() {
      entering ??= room.enter();
      return entering;
    },
    gone() {
      entering?.then(() => room.leave());
    },
  };
}
