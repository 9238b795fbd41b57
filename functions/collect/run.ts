import type { ConsolePorts } from '../console/api.ts';
import { Consoles } from '../console/consoles.ts';
import { type Fleet, FleetSum, noticeMs } from '../health/fleet.ts';
import type { CursorStatus } from '../health/known-status.ts';
import { verdictOf } from '../health/verdict.ts';
import type { Instances } from '../instances/ports.ts';
import { type Subject, subjectOf } from '../instances/subject.ts';
import { inTurns } from '../kit/concurrency.ts';
import type { Stream } from '../streams/stream.ts';
import { isQuarantined, killedRunsOf } from './bounds/quarantine.ts';
import { isDue } from './due.ts';
import type { CursorItem } from './ports.ts';
import type { Settings } from './settings.ts';
import { handOver, type Place, type Shards, shardsOf } from './shards.ts';
import { type InstanceRun, type Invocation, type TurnContext, type TurnPorts, turn } from './turn.ts';

/** One contract suite runs against every adapter and every fake. */
export interface RunPorts extends TurnPorts, ConsolePorts {
  readonly instances: Instances;
  readonly shards: Shards;
}

export interface RunInvocation extends Invocation {
  /** The instances to poll if they are due; undefined: those of `place`, or every one. */
  readonly instances?: readonly string[] | undefined;
  /** Of a further run: where it finds its instances. */
  readonly place?: Place | undefined;
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

/** An instance with its cursor item, if it has one. */
interface Member {
  readonly subject: Subject;
  readonly item: CursorItem | undefined;
}

/** Polls one stream of every instance that is due. Throws only if the tables cannot be read. */
export async function run(
  stream: Stream,
  invocation: RunInvocation,
  settings: Settings,
  ports: RunPorts,
): Promise<RunSummary> {
  const { id, scheduledAt, place } = invocation;
  const { clock, shards } = ports;
  const names = place === undefined ? invocation.instances : ((await shards.take(place)) ?? []);
  const isShard = names !== undefined;
  const isLateShard = isShard && clock.now() - scheduledAt > (stream.cadenceMinutes * 60_000) / 2;
  const fleet = new FleetSum(noticeMs(stream));
  const count = ({ subject }: Member, item: CursorStatus | undefined) => {
    const now = clock.now();
    if (!isShard) fleet.add(verdictOf(subject, item, stream, now, settings.quietMs), now);
  };
  // Shards are never divided again.
  const most = isShard ? Number.POSITIVE_INFINITY : settings.instancesPerRun;
  const found = await readDue(stream, { ...invocation, instances: names }, most, settings, ports, count);
  let { own } = found;
  let refusal: string | undefined;
  if (found.due > most) {
    const division = await handOver(shardsOf(found.parts, most), id, scheduledAt, shards);
    refusal = division.refusal;
    own = await membersOf(await ports.instances.list(division.own), stream, settings, ports);
  }
  const context = { stream, invocation, settings, consoles: new Consoles(settings, ports), ports };
  const runs = await pollAll(own, context);
  if (found.due <= most) {
    const saved = new Map(runs.map(({ subject, item }) => [subject, item]));
    for (const member of own) count(member, saved.get(member.subject) ?? member.item);
  }
  return {
    instances: found.instances,
    due: found.due,
    handedOver: found.due - own.length,
    refusal,
    isLateShard,
    notReached: runs.filter(({ result }) => result === undefined).length,
    fleet: isShard ? undefined : fleet.fleet,
  };
}

interface Due {
  readonly instances: number;
  readonly due: number;
  /** The members that are due; none if these are more than `most`. */
  readonly own: readonly Member[];
  /** The names of the due instances among each `most` instances of the table. */
  readonly parts: readonly (readonly string[])[];
}

/**
 * Reads the instances page by page, and keeps only those that are due, or their names.
 * @param count called with every member that is not returned
 */
async function readDue(
  stream: Stream,
  { instances: names, scheduledAt }: RunInvocation,
  most: number,
  settings: Settings,
  ports: RunPorts,
  count: (member: Member, item: CursorItem | undefined) => void,
): Promise<Due> {
  let [instances, due] = [0, 0];
  let own: Member[] = [];
  const parts: string[][] = [];
  for await (const page of names === undefined ? ports.instances.pages() : [ports.instances.list(names)]) {
    const members = await membersOf(page, stream, settings, ports);
    const areDue = await Promise.all(
      members.map(({ subject, item }) => isDue(subject, stream, scheduledAt, item, ports.secrets)),
    );
    for (const [i, member] of members.entries()) {
      const part = Math.floor(instances / most);
      parts[part] ??= [];
      instances += 1;
      if (areDue[i]) {
        due += 1;
        parts[part].push(member.subject.name);
        own.push(member);
        if (due <= most) continue;
        for (const one of own) count(one, one.item);
        own = [];
      } else count(member, member.item);
    }
  }
  return { instances, due, own, parts };
}

async function membersOf(
  items: readonly Readonly<Record<string, unknown>>[],
  stream: Stream,
  { instanceRules }: Settings,
  { cursors }: RunPorts,
): Promise<Member[]> {
  const subjects = items.map((item) => subjectOf(item, stream, instanceRules));
  const known = await cursors.read(
    stream.name,
    subjects.map(({ name }) => name),
  );
  return subjects.map((subject) => ({ subject, item: known.get(subject.name) }));
}

/**
 * Polls the instances in turns, those first that were not polled for the longest time, so that instances which one run
 * does not reach are early in the next. Those that may kill the run come last, one at a time, the likeliest at the end, in time
 * that is reserved for them.
 */
async function pollAll(members: readonly Member[], context: TurnContext): Promise<readonly InstanceRun[]> {
  const { invocation, settings, ports } = context;
  const now = ports.clock.now();
  const lastPoll = ({ item }: Member) => item?.status.lastPollAt ?? '';
  const sorted = members.toSorted((a, b) => lastPoll(a).localeCompare(lastPoll(b)));
  const all = sorted.map(
    ({ subject, item }): InstanceRun => ({
      subject,
      killedRuns: killedRunsOf(item, now),
      isQuarantined: isQuarantined(item, now),
      startedAt: undefined,
      requests: 0,
      result: undefined,
      item: undefined,
    }),
  );
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
