import type { CursorKey } from '../instances/ports.ts';
import type { Message } from './packing.ts';

/** A message that the queue did not take. */
export interface Refusal {
  readonly message: Message;
  /** The message itself is at fault: sending it again is no use. */
  readonly permanent: boolean;
  readonly reason: string;
}

export interface Queue {
  /** Sends one batch; answers those that were not accepted. Throws where nothing is known of any. */
  send(batch: readonly Message[], attributes: CursorKey): Promise<Refusal[]>;
}

export interface Overflow {
  /** Keeps `body` under `key`; answers where, as `s3://bucket/key`. */
  put(key: string, body: string): Promise<string>;
}
