import type { Record } from '../console/record.ts';
import { earlier, epoch, shift, type Timestamp } from '../kit/time.ts';
import type { Cursor } from './cursor.ts';
import { counted, countsFrom, doubted, type HourCounts, recounted, withRead } from './ledger/hour-counts.ts';
import type { ListedPage } from './listing/pages.ts';
import { Memory } from './memory.ts';
import type { Claim, Memories } from './ports.ts';
import type { Settings } from './settings.ts';

/** The cursor whose deliveries are remembered. */
export interface History {
  readonly key: Claim;
  /** Identifies the start of the cursor. A memory of another lineage is not used. */
  readonly lineage: string;
  /** Where the cursor's first listing started, and where the current one did. */
  readonly start: Timestamp;
  readonly from: Timestamp;
  /** From here on, the cursor as it was kept reads again what may be counted already. */
  readonly doubtFrom: Timestamp;
  /** Whether a record can have several versions. */
  readonly hasVersions: boolean;
  /** Every hour before it was checked against the console's count; undefined if none was. */
  readonly checkedUntil: Timestamp | undefined;
  /** Whether the last poll received records that it had not requested, so that any record may repeat. */
  readonly ignoresFilter: boolean;
}

/** A memory with fewer versions is written with each page, because it is small. */
const smallMemory = 2000;

/**
 * A larger memory, of up to 280 KB, is written when this share of it is new. Otherwise pages of one record would cost
 * as much as full pages. The cursor stays until then, so that a kill cannot lose what was counted.
 */
const unwrittenShare = 0.05;

/** DynamoDB takes 400 KB for an item, of which the counts, which are kept with the memory, take up to 100. */
const memoryBytes = 300_000;

interface Kept {
  readonly memory: Memory;
  counts: HourCounts;
}

/** A page without repeats. */
export interface FreshPage extends Omit<ListedPage, 'ack'> {
  /** Call it once, after every record is delivered. Remembers the records, then acknowledges the page. */
  readonly ack: () => Promise<Cursor>;
}

/** Removes record versions that were delivered before. The memory is read when it is first needed. */
export class Repeats {
  readonly #history: History;
  readonly #settings: Settings;
  readonly #memories: Memories;
  #kept: Kept | undefined;
  #forgotten = 0;
  #ignoresFilter: boolean;
  #knownSince: Timestamp | undefined;
  /** Versions that were added since the memory was written. */
  #unwritten = 0;
  /** The run that wrote the memory as it was read. */
  #writer: string | undefined;
  /** Whether the memory contains a page that is not acknowledged. */
  #isAhead = false;
  /** Records before this time are not read again if the poll ends now. */
  #neededFrom: Timestamp;

  constructor(history: History, settings: Settings, memories: Memories) {
    this.#history = history;
    this.#settings = settings;
    this.#memories = memories;
    this.#neededFrom = history.from;
    this.#ignoresFilter = history.ignoresFilter;
  }

  /** The number of versions that were forgotten because the memory is full. They may be delivered again. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /**
   * New records from this time on were never delivered before; undefined if versions may have been forgotten, for the first
   * listing, and if no page had records.
   */
  get knownSince(): Timestamp | undefined {
    return this.#knownSince;
  }

  /** Yields the pages without repeats. Acknowledged records are remembered before the position moves. */
  async *without(pages: AsyncIterable<ListedPage>): AsyncGenerator<FreshPage, void> {
    for await (const page of pages) {
      if (page.oddities.unasked > 0) this.#ignoresFilter = true;
      const fresh = await this.#fresh(page.records, page.sentAt);
      const ack = async () => {
        const isRemembered = await this.#remember(fresh, page.cursor, page.endsTurn);
        return page.ack(fresh.length, isRemembered);
      };
      yield { ...page, records: fresh, ack };
    }
  }

