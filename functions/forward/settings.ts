/** Analytics accepts a request of this size within its time limit, and one lost answer repeats no more than this. */
export const requestBytes = 1024 * 1024;

export interface ForwardSettings {
  /** UTF-8 bytes that requests are filled up to. */
  readonly requestBytes: number;
}
