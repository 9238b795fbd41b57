export interface Instances {
  /** Every item of the table, as plain values. */
  list(): Promise<Readonly<Record<string, unknown>>[]>;
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

/** A new token is stored as pending, next to the current one, until it was tested. */
export type SecretStage = 'AWSPENDING';

export interface Secrets {
  /**
   * Undefined where it does not exist or may not be read. `fresh` asks the store, not a cache. `stage` names another
   * version than the current one, and is always fresh.
   */
  read(secretId: string, fresh: boolean, stage?: SecretStage): Promise<Secret | undefined>;
}