  async counts(): Promise<HourCounts> {
    return (await this.#keep()).counts;
  }

  /**
   * Replaces the count of an hour by what was read.
   * @param left how many more the console counts than it lists; undefined if the hour need not be checked again
   */
  async recount(hour: Timestamp, count: number, left: number | undefined): Promise<void> {
    const kept = await this.#keep();
    kept.counts = withRead(kept.counts, hour, count, left);
    await this.#write(kept);
  }

  async #fresh(records: readonly Record[], sentAt: Timestamp): Promise<readonly Record[]> {
    if (records.length === 0) return [];
    const { memory } = await this.#keep();
    this.#isAhead = true;
    // Only the console knows the time of a record without one. It is at most the time of the page, plus the overlap
    // for a slow request. The record is remembered until a listing has passed that time.
    const latest = shift(sentAt, this.#settings.overlapMs);
    return records.filter(({ version, time }) => memory.add(version, time ?? latest));
  }

  /** Keeps the versions that a listing can read again. Returns whether all are written. */
  async #remember(fresh: readonly Record[], cursor: Cursor, endsTurn: boolean): Promise<boolean> {
    const kept = this.#kept;
    if (kept === undefined) return true;
    const { position, listing } = cursor;
    const from = this.#ignoresFilter ? epoch : readAgainFrom(cursor, this.#settings.overlapMs);
    // Until the cursor is committed, the page itself may be read again.
    const remembered = listing ? earlier(this.#neededFrom, from) : from;
    const forgotten = kept.memory.forget(remembered);
    this.#forgotten += forgotten;
    const { checkedUntil, hasVersions } = this.#history;
    kept.counts = { ...counted(kept.counts, fresh, { position, checkedUntil }), remembered };
    if (forgotten > 0 && !hasVersions) kept.counts = recounted(kept.counts, { position, checkedUntil });
    this.#isAhead = false;
    this.#unwritten += fresh.length;
    const { size } = kept.memory;
    if (endsTurn || size < smallMemory || this.#unwritten >= size * unwrittenShare) await this.flush();
    if (this.#unwritten > 0) return false;
    this.#neededFrom = from;
    return true;
  }

  /** Writes the memory if it has changed, unless it contains a page that may not be delivered. */
  async flush(): Promise<void> {
    if (!this.#isAhead && this.#kept?.memory.changed) await this.#write(this.#kept);
  }

  async #write({ memory, counts }: Kept): Promise<void> {
    const { key, lineage } = this.#history;
    await this.#memories.writeMemory(key, lineage, { memory: memory.encode(), counts }, this.#writer);
    this.#writer = key.run;
    this.#unwritten = 0;
  }

  async #keep(): Promise<Kept> {
    this.#kept ??= await this.#read();
    return this.#kept;
  }

  async #read(): Promise<Kept> {
    const { key, lineage, start, from, doubtFrom, hasVersions } = this.#history;
    const { memoryEntries } = this.#settings;
    const stored = await this.#memories.readMemory(key, lineage);
    this.#writer = stored?.writer;
    const anew = (since: Timestamp) => ({
      memory: new Memory(memoryEntries, memoryBytes),
      counts: countsFrom(since, hasVersions),
    });
    if (stored === undefined) return anew(start);
    try {
      const memory = Memory.decode(stored.memory, memoryEntries, memoryBytes);
      if (!memory.isFull) this.#knownSince = stored.counts.remembered;
      // Earlier versions of this program counted versions, not records.
      const isOld = hasVersions && stored.counts.ids === undefined;
      return { memory, counts: isOld ? countsFrom(from, true) : doubted(stored.counts, doubtFrom) };
    } catch {
      // A damaged memory is replaced. Its repeats have the same ids, which consumers drop.
      return anew(from);
    }
  }
}

/**
 * Returns the earliest time that is read again from this cursor, by the next listing or, after a refused page token,
 * by this one. A sorted listing continues from the last time read, which keeps its memory small.
 */
export function readAgainFrom({ position, listing }: Cursor, overlapMs: number): Timestamp {
  const overlap = shift(position, -overlapMs);
  // Timestamps that went back once may go back again.
  if (listing?.sorted === false) return earlier(listing.from, overlap);
  if (listing?.began === undefined) return overlap;
  return earlier(listing.read, shift(listing.began, -overlapMs));
}
