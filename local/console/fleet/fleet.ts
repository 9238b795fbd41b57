import type { RecordSink } from '../console.ts';
import type { Micros } from '../time.ts';
import { type ActivityDetails, createActivity, type Operator } from './activity.ts';
import { type Agent, createAgent } from './agent.ts';
import { operators } from './names.ts';
import { type Printable, print } from './print.ts';
import { createRandom, type NonEmpty, type Random } from './random.ts';
import { createSchedule, type Schedule } from './schedule.ts';
import { agentNow, type Threat } from './threat.ts';
import { createPlaces, daysBefore, idAt, type Place } from './world.ts';

export interface FleetOptions {
  /** The same seed and time range give the same records. */
  seed: string;
  agents?: number;
  /** Hours of history when the console starts. */
  historyHours?: number;
  threatsPerDay?: number;
  loginsPerDay?: number;
  /** In addition to one of each threat. */
  alertsPerDay?: number;
  /** How much later than its own timestamp a record may become visible; most take a second or two. */
  latestSeconds?: number;
}

export interface Fleet {
  options: Required<FleetOptions>;
  random: Random;
  schedule: Schedule;
  places: NonEmpty<Place>;
  operators: NonEmpty<Operator>;
  agents: Agent[];
  /** Threats that are not resolved. */
  open: Map<Threat, Agent>;
  /** Publishes the current state of the agent after a short delay. */
  showAgent(agent: Agent): void;
  showThreat(threat: Threat, agent: Agent): void;
  addActivity(place: Place, details: ActivityDetails): void;
}

/** A third of the records have all non-ASCII characters escaped; both forms are valid JSON. */
const write = (id: string, record: Printable) => print(record, { ascii: BigInt(id) % 3n === 0n });

/** Creates an empty fleet that stores its records in `sink`. */
export function createFleet(options: Required<FleetOptions>, sink: RecordSink, start: Micros): Fleet {
  const random = createRandom(options.seed);
  const schedule = createSchedule(start);
  const pending = new Set<Agent | Threat>();
  const places = createPlaces(`${options.seed} & Söhne`, start, random);
  const [first, ...rest] = operators.map(([name, mail]) => ({
    id: idAt(daysBefore(start, 600, random), random),
    name,
    mail,
  }));
  if (!first) throw new Error('the list of operators is empty');

  const delay = () => (random.chance(0.95) ? random.next() * 2 : random.next() * options.latestSeconds);
  /** A record that changes again before it is visible becomes visible once, with its latest state. */
  const soon = (record: Agent | Threat, show: () => void) => {
    if (pending.has(record)) return;
    pending.add(record);
    schedule.in(delay(), () => {
      pending.delete(record);
      show();
    });
  };

  return {
    options,
    random,
    schedule,
    places,
    operators: [first, ...rest],
    agents: [],
    open: new Map(),
    showAgent: (agent) => soon(agent, () => sink.put('agents', write(agent.id, agent))),
    showThreat: (threat, agent) =>
      soon(threat, () =>
        sink.put('threats', write(threat.id, { ...threat, agentRealtimeInfo: agentNow(agent) })),
      ),
    addActivity(place, details) {
      const activity = createActivity(schedule.now(), place, details, random);
      const text = write(activity.id, activity);
      schedule.in(delay(), () => sink.put('activities', text, details.hidden ? { hidden: true } : {}));
    },
  };
}

/** Adds the initial agents: most are active, some are offline, some are decommissioned. */
export function addAgents(fleet: Fleet) {
  const { options, random, schedule, places, agents } = fleet;
  for (let number = 1; number <= options.agents; number++) {
    const since = daysBefore(schedule.now(), random.between(2, 700), random);
    const agent = createAgent(since, number, random.pick(places), random);
    const draw = random.next();
    agent.isDecommissioned = draw < 0.05;
    agent.isUninstalled = draw >= 0.05 && draw < 0.08;
    agent.isActive = draw >= 0.15;
    agent.networkStatus = agent.isActive ? 'connected' : 'disconnected';
    agents.push(agent);
    fleet.showAgent(agent);
  }
}
