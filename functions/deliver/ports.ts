import type { CursorKey } from '../instances/ports.ts';
import type { Message } from './packing.ts';

/** A message that the queue rejected. */
export interface Refusal {
  readonly message: Message;
  /** The content of the message is invalid, so a retry would fail again. */
  readonly permanent: boolean;
  readonly reason: string;
}

export interface Queue {
  /**
   * Sends one batch and returns the rejected messages. Throws QueueUnusableError if the queue takes no message at all,
   * and any other error if the result is unknown.
   */
  send(batch: readonly Message[], attributes: CursorKey): Promise<Refusal[]>;
}

export interface Overflow {
  /** Stores `body` under `key` and returns its location, `s3://bucket/key`. */
  put(key: string, body: Uint8Array): Promise<string>;
}
