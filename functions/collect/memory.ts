import { hashOf } from '../kit/hash.ts';
import { epoch, type Timestamp, toMs } from '../kit/time.ts';

/** 96 bits of a hash. The probability that two of 20,000 versions collide is about 10^-20. */
const keyBytes = 12;

/** The latest date that JavaScript supports. */
const latestMs = 8.64e15;

/** The record versions that were delivered, with their times. It is exact up to its limit. */
export class Memory {
  /** Hash to milliseconds since 1970. */
  readonly #entries = new Map<string, number>();
  readonly #bound: number;
  #changed = false;

  constructor(bound: number) {
    this.#bound = bound;
  }

  /**
   * Whether versions were added since the last encode or decode. Removals need not be stored, because they can be
   * repeated.
   */
  get changed(): boolean {
    return this.#changed;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(version: string): boolean {
    return this.#entries.has(hashOf(version));
  }

  /** Returns whether the version was not there. */
  add(version: string, time: Timestamp): boolean {
    const key = hashOf(version);
    const ms = toMs(time);
    const known = this.#entries.get(key);
    if (known === undefined || known < ms) {
      this.#entries.set(key, ms);
      this.#changed = true;
    }
    return known === undefined;
  }

  /** Adds all records of a listing, of which only the limit removes any. Returns how many were new. */
  addAll(records: readonly { readonly version: string }[]): number {
    const fresh = records.filter(({ version }) => this.add(version, epoch));
    this.forget(epoch);
    return fresh.length;
  }

  /** Removes versions before `from`, then the oldest beyond the limit. Returns how many the limit removed. */
  forget(from: Timestamp): number {
    const ms = toMs(from);
    for (const [key, time] of this.#entries) {
      if (time < ms) this.#entries.delete(key);
    }
    const excess = this.#entries.size - this.#bound;
    if (excess <= 0) return 0;
    for (const [key] of this.#byTime().slice(0, excess)) this.#entries.delete(key);
    return excess;
  }

  /**
   * Encodes the entries in order of time: the difference to the previous time as a varint in milliseconds, then the
   * key.
   */
  encode(): Uint8Array {
    const bytes = Buffer.allocUnsafe(this.#entries.size * (keyBytes + 8));
    let length = 0;
    let before = 0;
    for (const [key, time] of this.#byTime()) {
      let distance = time - before;
      before = time;
      for (; distance >= 0x80; distance = Math.floor(distance / 0x80)) {
        bytes[length++] = (distance % 0x80) | 0x80;
      }
      bytes[length++] = distance;
      length += bytes.write(key, length, 'utf16le');
    }
    this.#changed = false;
    return bytes.subarray(0, length);
  }

  /** Throws RangeError if the bytes are not an encoded memory. */
  static decode(encoded: Uint8Array, bound: number): Memory {
    const memory = new Memory(bound);
    const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
    let time = 0;
    for (let i = 0; i < bytes.length; i += keyBytes) {
      for (let scale = 1; ; scale *= 0x80) {
        const byte = bytes.readUInt8(i++);
        time += (byte & 0x7f) * scale;
        if (byte < 0x80) break;
      }
      if (i + keyBytes > bytes.length) throw new RangeError('the memory is cut off');
      if (!(time <= latestMs)) throw new RangeError('the memory holds a time that is none');
      memory.#entries.set(bytes.toString('utf16le', i, i + keyBytes), time);
    }
    return memory;
  }

  #byTime(): [string, number][] {
    return [...this.#entries].sort(([, a], [, b]) => a - b);
  }
}
