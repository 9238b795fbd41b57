import type { Outcome } from '../../functions/collect/outcome.ts';
import type { Save } from '../../functions/collect/ports.ts';
import type { RunPorts } from '../../functions/collect/run.ts';
import { type Place, shardTaker } from '../../functions/collect/shards.ts';
import type { Answer, PageRequest } from '../../functions/console/api.ts';
import { TypeNames } from '../../functions/console/type-names.ts';
import type { Message } from '../../functions/deliver/packing.ts';
import type { Refusal } from '../../functions/deliver/ports.ts';
import {
  HeavyPageError,
  PermissionMissingError,
  RateLimitedError,
  RefusedRequestError,
  TokenRefusedError,
  UnreachableError,
} from '../../functions/errors.ts';
import type { LedgerHour } from '../../functions/health/receipt.ts';
import type { CursorKey } from '../../functions/instances/ports.ts';
import type { Random } from '../../local/console/fleet/random.ts';
import type { VirtualClock } from '../fakes/clock.ts';
import { boundsIn, type FakeConsole } from '../fakes/console.ts';
import type { FakeCursors } from '../fakes/cursors.ts';
import type { FakeLedger } from '../fakes/ledger.ts';
import { FakeQueue } from '../fakes/queue.ts';
import type {
  FakeInstances,
  FakeOverflow,
  FakeSecrets,
  FakeShards,
  FakeTokenHosts,
} from '../fakes/stores.ts';
import { bodyOf } from '../support/artifacts.ts';
import type { FaultKind, Plan } from './plan.ts';
import type { CallSite, Chronicle, Process } from './process.ts';

/** What all processes of a world share. */
export interface Services {
  readonly clock: VirtualClock;
  readonly console: FakeConsole;
  readonly cursors: FakeCursors;
  readonly ledger: FakeLedger;
  readonly instances: FakeInstances;
  readonly secrets: FakeSecrets;
  readonly shards: FakeShards;
  readonly tokenHosts: FakeTokenHosts;
  readonly queue: PoisonedQueue;
  readonly overflow: FakeOverflow;
}

/** A queue that refuses for good whatever holds a poisoned record's bytes. */
export class PoisonedQueue extends FakeQueue {
  override refuses(body: string): string | undefined {
    return body.includes('\\"poison\\":true') ? 'InvalidMessageContents' : super.refuses(body);
  }
}

export interface Weather {
  readonly plan: Plan;
  readonly random: Random;
  /** Faults faultFor only while they last. */
  readonly stormy: () => boolean;
  readonly chronicle: Chronicle;
  /** Told of faults after which the same records may come again. */
  readonly excuse: (process: Process) => void;
  /** Rotates the instances' secret. */
  readonly rotate: () => void;
  readonly onReport: (outcome: Outcome) => void;
  /** Starts the further run, now or later. */
  readonly onShard: (place: Place, scheduledAt: number) => void;
  readonly onCommit: (instance: string, save: Save, process: Process) => void;
  /** The console counts an hour, given by its start. */
  readonly onCount: (hour: string, process: Process) => void;
  readonly onHour: (instance: string, hour: LedgerHour, process: Process) => void;
  /** Records what a process did that it must never do. */
  readonly accuse: (verdict: string) => void;
}

/** What a request of either kind of source says. */
function saidIn({ query, json }: PageRequest) {
  const { first, after } =
    (json as { variables?: { first?: number; after?: string } } | undefined)?.variables ?? {};
  return { isGraphql: json !== undefined, limit: first ?? Number(query.limit), token: after ?? query.cursor };
}

/** The hour that a request counts, by its start. */
function countedHour({ query, json }: PageRequest): string | undefined {
  if (query.countOnly === 'true') return query.createdAt__gte;
  const text = (json as { query?: string } | undefined)?.query ?? '';
  const bounds = text.includes('totalCount') ? boundsIn(text) : [];
  const from = bounds.find(({ field }) => field === 'createdAt')?.from;
  return from === undefined ? undefined : new Date(from).toISOString().replace('Z', '000Z');
}

const tokensEnd = /"nextCursor":(null|"[^"]*")/;
const cursorsEnd = /"endCursor":(null|"[^"]*")/;

