import type { HoursChecked } from '../../functions/collect/ledger/ledger.ts';
import type { Outcome } from '../../functions/collect/outcome.ts';
import type { Save } from '../../functions/collect/ports.ts';
import { run } from '../../functions/collect/run.ts';
import type { Place } from '../../functions/collect/shards.ts';
import type { LedgerHour } from '../../functions/health/receipt.ts';
import { createRandom } from '../../local/console/fleet/random.ts';
import { VirtualClock } from '../fakes/clock.ts';
import { FakeConsole } from '../fakes/console.ts';
import { FakeCursors } from '../fakes/cursors.ts';
import { FakeLedger } from '../fakes/ledger.ts';
import { FakeInstances, FakeOverflow, FakeSecrets, FakeShards, FakeTokenHosts } from '../fakes/stores.ts';
import { type CountedHour, Judge, micros } from './judge.ts';
import { Fleet, type Version } from './model.ts';
import type { FaultKind, Plan } from './plan.ts';
import { PoisonedQueue, portsOf, type Services, type Weather } from './ports.ts';
import { type Chronicle, type KillSite, killSites, Process } from './process.ts';

/** What became of one world. */
export interface Ending {
  readonly seed: number;
  /** What is wrong, in words; nothing where all is well. */
  readonly verdicts: readonly string[];
  readonly lost: number;
  readonly runs: number;
  readonly records: number;
  readonly delivered: number;
  readonly repeated: number;
  /** Listings that ended, and those that went over three runs or more. */
  readonly listings: number;
  readonly hoursChecked: number;
  readonly hoursReadAgain: number;
  readonly longListings: number;
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly kills: ReadonlyMap<KillSite, number>;
  readonly story: readonly string[];
}

const birth = Date.parse('2026-03-01T00:00:00Z');
const minute = 60_000;
const hour = 60 * minute;
const lookbackHours = 24;
const secretId = 'signal-client/sentinelone/shared';
/** Ticks without faults after which everything must have come to rest. */
const patience = 150;
/** Few runs come here. */
const rareSites: readonly [KillSite, ...KillSite[]] = [
  'check token before',
  'check token after',
  'put overflow before',
  'put overflow after',
];

/** Lives one world to its end. `telling` keeps the story as well. */
export async function live(plan: Plan, telling = false): Promise<Ending> {
  return new World(plan, telling).live();
}

class World {
  readonly #plan: Plan;
  readonly #random;
  readonly #clock: VirtualClock;
  readonly #fleet: Fleet;
  readonly #services: Services;
  readonly #judge: Judge;
  readonly #story: string[] = [];
  readonly #chronicle: Chronicle;
  readonly #weather: Weather;
  readonly #names: readonly string[];
  /** By instance: what may have made records come again. */
  readonly #excuses = new Map<string, number>();
  /** The memory's bound, an edit or two runs at once: repeats are not bounded by pages then. */
  #unbounded = false;
  #stormy = true;
  #runs = 0;
  #rotations = 0;
  #listings = 0;
  #hoursChecked = 0;
  #hoursReadAgain = 0;
  /** By process and hour: what the console counted, and when; several instances of a run count the same hours. */
  readonly #counts = new Map<string, CountedHour[]>();
  /** By instance and `began`: the runs that worked on a listing. */
  readonly #workers = new Map<string, Set<string>>();
  readonly #outcomes = new Map<string, Outcome>();
  /** Processes whose run goes on, with their tick. */
  readonly #running = new Map<Process, number>();

