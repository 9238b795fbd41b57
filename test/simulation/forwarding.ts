import fc from 'fast-check';
import { TokenRefusedError, UnreachableError } from '../../functions/errors.ts';
import { RequestRefusedError } from '../../functions/forward/errors.ts';
import { forward, type SharedState } from '../../functions/forward/forward.ts';
import type { Analytics, ForwardOutcome, ForwardPorts } from '../../functions/forward/ports.ts';
import type { ReceivedMessage } from '../../functions/forward/queued-artifacts.ts';
import { openSession } from '../../functions/forward/session.ts';
import type { Clock } from '../../functions/kit/clock.ts';
import { createRandom, type Random } from '../../local/console/fleet/random.ts';
import { FakeAnalytics } from '../fakes/analytics.ts';
import { VirtualClock } from '../fakes/clock.ts';
import { FakeDeadLetters } from '../fakes/queue.ts';
import { FakeAcceptedIds, FakeOverflow, FakeSecrets } from '../fakes/stores.ts';

/** What goes wrong with one call. */
const faultKinds = [
  'ingest-5xx',
  'ingest-429',
  'ingest-401',
  'hangs',
  'answer-lost',
  'slow',
  'search-403',
  'search-400',
  'search-5xx',
  'search-endless',
  'login-5xx',
  'tokens-revoked',
  'dead-letter-fails',
  'dead-letter-refused',
  'dead-letter-hangs',
  'table-read-fails',
  'table-read-hangs',
  'table-write-fails',
  'table-write-hangs',
  'overflow-fails',
  'overflow-hangs',
  'secret-fails',
] as const;
type FaultKind = (typeof faultKinds)[number];

/** What Analytics, the schema or the bucket makes of an artifact, and what has to become of it. */
const kinds = {
  good: 'accepted',
  old: 'accepted',
  untimed: 'accepted',
  future: 'accepted',
  twin: 'accepted',
  overflow: 'accepted',
  expired: 'accepted',
  'too large whole': 'accepted',
  changed: 'accepted',
  rejected: /^Analytics rejects it/,
  'rejected overflow': /^Analytics rejects it/,
  breaking: /^Analytics refuses it: 400/,
  'too large': /^Analytics refuses it: 413/,
  flawed: /^it breaks the schema/,
  unreadable: /^the message is not/,
  failing: 'queued',
} as const;
type Kind = keyof typeof kinds;
const kindNames = Object.keys(kinds) as Kind[];

/** One world. Where it has no faults, it has no chance but the order of messages. */
export interface Plan {
  readonly seed: number;
  /** Messages, by the kinds of what is in them. */
  readonly messages: readonly (readonly Kind[])[];
  readonly remembers: boolean;
  readonly requestBytes: number;
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  /** How likely a run is killed at some call. */
  readonly killRate: number;
  readonly indexingMs: number;
  /** The user's password is changed when first its tokens are revoked. */
  readonly newPassword: boolean;
  /** Runs with faults; quiet ones follow. */
  readonly stormyRuns: number;
}

const messages = fc.array(
  fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant<Kind>('good') }, fc.constantFrom(...kindNames)), {
    minLength: 1,
    maxLength: 12,
  }),
  { minLength: 1, maxLength: 14 },
);
const rates = fc.dictionary(fc.constantFrom(...faultKinds), fc.constantFrom(0.05, 0.3, 0.9), { maxKeys: 5 });

/** Few have a message that fails: what is promised beside it is less. */
const mostlyAnswered = fc.tuple(messages, fc.nat(4)).map(([all, nth]) => {
  if (nth === 0) return all;
  return all.map((one) => one.map((kind): Kind => (kind === 'failing' ? 'good' : kind)));
});

export const quietWorlds: fc.Arbitrary<Plan> = fc.record({
  seed: fc.nat(),
  messages: mostlyAnswered,
  remembers: fc.boolean(),
  requestBytes: fc.constantFrom(500, 4_000, 1_000_000),
  faults: fc.constant({}),
  killRate: fc.constant(0),
  indexingMs: fc.constant(0),
  newPassword: fc.constant(false),
  stormyRuns: fc.constant(0),
});

export const stormyWorlds: fc.Arbitrary<Plan> = fc.record({
  seed: fc.nat(),
  messages,
  remembers: fc.boolean(),
  requestBytes: fc.constantFrom(500, 4_000, 1_000_000),
  faults: rates,
  killRate: fc.constantFrom(0, 0.2, 0.6),
  indexingMs: fc.constantFrom(0, 0, 2_500, 60_000),
  newPassword: fc.boolean(),
  stormyRuns: fc.integer({ min: 1, max: 12 }),
});

