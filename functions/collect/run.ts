import type { ConsolePorts } from '../console/api.ts';
import { Consoles } from '../console/consoles.ts';
import { type Fleet, fleetOf } from '../health/fleet.ts';
import type { Instances } from '../instances/ports.ts';
import { type Subject, subjectOf } from '../instances/subject.ts';
import { inTurns } from '../kit/concurrency.ts';
import type { Stream } from '../streams/stream.ts';
import { isQuarantined, killedRunsOf } from './bounds/quarantine.ts';
import { dueOf } from './due.ts';
import type { CursorItem } from './ports.ts';
import type { Settings } from './settings.ts';
import { handOver, type Shards } from './shards.ts';
import { type InstanceRun, type Invocation, type TurnContext, type TurnPorts, turn } from './turn.ts';

/** One contract suite runs against every adapter and every fake. */
export interface RunPorts extends TurnPorts, ConsolePorts {
  readonly instances: Instances;
  readonly shards: Shards;
}

export interface RunSummary {
  /** All instances, or those of the shard. */
  readonly instances: number;
  readonly due: number;
  /** The due instances that other invocations poll. */
  readonly handedOver: number;
  /**
   * Why another invocation could not be started, so that this one polled its instances too; undefined if all were
   * started.
   */
  readonly refusal: string | undefined;
  /** A shard that started more than half a cadence after its tick, so that the next tick is near. */
  readonly isLateShard: boolean;
  /**
   * The other due instances that were not polled, because no time was left or another invocation holds their claim.
   */
  readonly notReached: number;
  /** Undefined for a shard, which knows only its own instances. */
  readonly fleet: Fleet | undefined;
}

/** Polls one stream of every instance that is due. Throws only if the tables cannot be read. */
export async function run(
  stream: Stream,
  invocation: Invocation,
  settings: Settings,
  ports: RunPorts,
): Promise<RunSummary> {
  const { instances: shard, scheduledAt } = invocation;
  const isLateShard =
    shard !== undefined && ports.clock.now() - scheduledAt > (stream.cadenceMinutes * 60_000) / 2;
  const items = await ports.instances.list(shard);
  const subjects = items.map((item) => subjectOf(item, stream, settings.instanceRules));
  const names = subjects.map(({ name }) => name);
  const known = await ports.cursors.read(stream.name, names);
  const due = await dueOf(subjects, known, stream, scheduledAt, ports.secrets);
  // Shards are never divided again.
  const most = shard === undefined ? settings.instancesPerRun : Number.POSITIVE_INFINITY;
  const { own, handedOver, refusal } = await handOver(due, most, scheduledAt, ports.shards);
  const context = { stream, invocation, settings, consoles: new Consoles(settings, ports), ports };
  const runs = await pollAll(own, known, context);
  const saved = new Map(runs.map(({ subject, item }) => [subject.name, item]));
  const members = subjects.map((subject) => ({
    subject,
    item: saved.get(subject.name) ?? known.get(subject.name),
  }));
  return {
    instances: subjects.length,
    due: due.length,
    handedOver,
    refusal,
    isLateShard,
    notReached: runs.filter(({ result }) => result === undefined).length,
    fleet: shard === undefined ? fleetOf(members, stream, ports.clock.now(), settings.quietMs) : undefined,
  };
}

/**
 * Polls the instances in turns. Those that may kill the run come last, one at a time, the likeliest at the end, in time
 * that is reserved for them.
 */
async function pollAll(
  subjects: readonly Subject[],
  known: ReadonlyMap<string, CursorItem>,
  context: TurnContext,
): Promise<readonly InstanceRun[]> {
  const { invocation, settings, ports } = context;
  const now = ports.clock.now();
  const all = subjects.map((subject): InstanceRun => {
    const item = known.get(subject.name);
    return {
      subject,
      killedRuns: killedRunsOf(item, now),
      isQuarantined: isQuarantined(item, now),
      startedAt: undefined,
      requests: 0,
      result: undefined,
      item: undefined,
    };
  });
  const trusted = all.filter(({ killedRuns }) => killedRuns === 0);
  const suspects = all.filter(({ killedRuns }) => killedRuns > 0).sort((a, b) => a.killedRuns - b.killedRuns);
  const reservedMs = suspects.length > 0 ? invocation.remainingMs() / 4 : 0;
  const shorter = { ...invocation, remainingMs: () => invocation.remainingMs() - reservedMs };
  const inTime = { ...context, invocation: shorter };
  return [
    ...(await inTurns(trusted, settings.instancesAtOnce, (one, contended) => turn(one, inTime, contended))),
    ...(await inTurns(suspects, 1, (one, contended) => turn(one, context, contended))),
  ];
}
