/** Analytics accepts a request of this size within its time limit, and one lost answer repeats no more than this. */
export const requestBytes = 1024 * 1024;

/** An unchanged status is written at most this often, because there can be many runs per minute. */
export const statusMs = 5 * 60 * 1000;

export interface ForwardSettings {
  /** UTF-8 bytes that requests are filled up to. */
  readonly requestBytes: number;
}
