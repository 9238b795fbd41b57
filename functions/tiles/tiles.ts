import type { State } from '../errors.ts';
import type { Status } from '../health/status.ts';
import { epoch } from '../kit/time.ts';

/** How bad it is, worst first. */
export const levels = ['red', 'yellow', 'green', 'grey'] as const;
export type Level = (typeof levels)[number];

/** What a stream of an instance is called: its state, or `overdue` where nobody polls it. */
type Word = State | 'overdue';

export interface StreamTile {
  readonly stream: string;
  readonly level: Level;
  readonly word: Word;
  /** Milliseconds since 1970, as all times here; undefined where it never happened or is not known. */
  readonly lastPollAt: number | undefined;
  readonly lastRecordAt: number | undefined;
  /** Behind now, or where it is well, when it was polled. */
  readonly lagMs: number | undefined;
  /** Artifacts delivered by the last poll. */
  readonly lastCount: number | undefined;
  readonly error: string | undefined;
  readonly remedy: string | undefined;
}

/** One instance: the worst of its streams in front. */
export interface Tile {
  readonly instance: string;
  readonly host: string;
  readonly level: Level;
  readonly word: Word | 'token expires';
  readonly streams: readonly StreamTile[];
  readonly lastPollAt: number | undefined;
  /** Of the stream that is furthest behind. */
  readonly lagMs: number | undefined;
  readonly tokenExpiresAt: number | undefined;
  /** Soon, or it has expired. */
  readonly tokenExpires: boolean;
}

/** What a stream is polled as, as far as tiles need it. */
export interface Polled {
  readonly name: string;
  readonly cadenceMinutes: number;
}

/** A cursor item's status; nothing of it is trusted. */
export type KnownStatus = Partial<Status> | undefined;

const levelOf: Readonly<Record<Word, Level>> = {
  ok: 'green',
  pending: 'yellow',
  backlogged: 'yellow',
  'rate-limited': 'yellow',
  overdue: 'red',
  misconfigured: 'red',
  unauthorized: 'red',
  forbidden: 'red',
  unreachable: 'red',
  refused: 'red',
  unreadable: 'red',
  undelivered: 'red',
  failed: 'red',
  disabled: 'grey',
};

/** A token that expires within so many days makes its tile yellow. */
const expiryDays = 14;
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** The tile of an instance record and the statuses of its streams. */
export function tileOf(
  record: Readonly<Record<string, unknown>>,
  streams: readonly Polled[],
  status: (stream: string) => KnownStatus,
  now: number,
): Tile {
  const tiles = streams.map((stream) => streamTile(record, stream, status(stream.name) ?? {}, now));
  const worst = tiles.toSorted((a, b) => rank(a.level) - rank(b.level))[0];
  const expiries = streams.flatMap(({ name }) => time(status(name)?.tokenExpiresAt) ?? []);
  const tokenExpiresAt = expiries.length > 0 ? Math.max(...expiries) : undefined;
  const expires = tokenExpiresAt !== undefined && tokenExpiresAt - now <= expiryDays * dayMs;
  const warns = expires && worst?.level === 'green';
  return {
    instance: String(record.instance),
    host: typeof record.host === 'string' ? record.host : '',
    level: warns ? 'yellow' : (worst?.level ?? 'grey'),
    word: warns ? 'token expires' : (worst?.word ?? 'disabled'),
    streams: tiles,
    lastPollAt: most(tiles.map(({ lastPollAt }) => lastPollAt)),
    lagMs: most(tiles.filter(({ level }) => level !== 'grey').map(({ lagMs }) => lagMs)),
    tokenExpiresAt,
    tokenExpires: expires,
  };
}

