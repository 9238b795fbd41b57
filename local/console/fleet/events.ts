import { activities } from './activities.ts';
import { changePolicy, decommission, registerAgent, startCheckIns } from './agent-events.ts';
import type { Fleet } from './fleet.ts';
import { ruleAlert } from './rule-alert.ts';
import { startThreat } from './threat-events.ts';
import { idAt } from './world.ts';

const day = 86_400;

type FleetEvent = (fleet: Fleet) => void;

function repeatAtRandom(fleet: Fleet, perDay: number, event: FleetEvent) {
  if (perDay <= 0) return;
  fleet.schedule.in(fleet.random.wait(day / perDay), () => {
    event(fleet);
    repeatAtRandom(fleet, perDay, event);
  });
}

const logIn: FleetEvent = (fleet) => {
  const { random, operators, places } = fleet;
  const operator = random.pick(operators);
  const address = `203.0.113.${random.between(1, 254)}`;
  const failed = random.chance(0.15);
  const attempt = failed ? activities.loginFailed : activities.loggedIn;
  fleet.addActivity(places[0], attempt(places[0], operator, address));
};

const useToken: FleetEvent = ({ random, operators, places, addActivity }) =>
  addActivity(places[0], activities.apiTokenUsed(places[0], random.pick(operators)));

const alert: FleetEvent = (fleet) => {
  const { random, agents, schedule } = fleet;
  const agent = agents[random.between(0, agents.length - 1)];
  if (!agent) return;
  const id = () => idAt(schedule.now(), random);
  fleet.addActivity(agent, ruleAlert(agent, id(), id(), random));
};

/** Events of a normal day that need no action. */
const routine: FleetEvent = ({ random, operators, places, agents, addActivity }) => {
  const [place, operator, agent] = [random.pick(places), random.pick(operators), agents[0]];
  const events = [
    () => addActivity(place, activities.exclusionAdded(place, operator, 'C:\\Backup\\agent.exe')),
    () => addActivity(places[0], activities.userAdded(places[0], operator, 'new.colleague')),
    () => agent && addActivity(agent, activities.deviceConnected(agent)),
    () =>
      agent && addActivity(agent, activities.trafficBlocked(agent, `203.0.113.${random.between(1, 254)}`)),
  ] as const;
  random.pick(events)();
};

export function startEvents(fleet: Fleet) {
  const { options } = fleet;
  startCheckIns(fleet);
  repeatAtRandom(fleet, options.threatsPerDay, startThreat);
  repeatAtRandom(fleet, options.loginsPerDay, logIn);
  repeatAtRandom(fleet, 24, useToken);
  repeatAtRandom(fleet, 6, changePolicy);
  repeatAtRandom(fleet, 30, alert);
  repeatAtRandom(fleet, 24, routine);
  repeatAtRandom(fleet, 2, registerAgent);
  repeatAtRandom(fleet, 1, decommission);
}
