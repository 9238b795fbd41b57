import type { Ledger } from '../../functions/collect/ports.ts';
import type { AcceptedLedger } from '../../functions/forward/ports.ts';
import type { AcceptedHour, LedgerHour } from '../../functions/health/receipt.ts';
import type { Change } from '../../functions/health/status.ts';
import type { CursorKey } from '../../functions/instances/ports.ts';

/** A ledger in memory. */
export class FakeLedger implements Ledger {
  /** By instance, stream and hour. */
  readonly hours = new Map<string, LedgerHour & { readonly checkedAt: number }>();
  /** In the order in which they were written. */
  readonly written: LedgerHour[] = [];
  readonly changes: Change[] = [];

  async write({ instance, stream }: CursorKey, hours: readonly LedgerHour[], checkedAt: number) {
    for (const one of hours) {
      this.written.push({ ...one });
      const key = `${instance} ${stream} ${one.hour}`;
      const before = this.hours.get(key);
      const resent = one.base === undefined ? (before?.resent ?? 0) + one.resent : 0;
      this.hours.set(key, { ...before, ...one, resent, checkedAt });
    }
  }

  hoursOf(instance: string): LedgerHour[] {
    return [...this.hours].filter(([key]) => key.startsWith(`${instance} `)).map(([, hour]) => hour);
  }

  /** What a forwarder has added, by instance, stream and hour. */
  readonly accepted = new Map<string, number>();

  async read({ instance, stream }: CursorKey, hour: string) {
    const key = `${instance} ${stream} ${hour}`;
    const accepted = this.accepted.get(key);
    return { hour, ...this.hours.get(key), ...(accepted !== undefined && { accepted }) };
  }

  async append(change: Change): Promise<void> {
    const { instance, stream, at } = change;
    const i = this.changes.findIndex(
      (one) => one.instance === instance && one.stream === stream && one.at === at,
    );
    this.changes.splice(i < 0 ? this.changes.length : i, 1, { ...change });
  }
}

/** The same, of what Analytics accepted. */
export class FakeAcceptedLedger implements AcceptedLedger {
  /** By instance, stream and hour. */
  readonly hours = new Map<string, number>();

  async add(
    counts: readonly AcceptedHour[],
    added: (counts: readonly AcceptedHour[]) => void = () => {},
  ): Promise<void> {
    for (const { instance, stream, hour, accepted } of counts) {
      const key = `${instance} ${stream} ${hour}`;
      this.hours.set(key, (this.hours.get(key) ?? 0) + accepted);
    }
    added(counts);
  }
}