  constructor(plan: Plan, telling: boolean) {
    this.#plan = plan;
    const random = createRandom(`life ${plan.seed}`);
    this.#random = random;
    this.#clock = new VirtualClock(birth, createRandom(`jitter ${plan.seed}`).next);
    this.#fleet = new Fleet(plan, createRandom(`fleet ${plan.seed}`), this.#clock);
    const console = new FakeConsole(
      () => this.#fleet.shown(),
      [],
      () => this.#fleet.consoleMs() + plan.dateSkewMs,
    );
    console.pageCap = plan.pageCap;
    console.isEndless = () => this.#stormy && plan.trouble === 'tokens-never-end';
    this.#services = {
      clock: this.#clock,
      console,
      cursors: new FakeCursors(),
      ledger: new FakeLedger(),
      instances: new FakeInstances(),
      secrets: new FakeSecrets(),
      shards: new FakeShards(),
      tokenHosts: new FakeTokenHosts(),
      queue: new PoisonedQueue(),
      overflow: new FakeOverflow(),
    };
    this.#judge = new Judge(plan, this.#services.overflow.objects);
    this.#names = Array.from({ length: plan.instances }, (_, i) => `i${i}`);
    this.#chronicle = {
      faults: new Map(),
      kills: new Map(),
      tell: (line) => {
        if (telling) this.#story.push(`${new Date(this.#clock.now()).toISOString()} ${line}`);
      },
    };
    this.#weather = {
      plan,
      random,
      stormy: () => this.#stormy,
      chronicle: this.#chronicle,
      excuse: () => this.#excuseAll(),
      rotate: () => this.#rotate(),
      onReport: (outcome) => this.#onReport(outcome),
      onShard: (...started) => this.#onShard(...started),
      onCount: (hour, process) => this.#onCount(hour, process),
      onHour: (instance, hour, process) => this.#onHour(instance, hour, process),
      onCommit: (instance, save, process) => this.#onCommit(instance, save, process),
      accuse: (verdict) => this.#judge.verdicts.push(verdict),
    };
  }

  async live(): Promise<Ending> {
    const { stream, ticks, trouble } = this.#plan;
    const cadence = stream.cadenceMinutes * minute;
    const storm = birth + ticks * cadence;
    this.#rotate();
    for (const name of this.#names) this.#put(name);
    this.#fleet.begin(birth, storm);
    for (let at = birth; at < storm; at += cadence) {
      this.#clock.at(at, () => this.#tick(at));
      if (this.#random.chance(this.#plan.extraTickRate))
        this.#clock.at(at + this.#random.next() * cadence, () => this.#tick(at));
    }
    this.#intervene(trouble, birth + (ticks / 3) * cadence, birth + (2 * ticks * cadence) / 3);
    await this.#clock.runUntil(storm - 1);
    this.#stormy = false;
    this.#chronicle.tell('the faults stop');
    await this.#settle(storm, cadence);
    return this.#end();
  }

  #intervene(trouble: Plan['trouble'], first: number, second: number): void {
    const { cursors, instances } = this.#services;
    const [name = ''] = this.#names;
    const at = (time: number, what: string, happens: () => void) =>
      this.#clock.at(time, () => {
        this.#unbounded = true;
        this.#chronicle.tell(`${name} is ${what}`);
        happens();
      });
    if (trouble === 'filters-edited') {
      at(first, 'narrowed', () => this.#put(name, { siteIds: ['1'] }));
      at(second, 'widened', () => this.#put(name));
    }
    if (trouble === 'disabled-for-a-while') {
      at(first, 'disabled', () => this.#put(name, { enabled: false }));
      at(second, 'enabled', () => this.#put(name));
    }
    if (trouble === 'removed-and-added-again') {
      at(first, 'removed', () => {
        instances.items.delete(name);
        cursors.remove(name);
      });
      at(second, 'added again', () => this.#put(name));
    }
  }

  #put(instance: string, more: Record<string, unknown> = {}): void {
    const filter = this.#plan.narrow && this.#plan.trouble !== 'filters-edited' ? { siteIds: ['2'] } : {};
    const host = 'usea1-simulated.sentinelone.net';
    const { name, byDefault } = this.#plan.stream;
    const streams = byDefault ? {} : { streams: [name] };
    this.#services.instances.put({ instance, host, secretId, lookbackHours, ...streams, ...filter, ...more });
  }

  #rotate(): void {
    this.#rotations += 1;
    const token = `token-${this.#rotations}`;
    this.#services.secrets.put(secretId, token);
    this.#services.console.tokens = new Set([token]);
  }

  /** Lambda starts a further run at once, or when there is room for it. */
  #onShard(place: Place, scheduledAt: number): void {
    const soon = this.#random.chance(0.7) || this.#plan.trouble === 'peaceful' || !this.#stormy;
    const waitMs = this.#random.next() * (soon ? 1000 : this.#plan.stream.cadenceMinutes * minute);
    this.#clock.at(this.#clock.now() + waitMs, () => this.#tick(scheduledAt, place));
  }

  /** Starts a run in a process of its own; it ends, is killed, or meets its time-out. */
  #tick(scheduledAt: number, place?: Place): void {
    const { stream, settings, killRate } = this.#plan;
    this.#runs += 1;
    const process = new Process(`run ${this.#runs}`, this.#clock, this.#random, this.#chronicle);
    // Those that share a tick keep to instances of their own.
    const isAlone = [...this.#running.values()].every((tick) => place !== undefined && tick === scheduledAt);
    if (!isAlone) this.#unbounded = true;
    this.#running.set(process, scheduledAt);
    if (this.#stormy && this.#random.chance(killRate)) process.death = this.#death();
    const deadline = this.#clock.now() + stream.timeoutSeconds * 1000;
    this.#clock.at(deadline, () => {
      if (this.#running.has(process)) process.kill('its time is over');
    });
    const invocation = {
      id: `${this.#runs}`,
      scheduledAt,
      place,
      remainingMs: () => deadline - this.#clock.now(),
    };
    const over = () => {
      this.#running.delete(process);
      this.#chronicle.tell(`${process.name} ends`);
    };
    this.#chronicle.tell(`${process.name} begins`);
    run(stream, invocation, settings, portsOf(process, this.#services, this.#weather)).then(
      over,
      (error: unknown) => {
        if (!String(error).includes('simulated')) this.#judge.verdicts.push(`a run threw ${String(error)}`);
        over();
      },
    );
  }

  /** At any moment of a run, or at one site, so that rare ones have their share. */
  #death(): Process['death'] {
    const random = this.#random;
    if (random.chance(0.4)) return { nth: random.between(1, random.pick([10, 40, 150])) };
    return { nth: random.pick([1, 1, 2, 3]), site: random.pick(random.chance(0.5) ? killSites : rareSites) };
  }

  /** Ticks without faults, until every listing has begun and ended after the last late record was visible. */
  async #settle(storm: number, cadence: number): Promise<void> {
    const rest = storm + 2 * this.#plan.settings.overlapMs + 10 * minute;
    let quiet = 0;
    for (let i = 0; i < patience && quiet < 2; i++) {
      const at = storm + i * cadence;
      for (const process of this.#running.keys()) if (!process.alive) this.#running.delete(process);
      this.#tick(at);
      await this.#clock.runUntil(at + cadence - 1);
      if (at > rest && this.#names.every((name) => this.#isAtRest(name, rest))) quiet += 1;
    }
    if (quiet < 2) {
      for (const name of this.#names) {
        if (!this.#isAtRest(name, rest))
          this.#judge.verdicts.push(`${name} never comes to rest: ${JSON.stringify(this.#item(name))}`);
      }
    }
  }

  #item(instance: string) {
    return this.#services.cursors.items.get(`${instance} ${this.#plan.stream.name}`);
  }

  #isAtRest(instance: string, since: number): boolean {
    const item = this.#item(instance);
    const cursor = item?.cursor as { position: string; listing?: object } | undefined;
    if (cursor === undefined || cursor.listing !== undefined || item?.status.state !== 'ok') return false;
    return this.#trueMs(cursor.position) >= since - minute;
  }

  /** The true time of a position, at the earliest: it is by the console's clock, or by ours where its `Date` is ahead. */
  #trueMs(position: string): number {
    const { consoleSkewMs, dateSkewMs } = this.#plan;
    return Date.parse(position) - (dateSkewMs > 0 ? Math.max(0, consoleSkewMs) : consoleSkewMs);
  }

  /** Where an instance's collecting starts, by the contract: the look-back before it was first seen. */
  #startOf(instance: string): string {
    if (this.#plan.stream.wholeInventory) return '';
    const firstSeenAt = this.#item(instance)?.firstSeenAt ?? '2999-01-01T00:00:00.000000Z';
    return micros(firstSeenAt, -lookbackHours * hour);
  }

  #sitesOf(instance: string): string[] | undefined {
    return this.#services.instances.items.get(instance)?.siteIds as string[] | undefined;
  }

  /** What the console shows of what the instance asks for. */
  #wanted(instance: string): Version[] {
    const sites = this.#sitesOf(instance);
    return this.#fleet.shown().filter(({ siteId = '' }) => sites === undefined || sites.includes(siteId));
  }

  #excuseAll(): void {
    for (const name of this.#names) this.#excuses.set(name, (this.#excuses.get(name) ?? 0) + 1);
  }

  #onReport(outcome: Outcome): void {
    this.#outcomes.set(outcome.instance, outcome);
    if (outcome.forgotten > 0) this.#unbounded = true;
    if (outcome.hoursChecked !== undefined) this.#onHoursChecked(outcome.instance, outcome.hoursChecked);
    if (outcome.error !== undefined) this.#excuseAll();
    if (
      outcome.error !== undefined &&
      outcome.state === 'failed' &&
      !outcome.error.message.includes('simulated') &&
      outcome.error.name !== 'ClaimLostError'
    ) {
      this.#judge.verdicts.push(`${outcome.instance} failed: ${outcome.error.message}`);
    }
    this.#chronicle.tell(
      `${outcome.instance} ${outcome.state}: ${outcome.artifacts} artifacts, position ${outcome.position} ${outcome.error?.message ?? ''}`,
    );
  }

  /** Keeps what the console had when it counted. */
  #onCount(hour: string, process: Process): void {
    if (!hour.endsWith(':00:00.000000Z')) return;
    this.#judge.receive(this.#services.queue.bodies);
    const key = `${process.name} ${hour}`;
    const ofHour = (name: string) => this.#fleet.ofHour(hour, this.#sitesOf(name));
    const counted = this.#names.map((name) => [name, this.#judge.countedHour(name, ofHour(name))] as const);
    this.#counts.set(key, [...(this.#counts.get(key) ?? []), new Map(counted)]);
  }

  /** What the ledger says of an hour, against what the console had when it counted. */
  #onHour(instance: string, row: LedgerHour, process: Process): void {
    this.#hoursChecked += 1;
    const now = this.#fleet.ofHour(row.hour, this.#sitesOf(instance));
    if (row.resent > 0) {
      this.#hoursReadAgain += 1;
      this.#unbounded = true;
      // What cannot be counted is found by reading.
      if (this.#plan.trouble === 'peaceful' && now.every(({ countable }) => countable))
        this.#judge.verdicts.push(`${row.hour} of ${instance} was read again for nothing`);
    }
    // While an instance is being edited, the run under way still has the filters of before.
    if (this.#plan.trouble === 'filters-edited') return;
    this.#judge.receive(this.#services.queue.bodies);
    const counts = this.#counts.get(`${process.name} ${row.hour}`) ?? [];
    this.#judge.hour(instance, row, counts, now);
  }

  #onHoursChecked(instance: string, { missed, error, completeUntil }: HoursChecked): void {
    // With other filters, and after a removal, the ledger begins anew.
    if (!['filters-edited', 'removed-and-added-again'].includes(this.#plan.trouble))
      this.#judge.completeUntil(instance, this.#services.ledger.hoursOf(instance), completeUntil);
    // What was read of an hour before was delivered again, and no row says it.
    if (error !== undefined) this.#unbounded = true;
    for (const { hour, atConsole, delivered, found, left } of missed) {
      const counts = `${atConsole} at the console, ${delivered} delivered, ${found} found, ${left} left`;
      this.#chronicle.tell(`${instance}: ${hour} is not complete: ${counts}`);
      if (this.#plan.life.tardyRate === 0 && this.#plan.trouble !== 'filters-edited')
        this.#judge.verdicts.push(
          `the ledger of ${instance} misses what is not missing in ${hour}: ${counts}`,
        );
    }
  }

  #onCommit(instance: string, { cursor }: Save, process: Process): void {
    if (cursor === undefined) return;
    this.#judge.receive(this.#services.queue.bodies);
    this.#chronicle.tell(`${process.name} commits ${instance}: ${JSON.stringify(cursor)}`);
    // While an instance is being edited, the run under way still has the filters of before.
    if (this.#plan.trouble !== 'filters-edited') {
      const start = this.#startOf(instance);
      this.#judge.position(instance, cursor.position, start, this.#wanted(instance));
      if (cursor.listing === undefined) {
        const began = this.#trueMs(cursor.position);
        this.#judge.listingEnd(
          instance,
          cursor.position,
          start,
          this.#fleet.historiesSince(began, this.#sitesOf(instance)),
        );
      }
    }
    this.#countListing(instance, cursor, process);
  }

  #countListing(
    instance: string,
    { listing }: { listing?: { began?: string | undefined } | undefined },
    process: Process,
  ): void {
    const open = `${instance} `;
    const workers = this.#workers.get(open) ?? new Set();
    workers.add(process.name);
    this.#workers.set(open, workers);
    if (listing === undefined) {
      this.#listings += 1;
      this.#workers.set(`${instance} ${this.#listings}`, workers);
      this.#workers.delete(open);
    }
  }

  #end(): Ending {
    this.#judge.receive(this.#services.queue.bodies);
    let lost = 0;
    for (const name of this.#names) {
      const { texts } = this.#fleet;
      // Before an edit other sites were asked for.
      const sites = this.#plan.trouble === 'filters-edited' ? undefined : this.#sitesOf(name);
      lost += this.#judge.end(name, this.#startOf(name), this.#wanted(name), texts, sites);
    }
    this.#judgeRepeats();
    // With its cursor, a change that waits to be reported is removed as well.
    if (this.#plan.settings.healthArtifacts && this.#plan.trouble !== 'removed-and-added-again')
      this.#judge.changes(this.#services.ledger.changes);
    const long = [...this.#workers].filter(([name, workers]) => !name.endsWith(' ') && workers.size >= 3);
    const { verdicts, delivered, repeated } = this.#judge;
    return {
      seed: this.#plan.seed,
      verdicts,
      lost,
      runs: this.#runs,
      records: this.#fleet.versions,
      delivered,
      repeated,
      listings: this.#listings,
      hoursChecked: this.#hoursChecked,
      hoursReadAgain: this.#hoursReadAgain,
      longListings: long.length,
      faults: this.#chronicle.faults,
      kills: this.#chronicle.kills,
      story: this.#story,
    };
  }

  /** Each kill, failed poll or lost answer can cost the pages of a turn that were sent but not yet remembered. */
  #judgeRepeats(): void {
    if (this.#unbounded) return;
    const kills =
      [...this.#chronicle.kills.values()].reduce((sum, times) => sum + times, 0) + this.#timeouts();
    const excuses =
      kills * this.#plan.instances + [...this.#excuses.values()].reduce((sum, times) => sum + times, 0);
    const bound = excuses * 2 * this.#plan.pageCap;
    if (this.#judge.repeated > bound) {
      this.#judge.verdicts.push(
        `${this.#judge.repeated} artifacts were repeated, and ${excuses} faults explain ${bound}`,
      );
    }
  }

  #timeouts(): number {
    return this.#running.size;
  }
}
