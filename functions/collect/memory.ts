import { hashOf } from '../kit/hash.ts';
import { epoch, type Timestamp, toMs } from '../kit/time.ts';

/** 96 bits of a hash. The probability that two of 20,000 versions collide is about 10^-20. */
const keyBytes = 12;

/** Bytes of an encoded time. */
const longestTime = 8;

/** The latest date that JavaScript supports. */
const latestMs = 8.64e15;

/** The record versions that were delivered, with their times. It is exact up to its limits. */
export class Memory {
  /** Hash to milliseconds since 1970. */
  readonly #entries = new Map<string, number>();
  readonly #bound: number;
  readonly #mostBytes: number;
  #changed = false;
  #isFull = false;

  /** @param mostBytes as they are encoded */
  constructor(bound: number, mostBytes = Number.POSITIVE_INFINITY) {
    this.#bound = bound;
    this.#mostBytes = mostBytes;
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

  /** Adds all records of a listing, of which only the limits remove any. Returns how many were new. */
  addAll(records: readonly { readonly version: string }[]): number {
    const fresh = records.filter(({ version }) => this.add(version, epoch));
    this.forget(epoch);
    return fresh.length;
  }

  /** Whether versions may have been removed by the limits before it was stored. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Removes versions before `from`, then the oldest beyond the limits. Returns how many the limits removed. */
  forget(from: Timestamp): number {
    const ms = toMs(from);
    let [oldest, newest] = [latestMs, 0];
    for (const [key, time] of this.#entries) {
      if (time < ms) this.#entries.delete(key);
      else [oldest, newest] = [Math.min(oldest, time), Math.max(newest, time)];
    }
    const { size } = this.#entries;
    if (size <= this.#bound && bytesAtMost(size, newest - oldest) <= this.#mostBytes) return 0;
    const excess = this.#excess();
    for (const [key] of excess) this.#entries.delete(key);
    return excess.length;
  }

  /**
   * Encodes the entries in order of time: the difference to the previous time as a varint in milliseconds, then the
   * key.
   */
  encode(): Uint8Array {
    const bytes = Buffer.allocUnsafe(this.#entries.size * (keyBytes + longestTime));
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
  static decode(encoded: Uint8Array, bound: number, mostBytes?: number): Memory {
    const memory = new Memory(bound, mostBytes);
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
    memory.#isFull = memory.size >= bound || bytes.length > memory.#mostBytes - keyBytes - 2 * longestTime;
    return memory;
  }

  /** The oldest that are more than the limits allow. */
  #excess(): [string, number][] {
    const newestFirst = this.#byTime().reverse();
    let bytes = longestTime;
    for (const [kept, [, time]] of newestFirst.entries()) {
      const [, next = time] = newestFirst[kept - 1] ?? [];
      bytes += keyBytes + (kept > 0 ? timeBytes(next - time) : 0);
      if (kept === this.#bound || bytes > this.#mostBytes) return newestFirst.slice(kept);
    }
    return [];
  }

  #byTime(): [string, number][] {
    return [...this.#entries].sort(([, a], [, b]) => a - b);
  }
}

/** Encoded bytes: times take most where all distances are the same. */
function bytesAtMost(size: number, spanMs: number): number {
  return longestTime + size * (keyBytes + 1 + Math.log2(1 + spanMs / Math.max(1, size)) / 7);
}

function timeBytes(distance: number): number {
  return distance < 0x80 ? 1 : Math.floor(Math.log2(distance) / 7) + 1;
}
