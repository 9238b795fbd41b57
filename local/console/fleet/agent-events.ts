import { activities } from './activities.ts';
import { type Agent, createAgent } from './agent.ts';
import type { Fleet } from './fleet.ts';
import { agentVersions } from './names.ts';
import { written } from './world.ts';

const minute = 60;
const hour = 60 * minute;

const touch = ({ schedule }: Fleet, agent: Agent) => {
  agent.updatedAt = written(schedule.now());
};

/** An agent's threats show its current state, although the threats have not changed. */
function showThreatsOf(fleet: Fleet, agent: Agent) {
  for (const [threat, on] of fleet.open) if (on === agent) fleet.showThreat(threat, agent);
}

function goOffline(fleet: Fleet, agent: Agent) {
  agent.isActive = false;
  agent.networkStatus = 'disconnected';
  fleet.schedule.in(fleet.random.spread(hour, 8 * hour), () => {
    agent.isActive = true;
    agent.networkStatus = 'connected';
    agent.externalIp = `198.51.100.${fleet.random.between(1, 254)}`;
    checkIn(fleet, agent);
  });
}

function scan(fleet: Fleet, agent: Agent) {
  agent.scanStatus = 'started';
  agent.scanStartedAt = written(fleet.schedule.now());
  fleet.addActivity(agent, activities.scanStarted(agent));
  fleet.schedule.in(fleet.random.spread(5 * minute, 40 * minute), () => {
    agent.scanStatus = 'finished';
    agent.scanFinishedAt = written(fleet.schedule.now());
    agent.lastSuccessfulScanDate = agent.scanFinishedAt;
    touch(fleet, agent);
    fleet.showAgent(agent);
    fleet.addActivity(agent, activities.scanFinished(agent));
  });
}

function update(fleet: Fleet, agent: Agent) {
  const from = agent.agentVersion;
  agent.agentVersion = agentVersions.at(-1) ?? from;
  if (agent.agentVersion !== from) fleet.addActivity(agent, activities.updated(agent, from));
}

/** The possible actions of an agent at a check-in, with their probabilities. */
const checkInActions: [chance: number, action: (fleet: Fleet, agent: Agent) => void][] = [
  [0.004, scan],
  [0.002, update],
];

function checkIn(fleet: Fleet, agent: Agent) {
  if (agent.isDecommissioned) return;
  const { random, schedule } = fleet;
  agent.lastActiveDate = written(schedule.now());
  touch(fleet, agent);
  for (const [chance, action] of checkInActions) if (random.chance(chance)) action(fleet, agent);
  const leaves = random.chance(0.01);
  if (leaves) {
    goOffline(fleet, agent);
    showThreatsOf(fleet, agent);
  } else schedule.in(random.spread(4 * minute, 12 * minute), () => checkIn(fleet, agent));
  fleet.showAgent(agent);
}

export const registerAgent = (fleet: Fleet) => {
  const { agents, random, schedule, places } = fleet;
  const agent = createAgent(schedule.now(), agents.length + 1, random.pick(places), random);
  agents.push(agent);
  fleet.addActivity(agent, activities.subscribed(agent));
  checkIn(fleet, agent);
};

export const decommission = (fleet: Fleet) => {
  const silent = fleet.agents.find(({ isActive, isDecommissioned }) => !isActive && !isDecommissioned);
  if (!silent) return;
  silent.isDecommissioned = true;
  touch(fleet, silent);
  fleet.showAgent(silent);
  fleet.addActivity(silent, activities.decommissioned(silent));
};

/** A policy change updates all agents of a site at once, so that many records have the same timestamp. */
export const changePolicy = (fleet: Fleet) => {
  const { random, places, agents, operators, schedule } = fleet;
  const place = random.pick(places);
  fleet.addActivity(place, activities.policyChanged(place, random.pick(operators)));
  for (const agent of agents.filter(({ siteId, isActive }) => isActive && siteId === place.siteId)) {
    agent.policyUpdatedAt = written(schedule.now());
    touch(fleet, agent);
    fleet.showAgent(agent);
  }
};

export function startCheckIns(fleet: Fleet) {
  for (const agent of fleet.agents.filter(({ isActive }) => isActive))
    fleet.schedule.in(fleet.random.spread(1, 12 * minute), () => checkIn(fleet, agent));
}
