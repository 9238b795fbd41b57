import type { Agent } from './agent.ts';
import type { Fleet } from './fleet.ts';
import { say } from './say.ts';
import { createThreat, mitigation, type Threat } from './threat.ts';
import { written } from './world.ts';

const minute = 60;
const hour = 60 * minute;

/** One thing that is done about a threat, some time after the last. */
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
  fleet.say(agent, say.statusChanged(threat, agent, fleet.random.pick(fleet.operators)));
}

const steps: Step[] = [
  {
    afterSeconds: [2, 30],
    take(fleet, threat, agent) {
      mitigate(fleet, threat, 'kill');
      fleet.say(agent, say.killed(threat, agent));
    },
  },
  {
    afterSeconds: [1, 20],
    take(fleet, threat, agent) {
      mitigate(fleet, threat, 'quarantine');
      fleet.say(agent, say.quarantined(threat, agent));
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
      fleet.say(agent, say.verdictChanged(threat, agent, fleet.random.pick(fleet.operators)));
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

/** A threat appears on an agent, and is dealt with in its own time. */
export const strike = (fleet: Fleet) => {
  const { agents, random, schedule, open } = fleet;
  const [first, ...rest] = agents.filter(({ isActive }) => isActive);
  if (!first) return;
  const agent = random.pick([first, ...rest]);
  const threat = createThreat(schedule.now(), agent, random);
  open.set(threat, agent);
  agent.activeThreats += 1;
  agent.infected = true;
  fleet.showThreat(threat, agent);
  fleet.say(agent, say.threatFound(threat, agent));
  follow(fleet, threat, agent, steps);
};
