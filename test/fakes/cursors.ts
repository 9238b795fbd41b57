import type {
  Claim,
  CursorItem,
  Cursors,
  KeptMemory,
  Save,
  StoredMemory,
} from '../../functions/collect/ports.ts';
import { ClaimLostError } from '../../functions/errors.ts';
import type { Status } from '../../functions/health/status.ts';
import type { CursorKey } from '../../functions/instances/ports.ts';

interface Item {
  firstSeenAt: string;
  status: Partial<Status>;
  cursor?: unknown;
  claim?: { run: string; until: number };
}

/** A cursors table in memory, with DynamoDB's conditional writes. What goes in and out is copied. */
export class FakeCursors implements Cursors {
  readonly items = new Map<string, Item>();
  readonly memories = new Map<string, { lineage: string; kept: StoredMemory }>();

  async read(stream: string, instances: readonly string[]): Promise<Map<string, CursorItem>> {
    const found = new Map<string, CursorItem>();
    for (const instance of instances) {
      const item = this.items.get(nameOf({ instance, stream }));
      if (item !== undefined) found.set(instance, shown(item));
    }
    return found;
  }

  async claim(claim: Claim, now: number, until: number, killedRuns = 0): Promise<CursorItem | undefined> {
    const item: Item = this.items.get(nameOf(claim)) ?? {
      firstSeenAt: micros(now),
      status: { state: 'pending' },
    };
    if (item.claim !== undefined && item.claim.until >= now && item.claim.run !== claim.run) return undefined;
    item.claim = { run: claim.run, until };
    if (killedRuns > 0) item.status = { ...item.status, killedRuns };
    this.items.set(nameOf(claim), item);
    return shown(item);
  }

  async save(claim: Claim, { cursor, status, claimUntil }: Save): Promise<void> {
    const item = this.items.get(nameOf(claim));
    if (item?.claim?.run !== claim.run)
      throw new ClaimLostError(`${nameOf(claim)} is not claimed by ${claim.run}`);
    if (cursor !== undefined) item.cursor = structuredClone(cursor);
    if (status !== undefined) item.status = structuredClone(status);
    if (claimUntil === undefined) delete item.claim;
    else item.claim.until = claimUntil;
  }

  async readMemory(key: CursorKey, lineage: string): Promise<StoredMemory | undefined> {
    const memory = this.memories.get(nameOf(key));
    return memory?.lineage === lineage ? structuredClone(memory.kept) : undefined;
  }

  async writeMemory(
    key: Claim,
    lineage: string,
    kept: KeptMemory,
    writer: string | undefined,
  ): Promise<void> {
    const before = this.memories.get(nameOf(key));
    const last = before?.lineage === lineage ? before.kept.writer : undefined;
    if (last !== undefined && last !== key.run && last !== writer)
      throw new ClaimLostError(`the memory of ${nameOf(key)} was written by ${last}`);
    this.memories.set(nameOf(key), { lineage, kept: structuredClone({ ...kept, writer: key.run }) });
  }

  /** What an operator does who removes an instance with all that is known of it. */
  remove(instance: string): void {
    for (const name of [...this.items.keys()]) if (name.startsWith(`${instance} `)) this.items.delete(name);
  }
}

function nameOf({ instance, stream }: CursorKey): string {
  return `${instance} ${stream}`;
}

function shown({ firstSeenAt, cursor, status, claim }: Item): CursorItem {
  return structuredClone({ firstSeenAt, cursor, status, ...(claim && { claimUntil: claim.until }) });
}

function micros(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
