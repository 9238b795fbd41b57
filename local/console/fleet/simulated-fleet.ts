import type { Source } from '../console.ts';
import { microsOf } from '../time.ts';
import { startAlerts } from './alert-events.ts';
import { startEvents } from './events.ts';
import { addAgents, createFleet, type Fleet, type FleetOptions } from './fleet.ts';

const normal = {
  agents: 40,
  historyHours: 24,
  threatsPerDay: 16,
  loginsPerDay: 120,
  alertsPerDay: 40,
  latestSeconds: 45,
};

/** A simulated fleet that changes over time: agents check in, threats appear and change, users log in. */
export function simulatedFleet(options: FleetOptions): Source {
  let fleet: Fleet | undefined;
  return {
    start(sink, nowMs) {
      const complete = { ...normal, ...options };
      fleet = createFleet(complete, sink, microsOf(nowMs - complete.historyHours * 3_600_000));
      addAgents(fleet);
      startAlerts(fleet, sink);
      startEvents(fleet);
      fleet.schedule.advanceTo(microsOf(nowMs));
    },
    advanceTo(nowMs) {
      fleet?.schedule.advanceTo(microsOf(nowMs));
    },
  };
}
