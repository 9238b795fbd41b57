import type { Random } from '../../local/console/fleet/random.ts';
import type { VirtualClock } from '../fakes/clock.ts';
import type { FaultKind } from './plan.ts';

/** What a world counts, and tells when asked for its story. */
export interface Chronicle {
  readonly faults: Map<FaultKind, number>;
  /** By the call that was under way, and whether before or after it took effect. */
  readonly kills: Map<KillSite, number>;
  tell(line: string): void;
}

/** Every call that the core makes to the outside; between two of them nothing that is done can be lost or doubled. */
const callSites = [
  'list instances',
  'read cursors',
  'read secret',
  'claim',
  'get page',
  'check token',
  'read memory',
  'send',
  'put overflow',
  'write memory',
  'write ledger',
  'commit',
  'release',
  'hand over',
  'sleep',
] as const;

export type CallSite = (typeof callSites)[number];

/** Before it takes effect or after: where a process can be killed. */
export type KillSite = `${CallSite} ${'before' | 'after'}`;

export const killSites = callSites.flatMap((site): KillSite[] => [`${site} before`, `${site} after`]) as [
  KillSite,
  ...KillSite[],
];

/** One process: it lives until it is killed, and then nothing it waits for ever comes. */
export class Process {
  readonly name: string;
  alive = true;
  /** The moment at which it is to be killed: the nth of all, or the nth at one site; from 1. */
  death: { readonly nth: number; readonly site?: KillSite } | undefined;
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #chronicle: Chronicle;
  #moments = 0;

  constructor(name: string, clock: VirtualClock, random: Random, chronicle: Chronicle) {
    this.name = name;
    this.#clock = clock;
    this.#random = random;
    this.#chronicle = chronicle;
  }

  /**
   * A call to the outside: on its way, in effect, on its way back. A process that dies while the call is on its way may
   * or may not have it take effect.
   */
  async call<T>(site: CallSite, latencyMs: number, effect: () => Promise<T>): Promise<T> {
    await this.#moment(`${site} before`, async () => {
      if (this.#random.chance(0.5)) await effect().catch(() => undefined);
    });
    await this.#clock.sleep(latencyMs / 2);
    if (!this.alive) return never();
    const result = await settled(effect());
    await this.#clock.sleep(latencyMs / 2);
    await this.#moment(`${site} after`, async () => undefined);
    return result();
  }

  kill(why: string): void {
    if (!this.alive) return;
    this.alive = false;
    this.#chronicle.tell(`${this.name} is killed: ${why}`);
  }

  async #moment(site: KillSite, inFlight: () => Promise<void>): Promise<void> {
    if (!this.alive) return never();
    if (this.death === undefined || (this.death.site ?? site) !== site) return;
    this.#moments += 1;
    if (this.#moments !== this.death.nth) return;
    this.#chronicle.kills.set(site, (this.#chronicle.kills.get(site) ?? 0) + 1);
    this.kill(site);
    await inFlight();
    return never();
  }
}

/** An answer or an error, to be had later. */
async function settled<T>(promise: Promise<T>): Promise<() => T> {
  try {
    const value = await promise;
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
