import { dayMs } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';
import type { Light, Verdict } from './verdict.ts';

/** The number of instances by cause, counted once the cause has lasted long enough for an alarm. */
interface Causes {
  readonly rejected: number;
  readonly failing: number;
  readonly silent: number;
  readonly quiet: number;
  /**
   * Tokens that have expired or expire within this many days. Each token counts once, under the smallest number that
   * applies.
   */
  readonly expiring: Readonly<Record<ExpiryDays, number>>;
}

/**
 * The verdicts of one stream over all instances, including those that the run did not poll. They are those of the end of
 * a run that polls alone, and else those of its beginning.
 */
export interface Fleet extends Causes {
  /**
   * The counts for alarms: a cause counts when it is new, and at the same time of each later day. An instance that
   * fails permanently does not keep an alarm raised, so the next failure raises it again.
   */
  readonly notices: Causes;
  /** Instances that collect this stream, which are all that are not grey. */
  readonly instances: number;
  readonly lights: Readonly<Record<Light, number>>;
  /** The longest lag of instances whose polls succeed; undefined if there are none. */
  readonly lagSeconds: number | undefined;
  /** How late records became visible, at most one in a thousand later, at the latest console; undefined if unknown. */
  readonly latenessSeconds: number | undefined;
  /** Days until the first token expires; undefined if no expiry is known. */
  readonly tokenExpiryDays: number | undefined;
}

/** Days before the expiry of a token at which an alarm is raised. */
export type ExpiryDays = 1 | 7 | 14;

export const expiryBounds: readonly ExpiryDays[] = [1, 7, 14];

/** How long a cause counts as new: long enough for at least one run to end in that time. */
export function noticeMs({ cadenceMinutes }: Pick<Stream, 'cadenceMinutes'>): number {
  return Math.max(60, 1.5 * cadenceMinutes) * 60_000;
}

type Counts = Record<Exclude<keyof Causes, 'expiring'>, number> & { expiring: Record<ExpiryDays, number> };

const noCauses = (): Counts => ({
  rejected: 0,
  failing: 0,
  silent: 0,
  quiet: 0,
  expiring: { 1: 0, 7: 0, 14: 0 },
});

/** Sums up verdicts of one stream one by one, so that none of them is kept. */
export class FleetSum {
  readonly #newForMs: number;
  readonly #lights: Record<Light, number> = { red: 0, yellow: 0, green: 0, grey: 0 };
  readonly #causes = noCauses();
  readonly #notices = noCauses();
  #instances = 0;
  #lagSeconds: number | undefined;
  #latenessSeconds: number | undefined;
  #tokenExpiryDays: number | undefined;

  /** @param newForMs how long a cause counts as new */
  constructor(newForMs: number) {
    this.#newForMs = newForMs;
  }

  get fleet(): Fleet {
    return {
      ...this.#causes,
      notices: this.#notices,
      instances: this.#instances,
      lights: this.#lights,
      lagSeconds: this.#lagSeconds,
      latenessSeconds: this.#latenessSeconds,
      tokenExpiryDays: this.#tokenExpiryDays,
    };
  }

  add(verdict: Verdict, now: number): void {
    const { light, cause, alarm, alarmSince = '', lagSeconds, lateness, tokenExpiresAt } = verdict;
    this.#lights[light] += 1;
    if (light === 'grey') return;
    this.#instances += 1;
    // A cause that began at an unknown time always counts.
    const isNotice = (sinceMs: number) => Number.isNaN(sinceMs) || (now - sinceMs) % dayMs <= this.#newForMs;
    if (alarm && cause !== undefined && cause !== 'token') {
      this.#causes[cause] += 1;
      if (isNotice(Date.parse(alarmSince))) this.#notices[cause] += 1;
    }
    // A refused token has its own alarm.
    if (cause !== 'rejected' && tokenExpiresAt !== undefined) {
      const at = Date.parse(tokenExpiresAt);
      const bound = expiryBounds.find((one) => at - now <= one * dayMs);
      if (bound !== undefined) {
        this.#causes.expiring[bound] += 1;
        // Each bound is a whole number of days before the expiry, so all are reached at the same time of day.
        if (isNotice(at - 14 * dayMs)) this.#notices.expiring[bound] += 1;
      }
      const days = Math.max(0, (at - now) / dayMs);
      this.#tokenExpiryDays = Math.min(this.#tokenExpiryDays ?? days, days);
    }
    if (isPolledWell(verdict)) this.#lagSeconds = larger(this.#lagSeconds, lagSeconds);
    this.#latenessSeconds = larger(this.#latenessSeconds, lateness && lateness.p999Ms / 1000);
  }
}

const larger = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);

export function countLights(all: readonly { readonly light: Light }[]): Record<Light, number> {
  const count = (light: Light) => all.filter((one) => one.light === light).length;
  return { red: count('red'), yellow: count('yellow'), green: count('green'), grey: count('grey') };
}

function isPolledWell({ cause }: Verdict): boolean {
  return cause === undefined || cause === 'quiet' || cause === 'token';
}