/** One process's ports: the shared services, with latency, faults and kills between. */
export function portsOf(process: Process, services: Services, weather: Weather): RunPorts {
  const { clock, console, cursors, ledger, instances, secrets, shards, tokenHosts, queue, overflow } =
    services;
  const { plan, random, chronicle } = weather;
  const skew = random.spread(-1, 1) * plan.ourSkewMs;
  const latency = () => random.wait(plan.latencyMs);

  const strikes = (kind: FaultKind): boolean => {
    if (!weather.stormy() || !random.chance(plan.rates.get(kind) ?? 0)) return false;
    chronicle.faults.set(kind, (chronicle.faults.get(kind) ?? 0) + 1);
    chronicle.tell(`${process.name}: ${kind}`);
    return true;
  };
  /** A call that may fail without effect, or have an effect without an answer. */
  const fallible = <T>(
    site: CallSite,
    effect: () => Promise<T>,
    fails: FaultKind,
    lost?: FaultKind,
  ): Promise<T> =>
    process.call(site, latency(), async () => {
      if (strikes(fails)) throw new Error(`${fails} (simulated)`);
      if (lost === undefined || !strikes(lost)) return effect();
      weather.excuse(process);
      await effect();
      throw new Error(`${lost} (simulated)`);
    });

  const get = async (request: PageRequest): Promise<Answer> => {
    const sentAt = clock.now();
    const site = request.path === '/system/info' ? 'check token' : 'get page';
    const slow = strikes('page-slow')
      ? random.next() * 200_000
      : strikes('page-timeout')
        ? Number.POSITIVE_INFINITY
        : Math.max(latency(), weather.stormy() ? random.next() * plan.slowestPageMs : 0);
    if (slow >= request.timeoutMs || saidIn(request).limit > plan.heavyAbove) {
      return process.call(site, request.timeoutMs, async () => {
        throw new HeavyPageError('took too long (simulated)');
      });
    }
    return process.call(site, slow, async () => {
      const failure = troubleOf(request);
      if (failure !== undefined) throw failure;
      const answer = await console.get(request);
      const hour = countedHour(request);
      if (hour !== undefined) weather.onCount(hour, process);
      const dateMs = strikes('page-without-date') ? undefined : answer.dateMs;
      return {
        ...answer,
        body: Buffer.from(bodyAfter(request, answer.body.toString())),
        dateMs,
        tookMs: clock.now() - sentAt + slow / 2,
      };
    });
  };

  /** Such a death needs a reason to check. */
  const diesAtCheck = () => weather.stormy() && process.death?.site?.startsWith('check token') === true;
  const troubleOf = (request: PageRequest): Error | undefined => {
    const { path } = request;
    if (strikes('secret-rotated')) weather.rotate();
    if (strikes('page-429')) return new RateLimitedError('429 (simulated)');
    if (strikes('page-429-retry-after'))
      return new RateLimitedError('429 (simulated)', random.pick([0, 5_000, 20_000, 400_000]));
    if (strikes('page-5xx')) return new UnreachableError('503 (simulated)', 'wait');
    if (strikes('page-reset')) return new UnreachableError('ECONNRESET (simulated)', 'wait');
    if (path !== '/system/info' && (diesAtCheck() || strikes('page-401')))
      return new TokenRefusedError('401 (simulated)');
    if (strikes('page-403')) return new PermissionMissingError('403 (simulated)');
    if (saidIn(request).token === undefined) return undefined;
    const refused = weather.stormy() && plan.trouble === 'tokens-never-taken';
    return refused || strikes('token-refused')
      ? new RefusedRequestError('400: Invalid cursor (simulated)')
      : undefined;
  };

  const bodyAfter = (request: PageRequest, body: string): string => {
    const { isGraphql, token } = saidIn(request);
    if (weather.stormy() && plan.trouble === 'page-never-fits' && body.includes('"heavy":true'))
      throw new HeavyPageError('too big (simulated)');
    if (strikes('page-html')) return '<html>down for maintenance</html>';
    if (strikes('page-cut-off')) return body.slice(0, random.between(0, body.length - 1));
    if (token !== undefined && strikes('token-repeated')) {
      return isGraphql
        ? body.replace(cursorsEnd, `"endCursor":${JSON.stringify(token)}`)
        : body.replace(tokensEnd, `"nextCursor":${JSON.stringify(encodeURIComponent(token))}`);
    }
    if (isGraphql) return graphqlAfter(body, token);
    const end = body.includes('"nextCursor":null');
    return end && strikes('token-null-text') ? body.replace(tokensEnd, '"nextCursor":"null"') : body;
  };

  const graphqlAfter = (body: string, token: string | undefined): string => {
    const errors = (message: string) => JSON.stringify({ errors: [{ message }], data: null });
    if (strikes('graphql-error')) return errors('Internal server error (simulated)');
    if (strikes('graphql-field-unknown'))
      return errors(
        `Cannot query field "${random.pick(['ticketId', 'observables', 'value'])}" on type "Alert".`,
      );
    // The same page again, or from the start.
    if (body.includes('"edges"') && strikes('graphql-empty-page'))
      return `{"data":{"alerts":{"pageInfo":{"hasNextPage":true,"endCursor":${JSON.stringify(token ?? null)}},"edges":[]}}}`;
    if (strikes('graphql-cursor-missing')) return body.replace(cursorsEnd, '"endCursor":null');
    return body;
  };

  /** Since its claim, by instance: what was sent and is not remembered, and the last cursor that was committed. */
  const unremembered = new Set<string>();
  const committed = new Map<string, string>();
  const beginTurn = (instance: string) => {
    unremembered.delete(instance);
    committed.delete(instance);
  };
  const judgeCommit = (instance: string, cursor: Save['cursor']) => {
    if (cursor === undefined) return;
    if (unremembered.has(instance))
      weather.accuse(`the position of ${instance} moves before what was delivered is remembered`);
    const text = JSON.stringify(cursor);
    if (committed.get(instance) === text) weather.accuse(`a page of ${instance} is acknowledged twice`);
    committed.set(instance, text);
  };

  const send = (batch: readonly Message[], { instance, stream }: CursorKey): Promise<Refusal[]> =>
    fallible(
      'send',
      async () => {
        if (stream === plan.stream.name) unremembered.add(instance);
        const refused = batch.filter(() => strikes('queue-refuses-some'));
        const rest = batch.filter((message) => !refused.includes(message));
        const refusals = rest.length > 0 ? await queue.send(rest) : [];
        for (const { message } of refusals)
          if (bodyOf(message).includes('poison')) count('queue-refuses-for-good');
        return [
          ...refusals,
          ...refused.map((message) => ({ message, permanent: false, reason: 'simulated' })),
        ];
      },
      'queue-fails',
      'queue-answer-lost',
    );
  const count = (kind: FaultKind) => chronicle.faults.set(kind, (chronicle.faults.get(kind) ?? 0) + 1);

  return {
    sentinelone: {
      get,
      // Nothing hangs on it, so it draws no chance of its own: in a storm it always fails.
      expiry: async (request) => {
        if (weather.stormy()) throw new UnreachableError('503 (simulated)', 'wait');
        return console.expiry(request);
      },
    },
    instances: {
      list: (names) => fallible('list instances', () => instances.list(names), 'table-read-fails'),
      async *pages() {
        yield await fallible('list instances', () => instances.list(), 'table-read-fails');
      },
      // With `tokenHosts`: once for a token, so they draw no chance of their own.
      read: (name) => instances.read(name),
    },
    tokenHosts,
    typeNames: new TypeNames(),
    secrets: {
      read: (...asked) => fallible('read secret', () => secrets.read(...asked), 'secret-unreadable'),
    },
    queue: { send },
    overflow: {
      put: (key, body) => fallible('put overflow', () => overflow.put(key, body), 'overflow-fails'),
    },
    cursors: {
      read: (stream, names) =>
        fallible('read cursors', () => cursors.read(stream, names), 'table-read-fails'),
      claim: (claim, now, until) => {
        beginTurn(claim.instance);
        return fallible('claim', () => cursors.claim(claim, now, until), 'claim-fails', 'claim-answer-lost');
      },
      save: (claim, save) =>
        fallible(
          save.claimUntil === undefined ? 'release' : 'commit',
          async () => {
            await cursors.save(claim, save);
            // With the status it is the end of a turn, after which an hour may have been read again in part.
            if (save.status === undefined) judgeCommit(claim.instance, save.cursor);
            weather.onCommit(claim.instance, save, process);
          },
          'save-fails',
          'save-answer-lost',
        ),
      readMemory: (key, lineage) =>
        fallible('read memory', () => cursors.readMemory(key, lineage), 'memory-read-fails'),
      writeMemory: (key, lineage, memory, writer) =>
        fallible(
          'write memory',
          async () => {
            await cursors.writeMemory(key, lineage, memory, writer);
            unremembered.delete(key.instance);
          },
          'memory-write-fails',
          'memory-write-answer-lost',
        ),
    },
    ledger: {
      write: (key, hours, checkedAt) =>
        fallible(
          'write ledger',
          async () => {
            await ledger.write(key, hours, checkedAt);
            for (const hour of hours) weather.onHour(key.instance, hour, process);
          },
          'ledger-write-fails',
        ),
      // Nothing hangs on it, so it draws no chance of its own.
      append: (change) => ledger.append(change),
      read: async () => undefined,
    },
    shards: {
      offer: (...asked) => fallible('hand over', () => shards.offer(...asked), 'hand-over-fails'),
      take: (place) =>
        fallible('hand over', () => shardTaker(shards)(place), 'hand-over-fails', 'hand-over-answer-lost'),
      start: (...asked) =>
        fallible(
          'hand over',
          async () => weather.onShard(...asked),
          'hand-over-fails',
          'hand-over-answer-lost',
        ),
    },
    clock: {
      now: () => Math.floor(clock.now() + skew),
      random: clock.random,
      sleep: (ms, signal) =>
        process.call('sleep', 0, async () => {
          await clock.sleep(ms, signal);
        }),
    },
    report: (outcome) => weather.onReport(outcome),
    reportSuspect: () => {},
    reportChange: () => {},
  };
}
