import type { Life, Plan } from './plan.ts';
import { type Ending, live } from './world.ts';

const withLife =
  (life: Partial<Life>) =>
  (plan: Plan): Plan => ({ ...plan, life: { ...plan.life, ...life } });

/** Ways to make a world simpler. */
const simpler: readonly ((plan: Plan) => Plan)[] = [
  (plan) => ({ ...plan, rates: new Map() }),
  (plan) => ({ ...plan, killRate: 0 }),
  (plan) => ({ ...plan, extraTickRate: 0 }),
  (plan) => ({ ...plan, instances: 1 }),
  (plan) => ({ ...plan, ticks: Math.ceil(plan.ticks / 2) }),
  (plan) => ({ ...plan, ourSkewMs: 0, consoleSkewMs: 0 }),
  (plan) => ({ ...plan, trouble: 'none' }),
  withLife({ hot: 0 }),
  withLife({ bulkRate: 0 }),
  withLife({ deleted: 0 }),
  withLife({ latestMs: 0 }),
  withLife({ oddRate: 0 }),
  withLife({ changed: 1 }),
  withLife({ changed: 0 }),
  withLife({ created: 1 }),
  withLife({ created: 0 }),
  withLife({ history: 3 }),
  withLife({ history: 0 }),
];

/** The simplest world found that still goes wrong, with its story. */
export async function shortest(plan: Plan): Promise<Ending> {
  let simplest = plan;
  const singleFaults = [...plan.rates.keys()].map((kind) => (from: Plan): Plan => {
    const rates = new Map(from.rates);
    rates.delete(kind);
    return { ...from, rates };
  });
  for (let changed = true; changed; ) {
    changed = false;
    for (const change of [...simpler, ...singleFaults]) {
      const tried = change(simplest);
      if (JSON.stringify([tried, ...tried.rates]) === JSON.stringify([simplest, ...simplest.rates])) continue;
      if ((await live(tried)).verdicts.length > 0) {
        simplest = tried;
        changed = true;
      }
    }
  }
  return live(simplest, true);
}
