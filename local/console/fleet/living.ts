import type { Source } from '../console.ts';
import { microsOf } from '../time.ts';
import { createFleet, enlist, type Fleet, type FleetOptions } from './fleet.ts';
import { beginLives } from './lives.ts';

const normal = { agents: 40, historyHours: 24, threatsPerDay: 16, loginsPerDay: 120, latestSeconds: 45 };

/** A simulated fleet that changes over time: agents check in, threats appear and change, users log in. */
export function livingFleet(options: FleetOptions): Source {
  let fleet: Fleet | undefined;
  return {
    start(shelf, nowMs) {
      const complete = { ...normal, ...options };
      fleet = createFleet(complete, shelf, microsOf(nowMs - complete.historyHours * 3_600_000));
      enlist(fleet);
      beginLives(fleet);
      fleet.schedule.advanceTo(microsOf(nowMs));
    },
    advanceTo(nowMs) {
      fleet?.schedule.advanceTo(microsOf(nowMs));
    },
  };
}
