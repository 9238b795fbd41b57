/** One invocation. */
export interface Run {
  /** Unique; claims are made in its name. */
  readonly id: string;
  /** The tick it was fired for, milliseconds since 1970. */
  readonly scheduledAt: number;
  /** Milliseconds until it is killed. */
  readonly remainingMs: () => number;
  /** Whom to poll, where this is a shard of a tick; undefined: everybody who is due. */
  readonly instances?: readonly string[] | undefined;
}