/** What there was, and what came of it. */
export interface History {
  /** What went wrong while it was lived. */
  readonly wrongs: string[];
  readonly artifacts: readonly Given[];
  readonly analytics: FakeAnalytics;
  readonly deadLetters: FakeDeadLetters;
  /** Messages that should have left the queue. */
  readonly left: number;
  /** Of the artifacts that Analytics never answers, those in the queue. */
  readonly kept: ReadonlySet<string>;
}

interface Given {
  readonly kind: Kind;
  readonly id: string;
  /** In its text and in that of no other. */
  readonly mark: string;
  /** What Analytics has to hold where it is accepted whole. */
  readonly raw: string;
  readonly value: unknown;
}

interface Queued {
  readonly id: string;
  readonly body: string;
  /** Analytics never answers it. */
  readonly stays: boolean;
  readonly sentAt: number;
  receives: number;
  visibleAt: number;
}

const minute = 60_000;
const noon = Date.UTC(2026, 2, 1, 12);
/** A function ends after this, whatever it does; its status is written in the last two seconds. */
const [timeoutMs, statusMs] = [minute, 2_000];
const visibilityMs = 6 * minute;
const quietRuns = 150;
const largestBytes = 60_000;
const [email, oldPassword, newPassword] = ['collector@example.com', 'old-secret-word', 'new-secret-word'];
const never = new Promise<never>(() => {});
const help = 'do something';

