import { type Fleet, fleetOf } from '../health/fleet.ts';
import { type Subject, subjectOf } from '../instances/subject.ts';
import { inTurns, semaphore } from '../kit/concurrency.ts';
import type { Stream } from '../streams/stream.ts';
import { dueOf } from './due.ts';
import type { Run } from './invocation.ts';
import type { Ports } from './ports.ts';
import type { Settings } from './settings.ts';
import { handOver } from './shards.ts';
import { largePagesAtOnce, turn, visitOf } from './visit.ts';

export interface RunSummary {
  /** Records in the instances table. */
  readonly instances: number;
  /** Of these, the ones whose time has come; of a shard, among its own. */
  readonly due: number;
  /** Of these, the ones that further runs poll. */
  readonly handedOver: number;
  /** Why further runs did not take all that they were to, and this one polled the rest; undefined where they did. */
  readonly refusal: string | undefined;
  /** A shard that began more than half a cadence after its tick: the next one is near. */
  readonly isLateShard: boolean;
  /** Of those that are due and were not handed over, the ones for which no time was left, or which another run has claimed. */
  readonly notReached: number;
  /** How all of them are now; undefined of a shard, which knows only its own. */
  readonly fleet: Fleet | undefined;
}

/** Polls one stream of every instance that is due. Throws only where the tables can't be read. */
export async function run(
  stream: Stream,
  invocation: Run,
  settings: Settings,
  ports: Ports,
): Promise<RunSummary> {
  const { instances: shard, scheduledAt } = invocation;
  const isLateShard = shard !== undefined && ports.clock.now() - scheduledAt > halfCadenceMs(stream);
  const items = await ports.instances.list();
  const subjects = items.map((item) => subjectOf(item, stream, settings.instanceRules));
  const candidates = shard === undefined ? subjects : among(subjects, shard);
  const known = await ports.cursors.read(
    stream.name,
    candidates.map(({ name }) => name),
  );
  const due = await dueOf(candidates, known, stream, invocation, ports);
  // A shard is never divided again: nobody hands over without end.
  const most = shard === undefined ? settings.instancesPerRun : Number.POSITIVE_INFINITY;
  const { own, handedOver, refusal } = await handOver(due, most, scheduledAt, ports);
  const context = { stream, invocation, settings, ports, largePages: semaphore(largePagesAtOnce) };
  const visits = own.map((subject) => visitOf(subject, context));
  await inTurns(visits, settings.instancesAtOnce, async (visit, contended) => ({
    item: visit,
    again: await turn(visit, contended),
  }));
  const notReached = visits.filter(({ ending }) => ending === undefined).length;
  const left = new Map(visits.map(({ subject, left }) => [subject.name, left]));
  const members = candidates.map((subject) => ({
    subject,
    item: left.get(subject.name) ?? known.get(subject.name),
  }));
  const fleet =
    shard === undefined ? fleetOf(members, stream, ports.clock.now(), settings.quietMs) : undefined;
  return {
    instances: subjects.length,
    due: due.length,
    handedOver,
    refusal,
    isLateShard,
    notReached,
    fleet,
  };
}

function halfCadenceMs({ cadenceMinutes }: Stream): number {
  return (cadenceMinutes * 60_000) / 2;
}

function among(subjects: readonly Subject[], names: readonly string[]): Subject[] {
  const wanted = new Set(names);
  return subjects.filter(({ name }) => wanted.has(name));
}
