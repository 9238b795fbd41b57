type Item = Readonly<Record<string, unknown>>;

export interface Instances {
  /** Returns the items with these names, or every item of the table, as plain values. */
  list(names?: readonly string[]): Promise<Item[]>;
  /** Yields every item of the table, in an order that stays. */
  pages(): AsyncIterable<Item[]>;
  /** Returns the current item, or undefined if there is none. */
  read(instance: string): Promise<Item | undefined>;
}

export interface CursorKey {
  readonly instance: string;
  readonly stream: string;
}

export interface Secret {
  readonly value: string;
  /** Changes with the value. */
  readonly version: string;
}

export interface Secrets {
  /**
   * Returns the current version, or undefined if it does not exist or cannot be read. With `fresh`, the cache is not
   * used. A value that was cached for one host is not returned for another host.
   */
  read(secretId: string, fresh: boolean, host?: string): Promise<Secret | undefined>;
}

/** Stores the host at which a token was first used, if its secret names none. */
export interface TokenHosts {
  /**
   * Returns the host that a token, with the version of its secret, is bound to. An unbound token is bound to the host
   * that `first` returns; if `first` throws, it stays unbound.
   */
  hostOf(stored: string, first: () => Promise<string>): Promise<string>;
}