function streamTile(
  record: Readonly<Record<string, unknown>>,
  { name, cadenceMinutes }: Polled,
  status: Partial<Status>,
  now: number,
): StreamTile {
  const wanted =
    record.enabled !== false && (!Array.isArray(record.streams) || record.streams.includes(name));
  const position = status.position === epoch ? undefined : time(status.position);
  const lastPollAt = time(status.lastPollAt);
  const state = wanted ? (status.state === 'disabled' ? 'pending' : status.state) : 'disabled';
  const word = state !== undefined && Object.hasOwn(levelOf, state) ? state : 'pending';
  // A stream that nobody polls keeps the state of its last poll, green for ever.
  const next = time(status.nextPollAt);
  const overdue = wanted && next !== undefined && now - next > 2 * cadenceMinutes * minuteMs;
  const isWrong = levelOf[word] === 'red' || word === 'rate-limited';
  return {
    stream: name,
    word: overdue && !isWrong ? 'overdue' : word,
    level: overdue ? 'red' : levelOf[word],
    lastPollAt,
    lastRecordAt: time(status.lastRecordAt),
    lagMs:
      position === undefined
        ? undefined
        : Math.max(0, (word === 'ok' ? (lastPollAt ?? now) : now) - position),
    lastCount: typeof status.lastCount === 'number' ? status.lastCount : undefined,
    ...(overdue && !isWrong
      ? { error: 'No run has polled it for more than two cycles', remedy: overdueRemedy }
      : {
          error: wanted ? text(status.lastError) : undefined,
          remedy: wanted ? text(status.remedy) : undefined,
        }),
  };
}

const overdueRemedy = 'Look whether the function runs: docs/operations.md, "Not running".';

/** Which tiles to show, and in which order. */
export interface Choice {
  /** Part of a name, host, state or error. */
  readonly find: string;
  readonly show: Show;
  readonly sort: Sort;
}

export const shows = ['all', 'problems', ...levels] as const;
export type Show = (typeof shows)[number];
export const sorts = ['worst', 'name', 'lag', 'last poll', 'token'] as const;
type Sort = (typeof sorts)[number];

/** Reads a choice from whatever a form or an address holds. */
export function readChoice({ find, show, sort }: Readonly<Record<string, unknown>>): Choice {
  return {
    find: typeof find === 'string' ? find.trim().slice(0, 200) : '',
    show: shows.find((one) => one === show) ?? 'all',
    sort: sorts.find((one) => one === sort) ?? 'worst',
  };
}

export function choose(tiles: readonly Tile[], { find, show, sort }: Choice): Tile[] {
  const wanted = find.toLowerCase();
  return tiles
    .filter(({ level }) => show === 'all' || level === show || (show === 'problems' && isProblem(level)))
    .filter((tile) => wanted === '' || wordsOf(tile).some((word) => word.toLowerCase().includes(wanted)))
    .sort((a, b) => orders[sort](a, b) || a.instance.localeCompare(b.instance));
}

export function isProblem(level: Level): boolean {
  return level === 'red' || level === 'yellow';
}

/** How many tiles there are of each level. */
export function tally(tiles: readonly Tile[]): Readonly<Record<Level, number>> {
  const count = (level: Level) => tiles.filter((tile) => tile.level === level).length;
  return { red: count('red'), yellow: count('yellow'), green: count('green'), grey: count('grey') };
}

function wordsOf({ instance, host, word, streams }: Tile): string[] {
  return [instance, host, word, ...streams.flatMap((one) => [one.word, one.error ?? ''])];
}

const orders: Readonly<Record<Sort, (a: Tile, b: Tile) => number>> = {
  worst: (a, b) => rank(a.level) - rank(b.level),
  name: () => 0,
  lag: (a, b) => (b.lagMs ?? -1) - (a.lagMs ?? -1),
  'last poll': (a, b) => (a.lastPollAt ?? 0) - (b.lastPollAt ?? 0),
  token: (a, b) => (a.tokenExpiresAt ?? Number.MAX_VALUE) - (b.tokenExpiresAt ?? Number.MAX_VALUE),
};

function rank(level: Level): number {
  return levels.indexOf(level);
}

function most(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length > 0 ? Math.max(...known) : undefined;
}

function time(value: unknown): number | undefined {
  // Of other texts Date.parse makes some time, too.
  const ms = typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** An error is one line on a tile. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, 400) : undefined;
}
