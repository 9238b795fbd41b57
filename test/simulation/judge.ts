import type { LedgerHour } from '../../functions/health/receipt.ts';
import type { Change } from '../../functions/health/status.ts';
import type { RecordOfHour, Version } from './model.ts';
import type { Plan } from './plan.ts';

/** By instance: the ids that the console counted, and those of them that were not delivered then. */
export type CountedHour = ReadonlyMap<
  string,
  { readonly shown: readonly string[]; readonly missing: readonly string[] }
>;

/**
 * What is in the queue, against what the console really had. It knows the contract (ids, raw bytes, positions) and
 * nothing of how the collector works.
 */
export class Judge {
  readonly #plan: Plan;
  readonly #overflow: ReadonlyMap<string, string>;
  /** By instance: what was accepted, by id. */
  readonly #accepted = new Map<string, Map<string, string[]>>();
  readonly #raws = new Map<string, Set<string>>();
  #read = 0;
  readonly verdicts: string[] = [];
  /** Changes of state in the queue, by id. */
  readonly #changes = new Map<string, string>();
  delivered = 0;
  repeated = 0;

  constructor(plan: Plan, overflow: ReadonlyMap<string, string>) {
    this.#plan = plan;
    this.#overflow = overflow;
  }

  /** Reads what the queue accepted since the last time. */
  receive(bodies: readonly string[]): void {
    for (; this.#read < bodies.length; this.#read++) {
      for (const artifact of JSON.parse(bodies[this.#read] ?? '').artifacts) {
        const { id, instance, stream, rawLocation } = artifact.metadata;
        if (stream === 'collector-health') {
          const known = this.#changes.get(id) ?? artifact.raw;
          if (known !== artifact.raw) this.verdicts.push(`${id} names two different changes`);
          this.#changes.set(id, artifact.raw);
          continue;
        }
        const raw = rawLocation === undefined ? artifact.raw : this.#overflow.get(rawLocation);
        if (stream !== this.#plan.stream.name || !String(id).startsWith(`${instance}/${stream}/`)) {
          this.verdicts.push(`an artifact is named ${id}, of ${instance} and ${stream}`);
        }
        const byId = this.#accepted.get(instance) ?? new Map<string, string[]>();
        this.#accepted.set(instance, byId);
        const before = byId.get(id) ?? [];
        byId.set(id, [...before, raw]);
        const raws = this.#raws.get(instance) ?? new Set<string>();
        this.#raws.set(instance, raws.add(raw));
        this.delivered += 1;
        if (before.length > 0) this.repeated += 1;
        if (before.some((earlier) => earlier !== raw))
          this.verdicts.push(`${id} names two different records`);
      }
    }
  }

  isDelivered(instance: string, version: Version): boolean {
    return this.#raws.get(instance)?.has(version.text) ?? false;
  }

  countedHour(instance: string, records: readonly RecordOfHour[]) {
    const shown = records.filter((record) => record.shown);
    const missing = shown.filter(({ versions }) => !this.#isAnyDelivered(instance, versions));
    return { shown: shown.map(({ id }) => id), missing: missing.map(({ id }) => id) };
  }

  #isAnyDelivered(instance: string, versions: readonly Version[]): boolean {
    return versions.some((version) => this.isDelivered(instance, version));
  }

  /**
   * When the ledger says of an hour what the console counted and what was delivered: it is complete exactly where nothing
   * that the console counted is missing. A record that was deleted after its delivery can hide one that was never
   * delivered, because the console counts one for the other; no count can tell.
   */
  hour(
    instance: string,
    row: LedgerHour,
    counts: readonly CountedHour[],
    now: readonly RecordOfHour[],
  ): void {
    const says = `the ledger of ${instance} says of ${row.hour}: ${row.console} at the console, ${row.queue} delivered`;
    const problems = counts.map((count) => {
      const { shown = [], missing = [] } = count.get(instance) ?? {};
      const left = now.filter(
        ({ id, versions, shown: isShown }) =>
          shown.includes(id) && isShown && !this.#isAnyDelivered(instance, versions),
      );
      const gone = now.filter(
        ({ id, versions }) => !shown.includes(id) && this.#isAnyDelivered(instance, versions),
      );
      if (row.console !== shown.length) return `${says}, and the console has ${shown.length}`;
      if (row.console <= row.queue && left.length > gone.length)
        return `${says}, and ${left.length} are missing`;
      const isDeleted = shown.some((id) => now.some((record) => record.id === id && !record.shown));
      if (row.console > row.queue && missing.length === 0) return `${says}, and nothing is missing`;
      if (row.console > row.queue && !isDeleted) return `${says}, and it was not read again`;
      return undefined;
    });
    if (problems.length === 0) this.verdicts.push(`${says}, and nothing was counted`);
    else if (problems.every((problem) => problem !== undefined)) this.verdicts.push(String(problems[0]));
  }

  /** Every hour before `completeUntil`, from the first one in the ledger on, is there and complete. */
  completeUntil(instance: string, rows: readonly LedgerHour[], until = ''): void {
    const known = new Map(rows.map((row) => [row.hour, row]));
    const [first = until] = [...known.keys()].sort();
    for (let hour = first; hour < until; hour = micros(hour, 3_600_000)) {
      const { console = 1, queue = 0 } = known.get(hour) ?? {};
      if (console > queue)
        this.verdicts.push(
          `${instance} is complete until ${until}, and the ledger does not say so of ${hour}`,
        );
    }
  }

  /** At every commit: nothing that the console shows lies undelivered before `position − overlap`. */
  position(instance: string, position: string, start: string, wanted: readonly Version[]): void {
    const before = micros(position, -this.#plan.settings.overlapMs);
    for (const version of wanted) {
      if (
        !version.tardy &&
        version.time >= start &&
        version.time < before &&
        !this.isDelivered(instance, version)
      ) {
        this.verdicts.push(`the position of ${instance} is ${position} and passed ${version.text}`);
      }
    }
  }

  /**
   * When a listing ends: of each record that was visible when it began, that version or a later one was delivered,
   * however often it changed since. Only what has moved more than an overlap past `began` is left to the next listing.
   */
  listingEnd(
    instance: string,
    began: string,
    start: string,
    histories: readonly (readonly Version[])[],
  ): void {
    const horizon = micros(began, this.#plan.settings.overlapMs);
    for (const versions of histories) {
      const last = versions.at(-1);
      if (last === undefined || versions[0]?.tardy || last.time < start || last.time > horizon) continue;
      if (!versions.some((version) => this.isDelivered(instance, version))) {
        this.verdicts.push(`the listing of ${instance} that began ${began} starved ${last.text}`);
      }
    }
  }

  /** At the end: each change of state that the history has is in the queue as well. */
  changes(history: readonly Change[]): void {
    const queued = new Set(this.#changes.values());
    for (const change of history)
      if (!queued.has(JSON.stringify(change)))
        this.verdicts.push(`not in the queue: ${JSON.stringify(change)}`);
  }

  /** At the end: everything that the console shows was delivered, by its own name, and nothing else ever. */
  end(
    instance: string,
    start: string,
    wanted: readonly Version[],
    texts: ReadonlyMap<string, string>,
    sites: readonly string[] | undefined,
  ): number {
    let lost = 0;
    for (const version of wanted) {
      if (version.time < start) continue;
      if (!this.isDelivered(instance, version)) {
        // Only the ledger finds these, if they were visible when it counted.
        if (version.tardy) continue;
        lost += 1;
        this.verdicts.push(
          `LOST for ${instance}: ${version.text}, visible since ${new Date(version.visibleAt).toISOString()}`,
        );
      } else if (version.versionId !== undefined) {
        const id = `${instance}/${this.#plan.stream.name}/${version.versionId}`;
        if (!this.#accepted.get(instance)?.get(id)?.includes(version.text)) {
          this.verdicts.push(`${version.text} was not delivered as ${id}`);
        }
      }
    }
    for (const raw of this.#raws.get(instance) ?? []) {
      const site = texts.get(raw);
      if (site === undefined) this.verdicts.push(`INVENTED for ${instance}: ${raw}`);
      else if (sites?.includes(site) === false) this.verdicts.push(`NOT ASKED FOR by ${instance}: ${raw}`);
    }
    return lost;
  }
}

/** A timestamp moved by whole milliseconds, computed over integers of microseconds. */
export function micros(time: string, ms: number): string {
  const moved = BigInt(Date.parse(time)) * 1000n + BigInt(time.slice(23, 26)) + BigInt(ms) * 1000n;
  const clamped = moved < 0n ? 0n : moved;
  const iso = new Date(Number(clamped / 1000n)).toISOString();
  return iso.replace('Z', `${String(clamped % 1000n).padStart(3, '0')}Z`);
}