export async function live(plan: Plan): Promise<History> {
  const random = createRandom(String(plan.seed));
  const clock = new VirtualClock(noon, random.next);
  const analytics = new FakeAnalytics(() => clock.now());
  const deadLetters = new FakeDeadLetters();
  const overflow = new FakeOverflow();
  const accepted = new FakeAcceptedIds();
  const secrets = new FakeSecrets();
  analytics.rejects = ({ metadata }) => String(metadata.ruleName).startsWith('rejected');
  analytics.fails = ({ metadata }) => metadata.ruleName === 'failing';
  analytics.breaks = ({ metadata }) => metadata.ruleName === 'breaking';
  analytics.largestBytes = largestBytes;
  analytics.indexingMs = plan.indexingMs;
  analytics.users.set(email, oldPassword);
  secrets.put('analytics', JSON.stringify({ email, password: oldPassword }));

  const wrongs: string[] = [];
  const artifacts: Given[] = [];
  const queue: Queued[] = [];
  const put = (given: readonly Given[]) => {
    const id = `message-${artifacts.length}`;
    artifacts.push(...given);
    const unreadable = given.find(({ kind }) => kind === 'unreadable');
    const body = unreadable
      ? `{"artifacts": ${unreadable.mark}`
      : JSON.stringify({ artifacts: given.map(({ value }) => value) });
    const stays = given.some(({ kind }) => kind === 'failing');
    queue.push({ id, body, stays, sentAt: clock.now(), receives: 0, visibleAt: clock.now() });
  };
  for (const [i, kindsOf] of plan.messages.entries()) {
    // What can't be read hides whatever else is in it, and what fails holds it up.
    const alone = (['unreadable', 'failing'] as const).filter((kind) => kindsOf.includes(kind)).slice(0, 1);
    put((alone.length > 0 ? alone : kindsOf).map((kind, k) => given(kind, `${i}-${k}`, overflow, artifacts)));
  }

  let faults = plan.faults;
  let failing: (kind: FaultKind) => boolean = (kind) => random.chance(faults[kind] ?? 0);
  let killRate = plan.killRate;
  let shared: SharedState | undefined;
  let environments = 0;

  const run = async () => {
    const visible = queue.filter(({ visibleAt }) => visibleAt <= clock.now());
    const taken = shuffled(visible, random).slice(0, 10);
    if (taken.length === 0) return;
    for (const message of taken) {
      message.receives += 1;
      message.visibleAt = clock.now() + visibilityMs;
    }
    const life = lifeOf(clock, random, random.chance(killRate) ? random.between(1, 30) : undefined);
    const ports: ForwardPorts = {
      analytics: faulty(analytics, life, clock, random, failing, plan.newPassword),
      secrets: {
        read: (id, fresh) =>
          life.call(async () => {
            if (failing('secret-fails')) throw new Error('secrets are away');
            return secrets.read(id, fresh);
          }),
      },
      overflow: {
        get: (location, maxBytes) =>
          life.call(async () => {
            if (failing('overflow-hangs')) await clock.sleep(45_000);
            if (failing('overflow-fails')) throw new Error('the bucket is away');
            return overflow.get(location, maxBytes);
          }),
      },
      deadLetters: {
        send: (letters) =>
          life.call(async () => {
            if (failing('dead-letter-hangs')) await clock.sleep(45_000);
            if (failing('dead-letter-fails')) throw new Error('the queue is away');
            const refused = letters.map(() => failing('dead-letter-refused'));
            const results = await deadLetters.send(letters.filter((_, i) => !refused[i]));
            return refused.map((no) =>
              no ? { taken: false, reason: 'busy' } : (results.shift() ?? no),
            ) as never;
          }),
      },
      accepted: plan.remembers
        ? {
            known: (ids) =>
              life.call(async () => {
                if (failing('table-read-hangs')) await clock.sleep(45_000);
                if (failing('table-read-fails')) throw new Error('the table is away');
                return accepted.known(ids);
              }),
            mark: (ids) =>
              life.call(async () => {
                if (failing('table-write-hangs')) await clock.sleep(45_000);
                if (failing('table-write-fails')) throw new Error('the table is away');
                const archived = analytics.times();
                for (const id of ids) if (!archived.has(id)) wrongs.push(`${id} is marked, not accepted`);
                return accepted.mark(ids);
              }),
          }
        : undefined,
      ledger: {
        add: () =>
          life.call(async () => {
            if (failing('table-write-fails')) throw new Error('the table is away');
          }),
      },
      flaw,
      clock: life.clock,
    };
    if (shared === undefined) {
      environments += 1;
      shared = {
        session: openSession('analytics', portsNow),
        refusedInARow: 0,
        acceptedInPart: new Set(),
        notCounted: [],
      };
    }
    portsNow.set(ports);
    const readsFail = (faults['table-read-fails'] ?? 0) + (faults['table-read-hangs'] ?? 0) > 0;
    const markedBefore = readsFail ? new Set<string>() : new Set(accepted.ids);
    const postsBefore = analytics.posts.length;
    const startedAt = clock.now();
    const remainingMs = () => startedAt + timeoutMs - clock.now();
    const received: ReceivedMessage[] = taken.map(({ id, body, receives, sentAt }) => ({
      id,
      body,
      receives,
      sentAt,
    }));
    const end = forward(received, { requestBytes: plan.requestBytes }, ports, shared, remainingMs).then(
      ({ toRetry, ...others }) => ({ toRetry: new Set([...toRetry].map(({ id }) => id)), ...others }),
    );
    const ended = await clock.runThrough(Promise.race([end, life.killed]));
    life.end();
    for (const id of analytics.posts.slice(postsBefore).flat()) {
      if (markedBefore.has(id)) wrongs.push(`${id} is posted after it was marked`);
    }
    if (ended === undefined) {
      shared = undefined;
      return;
    }
    shared = ended.shared;
    if (clock.now() - startedAt > timeoutMs - statusMs)
      wrongs.push(`a run took ${clock.now() - startedAt} ms`);
    wrongs.push(...wrongsOf(ended.outcome));
    for (const message of taken) {
      if (!ended.toRetry.has(message.id)) queue.splice(queue.indexOf(message), 1);
    }
  };

  const portsNow = following();
  for (let runs = 0; runs < plan.stormyRuns; runs++) {
    await run();
    await clock.runUntil(clock.now() + random.between(0, 7) * minute);
  }
  faults = {};
  failing = () => false;
  killRate = 0;
  analytics.indexingMs = 0;
  if (analytics.users.get(email) === newPassword)
    secrets.put('analytics', JSON.stringify({ email, password: newPassword }));
  for (let runs = 0; runs < quietRuns && queue.some(({ stays }) => !stays); runs++) {
    // Records go on coming: with nothing but refusals, all might be the fault of Analytics.
    if (runs > 0) put([given('good', `late-${runs}`, overflow, artifacts)]);
    await run();
    await clock.runUntil(clock.now() + visibilityMs);
  }
  wrongs.push(...wrongLogins(analytics, environments));
  const left = queue.filter(({ stays }) => !stays).length;
  const kept = new Set(queue.filter(({ stays }) => stays).flatMap(({ body }) => [...marksIn(body)]));
  return { wrongs, artifacts, analytics, deadLetters, left, kept };
}

