import type { Record } from '../console/record.ts';
import type { CursorKey } from '../instances/ports.ts';
import { earlier, epoch, shift, type Timestamp } from '../kit/time.ts';
import type { Cursor } from './cursor.ts';
import type { Memories } from './cursors.ts';
import { counted, countsFrom, type HourCounts, recounted } from './hour-counts.ts';
import type { Page } from './listing/pages.ts';
import { Memory } from './memory.ts';
import type { Settings } from './settings.ts';

/** The cursor whose deliveries are remembered. */
export interface History {
  readonly key: CursorKey;
  /** Changes with the cursor's start: what an older cursor remembers is not this one's. */
  readonly lineage: string;
  /** Where the cursor's first listing started, and where the current one did. */
  readonly start: Timestamp;
  readonly from: Timestamp;
  /** The last poll read records that it had not requested: whatever is remembered may come again. */
  readonly ignoresFilter: boolean;
}

/** A memory of fewer versions is written with each page: it costs little. */
const smallMemory = 2000;

/** A larger one, of up to 280 KB, once this part of it is new: else pages of one record would cost as much as full ones. */
const unwrittenShare = 0.05;

interface Kept {
  readonly memory: Memory;
  counts: HourCounts;
}

/** Drops record versions that were delivered before. The memory is read when it is first needed. */
export class Repeats {
  readonly #history: History;
  readonly #settings: Settings;
  readonly #memories: Memories;
  #kept: Kept | undefined;
  #forgotten = 0;
  #ignoresFilter: boolean;
  /** Versions that were added since the memory was written. */
  #unwritten = 0;
  /** The memory holds a page that is not acknowledged. */
  #isAhead = false;
  /** Older records are not read again, should this poll end here. */
  #readAgainFrom: Timestamp;

  constructor(history: History, settings: Settings, memories: Memories) {
    this.#history = history;
    this.#settings = settings;
    this.#memories = memories;
    this.#readAgainFrom = history.from;
    this.#ignoresFilter = history.ignoresFilter;
  }

  /** Versions that were forgotten because the memory is full: they may be delivered again. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** The pages without repeats; what is acknowledged is remembered before the position moves. */
  async *without(pages: AsyncIterable<Page>): AsyncGenerator<Page, void> {
    for await (const page of pages) {
      if (page.oddities.unasked > 0) this.#ignoresFilter = true;
      const fresh = await this.#fresh(page.records, page.sentAt);
      const ack = async () => {
        await this.#remember(fresh, page.cursor, page.endsTurn);
        return page.ack(fresh.length);
      };
      yield { ...page, records: fresh, ack };
    }
  }

  async counts(): Promise<HourCounts> {
    return (await this.#keep()).counts;
  }

  /** Replaces the count of an hour by what it really holds. */
  async correct(hour: Timestamp, count: number): Promise<void> {
    const kept = await this.#keep();
    kept.counts = { ...kept.counts, delivered: { ...kept.counts.delivered, [hour]: count } };
    await this.#write(kept);
  }

  async #fresh(records: readonly Record[], sentAt: Timestamp): Promise<readonly Record[]> {
    if (records.length === 0) return [];
    const { memory } = await this.#keep();
    this.#isAhead = true;
    // A record without a time is served by a time that only the console knows, no later than the page, give or take a
    // slow request. It may come again until a listing has passed that.
    const latest = shift(sentAt, this.#settings.overlapMs);
    return records.filter(({ version, time }) => {
      const known = memory.has(version);
      memory.add(version, time ?? latest);
      return !known;
    });
  }

  /** Keeps what a listing can read again. */
  async #remember(fresh: readonly Record[], cursor: Cursor, endsTurn: boolean): Promise<void> {
    const kept = this.#kept;
    if (kept === undefined) return;
    const { position, listing } = cursor;
    const from = this.#ignoresFilter ? epoch : readAgainFrom(cursor, this.#settings.overlapMs);
    // Until the cursor is committed, the page itself may be read again.
    const forgotten = kept.memory.forget(listing ? earlier(this.#readAgainFrom, from) : from);
    this.#forgotten += forgotten;
    this.#readAgainFrom = from;
    kept.counts = counted(kept.counts, fresh, position);
    if (forgotten > 0) kept.counts = recounted(kept.counts, position);
    this.#isAhead = false;
    this.#unwritten += fresh.length;
    const { size } = kept.memory;
    if (endsTurn || size < smallMemory || this.#unwritten >= size * unwrittenShare) await this.flush();
  }

  /** Writes what is remembered and not written yet, unless that includes a page that may not be delivered. */
  async flush(): Promise<void> {
    if (!this.#isAhead && this.#kept?.memory.changed) await this.#write(this.#kept);
  }

  async #write({ memory, counts }: Kept): Promise<void> {
    const { key, lineage } = this.#history;
    await this.#memories.writeMemory(key, lineage, { memory: memory.encode(), counts });
    this.#unwritten = 0;
  }

  async #keep(): Promise<Kept> {
    this.#kept ??= await this.#read();
    return this.#kept;
  }

  async #read(): Promise<Kept> {
    const { key, lineage, start, from } = this.#history;
    const { memoryEntries } = this.#settings;
    const stored = await this.#memories.readMemory(key, lineage);
    if (stored === undefined) return { memory: new Memory(memoryEntries), counts: countsFrom(start) };
    try {
      return { memory: Memory.decode(stored.memory, memoryEntries), counts: stored.counts };
    } catch {
      // A damaged memory costs repeats with the same ids, which consumers drop, and is overwritten.
      return { memory: new Memory(memoryEntries), counts: countsFrom(from) };
    }
  }
}

/**
 * The earliest that is read again from this cursor: by the next listing, or by this one if its page token is refused.
 * A listing in order continues from what it read last: that keeps the memory of a long one small.
 */
function readAgainFrom({ position, listing }: Cursor, overlapMs: number): Timestamp {
  const overlap = shift(position, -overlapMs);
  // A listing that went back once may do so again, and again: in a circle.
  if (listing?.sorted === false) return earlier(listing.from, overlap);
  if (listing?.began === undefined) return overlap;
  return earlier(listing.read, shift(listing.began, -overlapMs));
}
