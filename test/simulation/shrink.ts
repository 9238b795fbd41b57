import type { Life, Plan } from './plan.ts';
import { type Ending, live } from './world.ts';

/** No more than so much of something that happens. */
const atMost =
  (what: keyof Life, most: number) =>
  (plan: Plan): Plan => ({ ...plan, life: { ...plan.life, [what]: Math.min(plan.life[what], most) } });

/** Ways to make a world simpler. */
const simpler: readonly ((plan: Plan) => Plan)[] = [
  (plan) => ({ ...plan, rates: new Map() }),
  (plan) => ({ ...plan, killRate: 0 }),
  (plan) => ({ ...plan, extraTickRate: 0 }),
  (plan) => ({ ...plan, instances: 1 }),
  (plan) => ({ ...plan, ticks: Math.ceil(plan.ticks / 2) }),
  (plan) => ({ ...plan, ourSkewMs: 0, consoleSkewMs: 0 }),
  (plan) => ({ ...plan, trouble: 'none' }),
  atMost('hot', 0),
  atMost('bulkRate', 0),
  atMost('deleted', 0),
  atMost('latestMs', 0),
  atMost('oddRate', 0),
  atMost('changed', 1),
  atMost('changed', 0),
  atMost('created', 1),
  atMost('created', 0),
  atMost('history', 3),
  atMost('history', 0),
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
