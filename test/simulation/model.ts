import { createRandom, type Random } from '../../local/console/fleet/random.ts';
import type { VirtualClock } from '../fakes/clock.ts';
import type { ShownRecord } from '../fakes/console.ts';
import type { Plan } from './plan.ts';

/** One version of a record: what the console serves from `visibleAt` on. */
export interface Version extends ShownRecord {
  readonly visibleAt: number;
  readonly created: string;
  /** It became visible too late for any listing. */
  readonly tardy: boolean;
  /** As consumers will see it in `metadata.id`, behind instance and stream; undefined where bytes decide. */
  readonly versionId: string | undefined;
}

export interface RecordOfHour {
  readonly id: string;
  readonly versions: readonly Version[];
  /** The console shows it now. */
  readonly shown: boolean;
  /** It says truly when it was created, and its versions can be told from other records. */
  readonly countable: boolean;
}

const farAhead = '2099-12-31T23:59:59.999999Z';

interface Life {
  readonly id: string;
  readonly siteId: string;
  readonly created: string;
  readonly odd: 'no-id' | 'no-time' | 'poison' | 'heavy' | 'from-2099' | undefined;
  readonly versions: Version[];
  deleted: boolean;
}

interface Fields {
  [name: string]: string | Fields;
}

function put(fields: Fields, [name = '', ...rest]: readonly string[], value: string): void {
  if (rest.length === 0) fields[name] = value;
  else {
    const inner = typeof fields[name] === 'object' ? fields[name] : {};
    fields[name] = inner;
    put(inner, rest, value);
  }
}

/** A console's records as they really are, with all that was ever visible of them. */
export class Fleet {
  readonly #plan: Plan;
  readonly #random: Random;
  readonly #clock: VirtualClock;
  readonly #lives = new Map<string, Life>();
  /** Texts that the console has had to show, each with its site. */
  readonly texts = new Map<string, string>();
  /** Of its own, so that a seed stays the world that it was before records could be late. */
  readonly #tardiness: Random;
  #serial = 0;

  constructor(plan: Plan, random: Random, clock: VirtualClock) {
    this.#plan = plan;
    this.#random = random;
    this.#clock = clock;
    this.#tardiness = createRandom(`tardiness ${plan.seed}`);
  }

  /** The console's own clock. */
  consoleMs(): number {
    return this.#clock.now() + this.#plan.consoleSkewMs;
  }

