import { Memory } from './memory.ts';
import type { Step } from './pages.ts';
import type { CursorKey, Cursors } from './ports.ts';
import type { Record } from './record.ts';
import type { Settings } from './settings.ts';
import { shift } from './time.ts';

/** Tells what was delivered before, in this poll or by the memory that is kept; the memory is read when first needed. */
export class Repeats {
  readonly #key: CursorKey;
  readonly #lineage: string;
  readonly #settings: Settings;
  readonly #cursors: Cursors;
  #memory: Memory | undefined;

  /** `lineage` changes with the cursor's start: what an older cursor remembers is not this one's. */
  constructor(key: CursorKey, lineage: string, settings: Settings, cursors: Cursors) {
    this.#key = key;
    this.#lineage = lineage;
    this.#settings = settings;
    this.#cursors = cursors;
  }

  /** The step's records that are to be delivered. If that fails, this object is of no more use. */
  async without({ records, sentAt }: Step): Promise<Record[]> {
    if (records.length === 0) return [];
    this.#memory ??= await this.#read();
    const memory = this.#memory;
    // One without a time is served by a time that only the console knows: no later than the page, give or take a slow
    // request. Until a listing has passed that, it may come again.
    const latest = shift(sentAt, this.#settings.overlapMs);
    return records.filter(({ version, time }) => {
      const known = memory.has(version);
      memory.add(version, time ?? latest);
      return !known;
    });
  }

  /** Keeps what was delivered, as far as a listing can read it again; answers how many the bound cost. */
  async remember({ cursor }: Step): Promise<number> {
    if (this.#memory === undefined) return 0;
    const forgotten = this.#memory.forget(shift(cursor.position, -this.#settings.overlapMs));
    if (this.#memory.changed) {
      await this.#cursors.writeMemory(this.#key, this.#lineage, this.#memory.encode());
    }
    return forgotten;
  }

  async #read(): Promise<Memory> {
    const bound = this.#settings.memoryEntries;
    const kept = await this.#cursors.readMemory(this.#key, this.#lineage);
    if (kept === undefined) return new Memory(bound);
    try {
      return Memory.decode(kept, bound);
    } catch {
      // A damaged memory costs repeats with the same ids, which consumers drop, and heals itself.
      return new Memory(bound);
    }
  }
}
