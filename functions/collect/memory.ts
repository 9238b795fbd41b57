import { hash } from 'node:crypto';
import { epoch, type Timestamp, toMs } from '../kit/time.ts';

/** 96 bits of SHA-256: among 20,000 versions two agree by chance once in 10^20 memories. */
const keyBytes = 12;

/** Beyond this JavaScript has no dates. */
const latestMs = 8.64e15;

/** Which record versions were delivered already, with the time each belongs to. Exact within its bound. */
export class Memory {
  /** Key (one character a byte) to milliseconds since 1970. */
  readonly #entries = new Map<string, number>();
  readonly #bound: number;
  #changed = false;

  constructor(bound: number) {
    this.#bound = bound;
  }

  /** Whether something was added since it was last encoded or decoded; what is forgotten is forgotten again. */
  get changed(): boolean {
    return this.#changed;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(version: string): boolean {
    return this.#entries.has(keyOf(version));
  }

  add(version: string, time: Timestamp): void {
    const key = keyOf(version);
    const ms = toMs(time);
    const known = this.#entries.get(key);
    if (known !== undefined && known >= ms) return;
    this.#entries.set(key, ms);
    this.#changed = true;
  }

  /** Adds records of a listing that nothing is forgotten of but by the bound; answers how many were not there. */
  addAll(records: readonly { readonly version: string }[]): number {
    const fresh = records.filter(({ version }) => !this.has(version));
    for (const { version } of fresh) this.add(version, epoch);
    this.forget(epoch);
    return fresh.length;
  }

  /** Drops what lies before `from`, then the oldest beyond the bound; answers how many the bound cost. */
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

  /** Ascending by time, for each entry the distance from the one before (varint, milliseconds) and the key. */
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
      length += bytes.write(key, length, 'latin1');
    }
    this.#changed = false;
    return bytes.subarray(0, length);
  }

  /** Throws RangeError where the bytes are not those of a memory. */
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
      memory.#entries.set(bytes.toString('latin1', i, i + keyBytes), time);
    }
    return memory;
  }

  #byTime(): [string, number][] {
    return [...this.#entries].sort(([, a], [, b]) => a - b);
  }
}

function keyOf(version: string): string {
  return hash('sha256', version, 'buffer').toString('latin1', 0, keyBytes);
}