/** What is wrong with how a world ended, in the words of what the forwarder promises. */
export function judge(
  plan: Plan,
  { wrongs, artifacts, analytics, deadLetters, left, kept }: History,
): string[] {
  const found = [...new Set(wrongs)];
  const times = analytics.times();
  // The time that a failing message takes can be too short for all of another one.
  const isCalm = plan.stormyRuns === 0 && !plan.messages.flat().includes('failing');
  if (left > 0) found.push(`${left} messages are still in the queue`);
  for (const { kind, id, mark, raw } of artifacts) {
    const must = kinds[kind];
    const letters = deadLetters.letters.filter(({ body }) => body.includes(mark));
    const archived = analytics.archive.filter(({ metadata }) => metadata.id === id);
    if (must === 'queued') {
      if (archived.length > 0 || letters.length > 0 || !kept.has(mark)) found.push(`${kind} ${id} has left`);
    } else if (must === 'accepted') {
      if (archived.length === 0) found.push(`${kind} ${id} is lost`);
      if (letters.length > 0) found.push(`${kind} ${id} is in the dead letters: ${letters[0]?.reason}`);
      if (archived.some((one) => one.raw !== raw && one.raw !== '{}')) found.push(`${id} is changed`);
      if (plan.stormyRuns === 0 && archived.some((one) => one.raw !== raw))
        found.push(`${id} is accepted without its record`);
    } else {
      if (archived.length > 0) found.push(`${kind} ${id} is accepted`);
      if (letters.length === 0) found.push(`${kind} ${id} is lost`);
      if (!letters.every(({ reason }) => must.test(reason)))
        found.push(`${kind} ${id} is dead-lettered for ${letters[0]?.reason}`);
      if (letters.some(({ body }) => marksIn(body).size > 1)) found.push(`${id} is not dead-lettered alone`);
      if (isCalm && letters.length > 1) found.push(`${id} is dead-lettered twice`);
    }
    if (kind === 'flawed' && analytics.posts.flat().includes(id)) found.push(`the flawed ${id} is posted`);
    // An id in two messages is one artifact twice, where nobody remembers.
    const mayRepeat = !plan.remembers && artifacts.filter((other) => other.id === id).length > 1;
    const isOnce = isCalm || (plan.stormyRuns === 0 && plan.remembers);
    if (isOnce && (times.get(id) ?? 0) > 1 && !mayRepeat) found.push(`${id} is accepted twice`);
  }
  return found;
}

