import type { Settings } from '../../functions/collect/settings.ts';
import { defaultStreams, streams } from '../../functions/streams/list.ts';
import type { Stream } from '../../functions/streams/stream.ts';
import { createRandom, type Random } from '../../local/console/fleet/random.ts';

/** Everything that can go wrong with one call, by the port's method that it befalls. */
export const faultKinds = [
  'page-timeout',
  'page-slow',
  'page-429',
  'page-429-retry-after',
  'page-5xx',
  'page-reset',
  'page-html',
  'page-cut-off',
  'page-401',
  'page-403',
  'page-without-date',
  'token-refused',
  'token-repeated',
  'token-null-text',
  'secret-rotated',
  'secret-unreadable',
  'queue-refuses-some',
  'queue-refuses-for-good',
  'queue-fails',
  'queue-answer-lost',
  'claim-fails',
  'claim-answer-lost',
  'save-fails',
  'save-answer-lost',
  'memory-read-fails',
  'ledger-write-fails',
  'memory-write-fails',
  'memory-write-answer-lost',
  'table-read-fails',
  'overflow-fails',
  'hand-over-fails',
  'hand-over-answer-lost',
  'graphql-error',
  'graphql-empty-page',
  'graphql-cursor-missing',
  'graphql-field-unknown',
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** One world, wholly decided by its seed. Times are milliseconds. */
export interface Plan {
  readonly seed: number;
  readonly stream: Stream;
  readonly settings: Settings;
  readonly instances: number;
  /** Ticks with faults, kills and life; quiet ones follow. */
  readonly ticks: number;
  /** Records a page holds at most, whatever the limit. */
  readonly pageCap: number;
  readonly rates: ReadonlyMap<FaultKind, number>;
  /** How likely a run is killed at some call. */
  readonly killRate: number;
  /** How likely a tick comes twice, or while the run before is still going. */
  readonly extraTickRate: number;
  /** The console's clock less the true time, and the most that ours is wrong either way. */
  readonly consoleSkewMs: number;
  readonly ourSkewMs: number;
  /** The console's `Date` less its clock, of which its records have their times. */
  readonly dateSkewMs: number;
  /** How long a call takes, mostly. */
  readonly latencyMs: number;
  /** How long a page may take; 0 where it takes no longer than any call. */
  readonly slowestPageMs: number;
  /** Pages of more records than this time out, always. */
  readonly heavyAbove: number;
  /** Instances that collect one site only, from the start. */
  readonly narrow: boolean;
  readonly life: Life;
  readonly trouble: Trouble;
}

export interface Life {
  /** Records when the world begins, and how far back they reach. */
  readonly history: number;
  readonly historyMs: number;
  /** For each tick. */
  readonly created: number;
  readonly changed: number;
  readonly deleted: number;
  /** Records that change again every so often. */
  readonly hot: number;
  readonly hotEveryMs: number;
  /** How likely a tick changes or creates many at one timestamp, and how many. */
  readonly bulkRate: number;
  readonly bulk: number;
  /** Below the overlap: how late a record becomes visible at most, and how often it is late at all. */
  readonly latestMs: number;
  readonly lateRate: number;
  /** How likely a record becomes visible too late for any listing. */
  readonly tardyRate: number;
  /** How likely a record has no id, or no time that can be read, or is never taken by the queue with its bytes. */
  readonly oddRate: number;
}

/** What is special about a world, beside its faults. */
type Trouble =
  | 'none'
  | 'peaceful'
  | 'tokens-never-taken'
  | 'tokens-never-end'
  | 'record-from-2099'
  | 'page-never-fits'
  | 'filters-edited'
  | 'removed-and-added-again'
  | 'disabled-for-a-while';

const minute = 60_000;

const optionalStreams = streams.filter(({ byDefault }) => !byDefault) as unknown as readonly [
  Stream,
  ...Stream[],
];

export function planOf(seed: number): Plan {
  const random = createRandom(`world ${seed}`);
  const usual = random.pick(defaultStreams as readonly [Stream, ...Stream[]]);
  // Of its own, so that most seeds stay the worlds that they were before there were optional streams.
  const choosing = createRandom(`stream ${seed}`);
  const stream = choosing.chance(0.3) ? choosing.pick(optionalStreams) : usual;
  const picked = random.pick([
    'none',
    'none',
    'none',
    'none',
    'peaceful',
    'tokens-never-taken',
    'record-from-2099',
    'page-never-fits',
    'filters-edited',
    'removed-and-added-again',
    'disabled-for-a-while',
  ] as readonly [Trouble, ...Trouble[]]);
  const peaceful = picked === 'peaceful';
  // Of their own, so that a seed stays the world that it was before these.
  const sharing = createRandom(`sharing ${seed}`);
  const drawnApart = (kind: FaultKind) =>
    kind.startsWith('hand-over') || kind.startsWith('ledger')
      ? sharing
      : kind.startsWith('graphql')
        ? choosing
        : random;
  const odd = createRandom(`odd ${seed}`).pick([
    'tokens',
    'date',
    'nothing',
    'nothing',
    'nothing',
    'nothing',
  ]);
  const trouble = picked === 'none' && odd === 'tokens' ? 'tokens-never-end' : picked;
  const dateSkewMs =
    trouble === 'none' && odd === 'date'
      ? createRandom(`date ${seed}`).pick([-5, -1, 1, 23]) * 60 * minute
      : 0;
  const pageCap = random.pick([2, 3, 5, 8, 20]);
  return {
    seed,
    stream,
    instances: random.pick([1, 1, 2, 3]),
    ticks: random.between(4, 12),
    pageCap,
    rates: new Map(peaceful ? [] : faultKinds.map((kind) => [kind, rate(drawnApart(kind), kind)])),
    killRate: peaceful ? 0 : random.pick([0, 0.2, 0.6]),
    extraTickRate: peaceful ? 0 : random.pick([0, 0.2]),
    consoleSkewMs: random.between(-5, 5) * minute + random.between(-999, 999),
    ourSkewMs: peaceful ? 0 : random.pick([0, 0, 4 * minute]) * (dateSkewMs === 0 ? 1 : 0),
    dateSkewMs,
    latencyMs: random.pick([20, 200, 2000]),
    slowestPageMs: random.pick([0, 0, 0, 0, 0, 150_000]),
    heavyAbove: peaceful ? 1000 : random.pick([1000, 1000, 1000, 1000, 1000, 300]),
    narrow: random.chance(0.2),
    settings: settingsOf(random, stream, peaceful, sharing, createRandom(`health ${seed}`).chance(0.25)),
    life: {
      ...lifeOf(random, stream, pageCap, dateSkewMs > 0 ? 30_000 : 590_000),
      tardyRate: peaceful ? 0 : sharing.pick([0, 0, 0.05, 0.3]),
    },
    trouble,
  };
}

/** Most calls go well; which kinds go wrong differs from world to world. */
function rate(random: Random, kind: FaultKind): number {
  const often = random.pick([0, 0, 0.02, 0.08]);
  // Rare calls have to fail often enough to mean something.
  if (kind === 'overflow-fails' || kind.startsWith('hand-over')) return often * 6;
  if (kind === 'token-null-text') return often * 5;
  // Waiting out slowness takes most of a run's time.
  return kind === 'page-timeout' || kind === 'page-slow' ? often / 3 : often;
}

function settingsOf(
  random: Random,
  stream: Stream,
  peaceful: boolean,
  sharing: Random,
  sendsChanges: boolean,
): Settings {
  return {
    instanceRules: { allowedHostSuffixes: ['.sentinelone.net'], streams: [stream.name] },
    overlapMs: 10 * minute,
    memoryEntries: peaceful ? 20_000 : random.pick([10, 100, 20_000, 20_000]),
    messageBytes: random.pick([1000, 3000, 250 * 1024]),
    requestsPerSecond: random.pick([1, 6, 1000]),
    instancesPerRun: sharing.pick([1, 2, 200]),
    instancesAtOnce: random.pick([1, 2, 10]),
    pagesPerTurn: random.pick([1, 2, 5]),
    pagesPerRun: random.pick([2, 5, 1000, 1000]),
    pageTimeoutMs: random.pick([60_000, 200_000]),
    pageBytes: 16 * 1024 * 1024,
    forwards: false,
    healthArtifacts: sendsChanges,
    hoursPerPoll: random.pick([0, 12]) && sharing.pick([2, 12]),
    coverageMs: 0,
    dayArtifacts: Number.POSITIVE_INFINITY,
    dayBytes: Number.POSITIVE_INFINITY,
  };
}

function lifeOf(random: Random, stream: Stream, pageCap: number, latestMs: number): Omit<Life, 'tardyRate'> {
  const mutable = stream.orderedBy === 'updatedAt';
  const cadence = stream.cadenceMinutes * minute;
  return {
    history: random.between(0, 60),
    historyMs: random.pick([20 * minute, 20 * 60 * minute]),
    created: random.between(0, 12),
    changed: mutable ? random.between(0, 12) : 0,
    deleted: random.pick([0, 0, 1, 3]),
    hot: mutable ? random.pick([0, 0, 2, 5]) : 0,
    hotEveryMs: cadence / random.pick([1, 5, 40]),
    bulkRate: random.pick([0, 0.2]),
    // Ties across page edges; and, with a small memory, more than it holds.
    bulk: random.pick([pageCap, pageCap * 2 + 1, 60]),
    // By our clock, which counts where the console's is ahead, records are late by the difference as well.
    latestMs: Math.min(latestMs, random.pick([0, 30_000, 590_000])),
    lateRate: random.pick([0.05, 0.5]),
    oddRate: random.pick([0, 0.05, 0.3]),
  };
}
