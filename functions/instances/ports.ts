type Item = Readonly<Record<string, unknown>>;

export interface Instances {
  /** Every item of the table, as plain values. */
  list(): Promise<Item[]>;
  /** One item, as it is now; undefined where there is none. */
  read(instance: string): Promise<Item | undefined>;
}

/** Names a cursor item. */
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
   * The current version. Undefined where it does not exist or may not be read. `fresh` asks the store, not a cache. What
   * was read for one host is not given from the cache for another.
   */
  read(secretId: string, fresh: boolean, host?: string): Promise<Secret | undefined>;
}

/** Remembers where tokens were used whose secret names no host. */
export interface TokenHosts {
  /**
   * The host that a token, with the version of its secret, is bound to. If it is bound to none, it is bound to the host
   * that `first` returns; if `first` throws, it stays unbound.
   */
  hostOf(stored: string, first: () => Promise<string>): Promise<string>;
}