const marksIn = (body: string) => new Set(body.match(/#[^#]*#/g));

/** An artifact, and what it needs in the bucket. `earlier` ones may have a twin. */
function given(kind: Kind, name: string, overflow: FakeOverflow, earlier: readonly Given[]): Given {
  const original = earlier.findLast((one) => one.kind === 'good');
  if (kind === 'twin') return original ? { ...original, kind } : given('good', name, overflow, earlier);
  const mark = `#${name}#`;
  const id = `acme/threats/${name}@2026`;
  // The name says what is in it: another record.
  const location = `s3://overflow/${kind === 'changed' ? `${name}/${'0'.repeat(64)}` : name}.json`;
  const isElsewhere = ['overflow', 'expired', 'too large whole', 'changed', 'rejected overflow'].includes(
    kind,
  );
  const whole = `{"mark":"${mark}","text":"\\n\\"","pad":"${'x'.repeat(kind.startsWith('too large') ? largestBytes : 40)}"}`;
  if (isElsewhere && kind !== 'expired') overflow.objects.set(location, whole);
  const days = { old: -40, future: 2 }[kind as string] ?? -1;
  const metadata = {
    id,
    instance: 'acme',
    stream: 'threats',
    // Others mention it.
    recordId: name,
    ruleName: kind,
    mark,
    ...(isElsewhere && { rawLocation: location }),
  };
  const value = {
    source: 'sentinelone',
    raw: isElsewhere ? '{}' : whole,
    ...(kind !== 'untimed' && { timestamp: new Date(noon + days * 24 * 60 * minute).toISOString() }),
    metadata,
    ...(kind === 'flawed' && { flaw: true }),
  };
  const isWhole = !['expired', 'too large whole', 'changed'].includes(kind);
  return { kind, id, mark, raw: isWhole ? whole : '{}', value };
}

function flaw(artifact: unknown): string | undefined {
  return (artifact as { flaw?: boolean }).flaw ? 'it has a flaw' : undefined;
}

/** One run's life: its calls, until it ends or is killed at one of them. What comes later has no effect. */
function lifeOf(clock: VirtualClock, random: Random, killAt: number | undefined) {
  let calls = 0;
  let over = false;
  let kill: (nothing: undefined) => void = () => {};
  const killed = new Promise<undefined>((resolve) => {
    kill = resolve;
  });
  const die = (): Promise<never> => {
    over = true;
    kill(undefined);
    return never;
  };
  const alive: Clock = {
    now: () => clock.now(),
    random: () => clock.random(),
    async sleep(ms, signal) {
      await clock.sleep(ms, signal);
      if (over) await never;
    },
  };
  return {
    killed,
    clock: alive,
    end() {
      over = true;
    },
    /** Before or after its effect, a call may be the last. */
    async call<T>(effect: () => Promise<T>): Promise<T> {
      if (over) return never;
      calls += 1;
      const isLast = calls === killAt;
      if (isLast && random.chance(0.5)) return die();
      await alive.sleep(random.between(1, 80));
      const value = await effect().catch((error: unknown) => ({ error }) as const);
      if (over) return never;
      if (isLast) return die();
      if (typeof value === 'object' && value !== null && 'error' in value) throw value.error;
      return value;
    },
  };
}

function faulty(
  analytics: FakeAnalytics,
  life: ReturnType<typeof lifeOf>,
  clock: VirtualClock,
  random: Random,
  failing: (kind: FaultKind) => boolean,
  newPasswords: boolean,
): Analytics {
  const slowly = async (mostMs: number) => {
    const hangs = failing('hangs') ? Number.POSITIVE_INFINITY : 0;
    const ms = Math.max(hangs, failing('slow') ? random.between(1_000, 40_000) : 0);
    await clock.sleep(Math.min(ms, mostMs));
    if (ms > mostMs) throw new UnreachableError('too slow', help);
  };
  const revoke = () => {
    if (!failing('tokens-revoked')) return;
    analytics.revokeTokens();
    if (newPasswords) analytics.users.set(email, newPassword);
  };
  return {
    login: (credentials, mostMs) =>
      life.call(async () => {
        await slowly(mostMs);
        if (failing('login-5xx')) throw new UnreachableError('503', help);
        return analytics.login(credentials);
      }),
    ingest: (token, body, mostMs) =>
      life.call(async () => {
        await slowly(mostMs);
        revoke();
        if (failing('ingest-401')) throw new TokenRefusedError('401');
        if (failing('ingest-429')) throw new UnreachableError('429', help, random.between(0, 90) * 1000);
        if (failing('ingest-5xx')) throw new UnreachableError('503', help);
        const receipt = await analytics.ingest(token, body);
        if (failing('answer-lost')) throw new UnreachableError('cut', help);
        return receipt;
      }),
    search: (token, search, mostMs) =>
      life.call(async () => {
        await slowly(mostMs);
        revoke();
        analytics.permissions = new Set([
          'signals:write',
          ...(failing('search-403') ? [] : ['signals:read']),
        ]);
        if (failing('search-400')) throw new RequestRefusedError('400');
        if (failing('search-5xx')) throw new UnreachableError('503', help);
        if (failing('search-endless')) return Array.from({ length: search.limit }, () => 'another');
        return analytics.search(token, search);
      }),
  };
}

/** Ports that lead to those of the run that is going on, for what lasts longer than a run. */
function following() {
  let ports: ForwardPorts | undefined;
  const now = (): ForwardPorts => {
    if (ports === undefined) throw new Error('there is no run');
    return ports;
  };
  return {
    set(next: ForwardPorts) {
      ports = next;
    },
    analytics: {
      login: (credentials, ms) => now().analytics.login(credentials, ms),
      ingest: (token, body, ms) => now().analytics.ingest(token, body, ms),
      search: (token, search, ms) => now().analytics.search(token, search, ms),
    } satisfies Analytics,
    secrets: { read: (id: string, fresh: boolean) => now().secrets.read(id, fresh) },
    clock: {
      now: () => now().clock.now(),
      random: () => now().clock.random(),
      sleep: (ms: number, signal?: AbortSignal) => now().clock.sleep(ms, signal),
    },
  };
}

function wrongsOf(outcome: ForwardOutcome): string[] {
  const said = JSON.stringify(outcome);
  const found = [oldPassword, newPassword, 'head.'].filter((secret) => said.includes(secret));
  const wrongs = found.map((secret) => `${secret} is in the outcome`);
  if (outcome.state === 'failed' && !/(secrets are away)/.test(said))
    wrongs.push(`it failed: ${outcome.error?.message}`);
  if (outcome.state === 'ok' && outcome.failed > 0) wrongs.push('it is ok, and messages come back');
  return wrongs;
}

/** A password that is refused is tried once in ten minutes by each function that runs. */
function wrongLogins({ logins }: FakeAnalytics, environments: number): string[] {
  const refused = logins.filter(({ taken }) => !taken);
  const hot = refused.filter(
    ({ at }) => refused.filter((other) => Math.abs(other.at - at) < 5 * minute).length > environments,
  );
  return hot.length > 0 ? [`${hot.length} refused logins at once`] : [];
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => [random.next(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}
