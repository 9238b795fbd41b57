import type { ConsolePorts } from '../console/api.ts';
import { Consoles } from '../console/consoles.ts';
import { type Fleet, fleetOf } from '../health/fleet.ts';
import type { Instances } from '../instances/ports.ts';
import { subjectOf } from '../instances/subject.ts';
import { inTurns } from '../kit/concurrency.ts';
import type { Stream } from '../streams/stream.ts';
import { isQuarantined, killedRunsOf } from './bounds/quarantine.ts';
import { dueOf } from './due.ts';
import type { Settings } from './settings.ts';
import { handOver, type Shards } from './shards.ts';
import { type InstanceRun, type Invocation, type TurnContext, type TurnPorts, turn } from './turn.ts';

/** One contract suite runs against every adapter and every fake. */
export interface RunPorts extends TurnPorts, ConsolePorts {
  readonly instances: Instances;
  readonly shards: Shards;
}

export interface RunSummary {
  /** For a shard, of its own. */
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
  const now = ports.clock.now();
  const all = own.map((subject): InstanceRun => {
    const item = known.get(subject.name);
    const killedRuns = killedRunsOf(item, now);
    const nothing = { startedAt: undefined, requests: 0, result: undefined, item: undefined };
    return { subject, killedRuns, isQuarantined: isQuarantined(item, now), ...nothing };
  });
  // Instances that may kill the run come last, one at a time, the likeliest at the end, in reserved time.
  const trusted = all.filter(({ killedRuns }) => killedRuns === 0);
  const suspects = all.filter(({ killedRuns }) => killedRuns > 0).sort((a, b) => a.killedRuns - b.killedRuns);
  const keptMs = suspects.length > 0 ? invocation.remainingMs() / 4 : 0;
  const context = { stream, invocation, settings, consoles: new Consoles(settings, ports), ports };
  const pollAll = (runs: readonly InstanceRun[], atOnce: number, ofContext: TurnContext) =>
    inTurns(runs, atOnce, (one, contended) => turn(one, ofContext, contended));
  const shorter = { ...invocation, remainingMs: () => invocation.remainingMs() - keptMs };
  const runs = [
    ...(await pollAll(trusted, settings.instancesAtOnce, { ...context, invocation: shorter })),
    ...(await pollAll(suspects, 1, context)),
  ];
  const left = new Map(runs.map(({ subject, item }) => [subject.name, item]));
  const members = subjects.map((subject) => ({
    subject,
    item: left.get(subject.name) ?? known.get(subject.name),
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
