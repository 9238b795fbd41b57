import type { Record } from '../../console/record.ts';
import { OverBudgetError } from '../../errors.ts';
import type { Spent, Status } from '../../health/status.ts';
import { dayMs } from '../../kit/time.ts';

export interface DayLimits {
  readonly dayArtifacts: number;
  readonly dayBytes: number;
}

/** Counts what a stream of an instance has delivered in a day (UTC). The limit bounds what its console can cost. */
export class Budget {
  readonly #limits: DayLimits;
  #spent: Spent;

  constructor({ spentDay, spentArtifacts, spentBytes }: Partial<Status>, now: number, limits: DayLimits) {
    this.#limits = limits;
    const today = dayOf(now);
    const goesOn = spentDay === today;
    this.#spent = {
      spentDay: today,
      spentArtifacts: goesOn ? (spentArtifacts ?? 0) : 0,
      spentBytes: goesOn ? (spentBytes ?? 0) : 0,
    };
  }

  get spent(): Spent {
    return this.#spent;
  }

  spend(records: readonly Record[]): void {
    const { spentDay, spentArtifacts, spentBytes } = this.#spent;
    const bytes = records.reduce((sum, { raw }) => sum + raw.length, 0);
    this.#spent = {
      spentDay,
      spentArtifacts: spentArtifacts + records.length,
      spentBytes: spentBytes + bytes,
    };
  }

  /** Throws OverBudgetError, which ends with the day, if the budget is used up. */
  check(now: number): void {
    const { spentArtifacts, spentBytes } = this.#spent;
    const { dayArtifacts, dayBytes } = this.#limits;
    if (spentArtifacts < dayArtifacts && spentBytes < dayBytes) return;
    const untilTomorrowMs = dayMs - (now % dayMs);
    const what = `${spentArtifacts} artifacts and ${spentBytes} bytes were delivered today`;
    throw new OverBudgetError(`${what}; the bounds are ${dayArtifacts} and ${dayBytes}`, untilTomorrowMs);
  }
}

const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