  /** What the console shows now. */
  shown(): Version[] {
    const now = this.#clock.now();
    return [...this.#lives.values()].flatMap((life) => {
      if (life.deleted) return [];
      const visible = life.versions.findLast(({ visibleAt }) => visibleAt <= now);
      return visible === undefined ? [] : [visible];
    });
  }

  /** For each record that was visible at a true time and still is: its versions since, the one visible then first. */
  historiesSince(then: number, sites: readonly string[] | undefined): Version[][] {
    const now = this.#clock.now();
    return [...this.#lives.values()].flatMap(({ versions, deleted, siteId }) => {
      const first = versions.findLastIndex(({ visibleAt }) => visibleAt <= then);
      if (deleted || first < 0 || sites?.includes(siteId) === false) return [];
      return [versions.slice(first).filter(({ visibleAt }) => visibleAt <= now)];
    });
  }

  /** Every record that was created in an hour. */
  ofHour(hour: string, sites: readonly string[] | undefined): RecordOfHour[] {
    const now = this.#clock.now();
    return [...this.#lives.values()]
      .filter(
        ({ created, siteId }) => created.startsWith(hour.slice(0, 13)) && sites?.includes(siteId) !== false,
      )
      .map(({ id, versions, deleted, odd }) => {
        const shown = !deleted && versions.some(({ visibleAt }) => visibleAt <= now);
        const isNamed = odd !== 'no-id' || this.#plan.stream.orderedBy === 'createdAt';
        const countable = odd !== 'no-time' && odd !== 'from-2099' && isNamed;
        return { id, versions, shown, countable };
      });
  }

  get versions(): number {
    return [...this.#lives.values()].reduce((sum, { versions }) => sum + versions.length, 0);
  }

  /** Schedules what happens until `end`. */
  begin(start: number, end: number): void {
    const { life, stream, trouble } = this.#plan;
    const random = this.#random;
    for (let i = 0; i < life.history; i++) {
      this.#create(this.#stamp(start - random.next() * life.historyMs), start);
    }
    if (trouble === 'record-from-2099') {
      // One that the console believes, and one whose text says other than what it is sorted by.
      if (random.chance(0.5)) this.#create(farAhead, start);
      else this.#create(this.#stamp(start - random.next() * life.historyMs), start, 'from-2099');
    }
    if (trouble === 'page-never-fits') this.#create(this.#stamp(start), start, 'heavy');
    const cadence = stream.cadenceMinutes * 60_000;
    for (let tick = start; tick < end; tick += cadence) {
      const sometime = () => tick + random.next() * cadence;
      for (let i = 0; i < life.created; i++) this.#at(sometime(), () => this.#createSoonOrLate());
      for (let i = 0; i < life.changed; i++) this.#at(sometime(), () => this.#change(this.#any()));
      for (let i = 0; i < life.deleted; i++) this.#at(sometime(), () => this.#delete(this.#any()));
      if (random.chance(life.bulkRate)) this.#at(sometime(), () => this.#bulk());
    }
    for (let i = 0; i < life.hot; i++) {
      const id = this.#create();
      for (let at = start; at < end; at += life.hotEveryMs)
        this.#at(at + random.next() * 1000, () => this.#change(id));
    }
  }

  #at(time: number, happens: () => void): void {
    this.#clock.at(time, happens);
  }

  #any(): string | undefined {
    const ids = [...this.#lives.keys()];
    return ids[this.#random.between(0, Math.max(0, ids.length - 1))];
  }

  /** Many at one microsecond, as when a policy changes. */
  #bulk(): void {
    const { life, stream } = this.#plan;
    const time = this.#stamp(this.#clock.now());
    for (let i = 0; i < life.bulk; i++) {
      const id = stream.orderedBy === 'updatedAt' && this.#random.chance(0.7) ? this.#any() : undefined;
      if (id === undefined) this.#create(time);
      else this.#change(id, time);
    }
  }

  /** Too late for any listing: visible after the overlap, or dated back by hours. */
  #createSoonOrLate(): void {
    const { tardyRate } = this.#plan.life;
    const random = this.#tardiness;
    const now = this.#clock.now();
    if (!random.chance(tardyRate)) this.#create();
    else if (random.chance(0.5))
      this.#create(this.#stamp(now), now + (12 + random.next() * 40) * 60_000, 'tardy');
    else this.#create(this.#stamp(now - (0.5 + random.next() * 5) * 3_600_000), now, 'tardy');
  }

  #create(
    time = this.#stamp(this.#clock.now()),
    visibleAt = this.#visibleAt(),
    oddity?: Life['odd'] | 'tardy',
  ): string {
    this.#serial += 1;
    const random = this.#random;
    // Neither ascending with time, nor of one length.
    const id = `${random.between(1, 999)}${String(this.#serial).padStart(6, '0')}`;
    const odd =
      (oddity === 'tardy' ? undefined : oddity) ??
      (oddity === undefined && random.chance(this.#plan.life.oddRate)
        ? random.pick(['no-id', 'no-time', 'poison'] as const)
        : undefined);
    const created = time;
    const life: Life = { id, siteId: random.pick(['1', '2']), created, odd, versions: [], deleted: false };
    this.#lives.set(id, life);
    this.#show(life, time, visibleAt, oddity === 'tardy');
    return id;
  }

  #change(id: string | undefined, time = this.#stamp(this.#clock.now())): void {
    const life = id === undefined ? undefined : this.#lives.get(id);
    // Time only goes forward for a record.
    if (
      life === undefined ||
      life.deleted ||
      life.odd === 'from-2099' ||
      (life.versions.at(-1)?.time ?? '') >= time
    )
      return;
    this.#show(life, time, this.#visibleAt());
  }

  #delete(id: string | undefined): void {
    const life = id === undefined ? undefined : this.#lives.get(id);
    if (life !== undefined) life.deleted = true;
  }

  #visibleAt(): number {
    const { latestMs, lateRate } = this.#plan.life;
    return this.#clock.now() + (this.#random.chance(lateRate) ? this.#random.next() * latestMs : 0);
  }

  #show(life: Life, time: string, visibleAt: number, tardy = false): void {
    const { id, siteId, created, odd } = life;
    const said = odd === 'from-2099' ? farAhead : time;
    const { stream } = this.#plan;
    const own: Fields = {};
    if (odd !== 'no-id') put(own, stream.id, id);
    if (odd !== 'no-time') {
      if (stream.created !== undefined) put(own, stream.created, odd === 'from-2099' ? farAhead : created);
      put(own, stream.time, said);
    }
    const marks = odd === 'poison' || odd === 'heavy' ? { [odd]: true } : {};
    const text = JSON.stringify({ ...own, ...marks, serial: `${id}.${life.versions.length}` });
    const mutable = this.#plan.stream.orderedBy === 'updatedAt';
    const versionId =
      odd === 'no-id' || (odd === 'no-time' && mutable) ? undefined : mutable ? `${id}@${said}` : id;
    life.versions.push({ id, time, created, text, siteId, visibleAt, tardy, versionId });
    this.texts.set(text, siteId);
  }

  /** The console's clock at a true time, with microseconds. */
  #stamp(at: number): string {
    const iso = new Date(Math.floor(at) + this.#plan.consoleSkewMs).toISOString();
    const below = this.#random.between(0, 999);
    // Some streams have whole milliseconds only, and so more ties.
    return iso.replace('Z', `${String(this.#plan.stream.timeDigits === 6 ? below : 0).padStart(3, '0')}Z`);
  }
}
