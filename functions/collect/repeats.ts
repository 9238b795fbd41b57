import type { Record } from '../console/record.ts';
import type { CursorKey } from '../instances/ports.ts';
import { earlier, shift, type Timestamp } from '../kit/time.ts';
import type { Cursor } from './cursor.ts';
import type { Cursors } from './cursors.ts';
import { counted, countsFrom, type HourCounts, recounted } from './hour-counts.ts';
import { Memory } from './memory.ts';
import type { Step } from './pages.ts';
import type { Settings } from './settings.ts';

/** Which cursor's deliveries are remembered. */
export interface Past {
  readonly key: CursorKey;
  /** Changes with the cursor's start: what an older cursor remembers is not this one's. */
  readonly lineage: string;
  /** Where the cursor's first listing started, and where the one under way did. */
  readonly start: Timestamp;
  readonly from: Timestamp;
}

interface Kept {
  readonly memory: Memory;
  counts: HourCounts;
}

/** Tells what was delivered before, in this poll or by the memory that is kept; the memory is read when first needed. */
export class Repeats {
  readonly #past: Past;
  readonly #settings: Settings;
  readonly #cursors: Cursors;
  #kept: Kept | undefined;
  #fresh: readonly Record[] = [];
  /** What is older is not read again, should this run end here. */
  #readAgainFrom: Timestamp;

  constructor(past: Past, settings: Settings, cursors: Cursors) {
    this.#past = past;
    this.#settings = settings;
    this.#cursors = cursors;
    this.#readAgainFrom = past.from;
  }

  /** The step's records that are to be delivered. If that fails, this object is of no more use. */
  async without({ records, sentAt }: Step): Promise<readonly Record[]> {
    this.#fresh = [];
    if (records.length === 0) return [];
    const { memory } = await this.#keep();
    // One without a time is served by a time that only the console knows: no later than the page, give or take a slow
    // request. Until a listing has passed that, it may come again.
    const latest = shift(sentAt, this.#settings.overlapMs);
    this.#fresh = records.filter(({ version, time }) => {
      const known = memory.has(version);
      memory.add(version, time ?? latest);
      return !known;
    });
    return this.#fresh;
  }

  /** Keeps what was delivered, as far as a listing can read it again; answers how many the bound cost. */
  async remember({ cursor }: Step): Promise<number> {
    const kept = this.#kept;
    if (kept === undefined) return 0;
    const { position } = cursor;
    const from = readAgainFrom(cursor, this.#settings.overlapMs);
    // Until the cursor is committed, the page itself may be read again.
    const forgotten = kept.memory.forget(cursor.listing ? earlier(this.#readAgainFrom, from) : from);
    this.#readAgainFrom = from;
    kept.counts = counted(kept.counts, this.#fresh, position);
    if (forgotten > 0) kept.counts = recounted(kept.counts, position);
    if (kept.memory.changed) await this.#write(kept);
    return forgotten;
  }

  async counts(): Promise<HourCounts> {
    return (await this.#keep()).counts;
  }

  /** Says what an hour that was read again really holds. */
  async correct(hour: Timestamp, count: number): Promise<void> {
    const kept = await this.#keep();
    kept.counts = { ...kept.counts, delivered: { ...kept.counts.delivered, [hour]: count } };
    await this.#write(kept);
  }

  async #write({ memory, counts }: Kept): Promise<void> {
    const { key, lineage } = this.#past;
    await this.#cursors.writeMemory(key, lineage, { memory: memory.encode(), counts });
  }

  async #keep(): Promise<Kept> {
    this.#kept ??= await this.#read();
    return this.#kept;
  }

  async #read(): Promise<Kept> {
    const { key, lineage, start, from } = this.#past;
    const bound = this.#settings.memoryEntries;
    const stored = await this.#cursors.readMemory(key, lineage);
    if (stored === undefined) return { memory: new Memory(bound), counts: countsFrom(start) };
    try {
      return { memory: Memory.decode(stored.memory, bound), counts: stored.counts };
    } catch {
      // A damaged memory costs repeats with the same ids, which consumers drop, and heals itself.
      return { memory: new Memory(bound), counts: countsFrom(from) };
    }
  }
}

/**
 * The earliest that is read again from this cursor: by the next listing, or by this one if its page token is refused.
 * A listing in order goes on from what it read last: that keeps the memory of a long one small.
 */
function readAgainFrom({ position, listing }: Cursor, overlapMs: number): Timestamp {
  if (listing?.began === undefined || !listing.sorted) return shift(position, -overlapMs);
  return earlier(listing.read, shift(listing.began, -overlapMs));
}
