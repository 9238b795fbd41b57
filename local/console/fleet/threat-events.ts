import { activities } from './activities.ts';
import type { Agent } from './agent.ts';
import type { Fleet } from './fleet.ts';
import { createThreat, mitigation, type Threat } from './threat.ts';
import { written } from './world.ts';

const minute = 60;
const hour = 60 * minute;

/** One step in the mitigation of a threat, some time after the previous step. */
interface Step {
  afterSeconds: [min: number, max: number];
  take: (fleet: Fleet, threat: Threat, agent: Agent) => void;
}

function mitigate(fleet: Fleet, threat: Threat, action: string) {
  threat.mitigationStatus.push(mitigation(fleet.schedule.now(), action, 'success', fleet.random));
  Object.assign(threat.threatInfo, {
    mitigationStatus: 'mitigated',
    mitigationStatusDescription: 'Mitigated',
  });
}

function setStatus(fleet: Fleet, threat: Threat, agent: Agent, status: string, description: string) {
  Object.assign(threat.threatInfo, { incidentStatus: status, incidentStatusDescription: description });
  fleet.addActivity(agent, activities.statusChanged(threat, agent, fleet.random.pick(fleet.operators)));
}

const steps: Step[] = [
  {
    afterSeconds: [2, 30],
    take(fleet, threat, agent) {
      mitigate(fleet, threat, 'kill');
      fleet.addActivity(agent, activities.killed(threat, agent));
    },
  },
  {
    afterSeconds: [1, 20],
    take(fleet, threat, agent) {
      mitigate(fleet, threat, 'quarantine');
      fleet.addActivity(agent, activities.quarantined(threat, agent));
    },
  },
  {
    afterSeconds: [5 * minute, 3 * hour],
    take: (fleet, threat, agent) => setStatus(fleet, threat, agent, 'in_progress', 'In progress'),
  },
  {
    afterSeconds: [10 * minute, 4 * hour],
    take(fleet, threat, agent) {
      const real = fleet.random.chance(0.7);
      threat.threatInfo.analystVerdict = real ? 'true_positive' : 'false_positive';
      threat.threatInfo.analystVerdictDescription = real ? 'True positive' : 'False positive';
      fleet.addActivity(agent, activities.verdictChanged(threat, agent, fleet.random.pick(fleet.operators)));
    },
  },
  {
    afterSeconds: [10, 10 * minute],
    take(fleet, threat, agent) {
      setStatus(fleet, threat, agent, 'resolved', 'Resolved');
      fleet.open.delete(threat);
      agent.activeThreats -= 1;
      agent.infected = agent.activeThreats > 0;
    },
  },
];

function follow(fleet: Fleet, threat: Threat, agent: Agent, [step, ...rest]: Step[]) {
  if (!step) return;
  fleet.schedule.in(fleet.random.spread(...step.afterSeconds), () => {
    step.take(fleet, threat, agent);
    threat.threatInfo.updatedAt = written(fleet.schedule.now());
    fleet.showThreat(threat, agent);
    follow(fleet, threat, agent, rest);
  });
}

/** Creates a threat on an agent and schedules its mitigation. */
export const startThreat = (fleet: Fleet) => {
  const { agents, random, schedule, open } = fleet;
  const [first, ...rest] = agents.filter(({ isActive }) => isActive);
  if (!first) return;
  const agent = random.pick([first, ...rest]);
  const threat = createThreat(schedule.now(), agent, random);
  open.set(threat, agent);
  agent.activeThreats += 1;
  agent.infected = true;
  fleet.showThreat(threat, agent);
  fleet.addActivity(agent, activities.threatFound(threat, agent));
  follow(fleet, threat, agent, steps);
};
