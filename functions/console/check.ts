import type { Ports } from '../collect/ports.ts';
import {
  CollectorError,
  ForbiddenError,
  HeavyPageError,
  MisconfiguredError,
  type Obstacle,
  PermissionMissingError,
  TokenRefusedError,
  UnauthorizedError,
  UnreachableError,
} from '../errors.ts';
import { messageOf, remedyOf } from '../health/status.ts';
import { expiryIn, expiryNoticeMs, expiryRemedy } from '../instances/expiry.ts';
import { collects, type Instance, type InstanceRules, readInstance } from '../instances/instance.ts';
import type { SecretStage } from '../instances/ports.ts';
import { readToken } from '../instances/token.ts';
import { fromMs } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';
import type { Answer, PageRequest } from './api.ts';
import { readPage } from './page.ts';
import { boundedListing, queryOf } from './query.ts';

/** An instance that is to be tried: by name as it is in the table, or a record that may not be there yet. */
export interface CheckRequest {
  readonly instance?: string;
  readonly record?: Readonly<Record<string, unknown>>;
  /** Tries another version of the secret than the current one. */
  readonly stage?: SecretStage;
}

/** One thing that was looked at. `off` is what the operator does not want. */
export interface Finding {
  /** `record`, `secret`, `dns`, `tls`, `reachable`, `clock`, `token`, `expiry`, or a stream's name. */
  readonly what: string;
  readonly outcome: 'ok' | 'warning' | 'failed' | 'off';
  readonly detail: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** What a check found, in the order in which a poll would meet it; what could not be looked at is absent. */
export interface CheckReport {
  readonly host: string | undefined;
  readonly findings: readonly Finding[];
  /** Nothing failed: polls will collect. */
  readonly good: boolean;
  readonly tokenExpiresAt: string | undefined;
  readonly latencyMs: number | undefined;
  /** The console's clock less ours. */
  readonly clockDifferenceMs: number | undefined;
}

type World = Pick<Ports, 'sentinelone' | 'secrets' | 'clock'>;

const timeoutMs = 15_000;

const answerBytes = 32 * 1024 * 1024;

/** HTTP's `Date` has whole seconds; beyond this somebody's clock wants setting. */
const clockNoticeMs = 60_000;

const day = 24 * 60 * 60 * 1000;

/** Tries what a poll of every stream needs, one request each, and collects nothing. */
export async function check(
  record: Readonly<Record<string, unknown>>,
  streams: readonly Stream[],
  rules: InstanceRules,
  world: World,
  stage?: SecretStage,
): Promise<CheckReport> {
  const seen = new Seen();
  try {
    const instance = readInstance(record, rules);
    seen.host = instance.host;
    if (!instance.enabled) seen.off('record', 'the instance is disabled: it is not polled');
    const secret = await world.secrets.read(instance.secretId, true, stage);
    const token = readToken(secret?.value, instance.secretId);
    const asked = { host: instance.host, token, timeoutMs, maxBytes: answerBytes };
    if (await reaches(asked, seen, world)) {
      await expires(asked, seen, world);
      for (const stream of streams) await reads(stream, instance, asked, seen, world);
    }
  } catch (error) {
    if (!(error instanceof MisconfiguredError)) throw error;
    seen.failed(error.attribute === 'secretId' ? 'secret' : 'record', error);
  }
  return seen.report();
}

type Asked = Pick<PageRequest, 'host' | 'token' | 'timeoutMs' | 'maxBytes'>;

const get = ({ sentinelone }: World, asked: Asked, path: string, query: PageRequest['query'] = {}) =>
  sentinelone.get({ ...asked, path, query, signal: new AbortController().signal });

/** What an obstacle shows to be good all the same, and what it is a failure of. */
const reached: Readonly<Record<Obstacle, readonly [good: readonly string[], failed: string]>> = {
  dns: [[], 'dns'],
  proxy: [[], 'reachable'],
  network: [['dns'], 'reachable'],
  tls: [['dns'], 'tls'],
  console: [['dns', 'tls'], 'reachable'],
};

const words: Readonly<Record<string, string>> = {
  dns: 'has an address',
  tls: 'has a certificate that is trusted',
};

/** Whether the console answers and takes the token: `/system/info` answers every valid one, whatever its role. */
async function reaches(asked: Asked, seen: Seen, world: World): Promise<boolean> {
  const good = (...whats: readonly string[]) => {
    for (const what of whats) seen.ok(what, `${asked.host} ${words[what]}`);
  };
  try {
    const answer = await get(world, asked, '/system/info').catch((error: unknown) => {
      if (error instanceof PermissionMissingError) return undefined;
      throw error;
    });
    good('dns', 'tls');
    seen.answered(answer, world.clock.now());
    seen.ok('token', `${asked.host} takes the token`);
    return true;
  } catch (error) {
    if (error instanceof TokenRefusedError) {
      good('dns', 'tls');
      seen.answered(undefined, world.clock.now());
      seen.failed('token', refused(asked, world.clock.now()));
      return false;
    }
    if (error instanceof HeavyPageError) {
      good('dns', 'tls');
      seen.failed('reachable', silent(asked));
      return false;
    }
    if (error instanceof UnreachableError) {
      const [before, what] = reached[error.obstacle];
      good(...before);
      seen.failed(what, error);
      return false;
    }
    seen.failed(error instanceof MisconfiguredError ? 'record' : 'reachable', error);
    return false;
  }
}

function silent({ host }: Asked): UnreachableError {
  const remedy = "Look at SentinelOne's status page, and for a firewall or proxy between.";
  return new UnreachableError(`${host} does not answer within ${timeoutMs / 1000} s`, remedy);
}

/** A token that says itself when it ended needs no guessing. */
function refused({ host, token }: Asked, now: number): UnauthorizedError {
  const expiresAt = expiryIn(token);
  const expired = expiresAt !== undefined && Date.parse(expiresAt) <= now;
  return new UnauthorizedError(`${host} refuses the token${expired ? `: it expired at ${expiresAt}` : ''}`);
}

async function expires(asked: Asked, seen: Seen, { sentinelone, clock }: World): Promise<void> {
  const signal = new AbortController().signal;
  const said =
    expiryIn(asked.token) ?? (await sentinelone.expiry({ ...asked, signal }).catch(() => undefined));
  seen.tokenExpiresAt = said;
  if (said === undefined) return seen.ok('expiry', 'the console does not say when the token ends');
  const leftMs = Date.parse(said) - clock.now();
  const detail = `the token ends at ${said}, in ${Math.max(0, Math.floor(leftMs / day))} days`;
  if (leftMs >= expiryNoticeMs) seen.ok('expiry', detail);
  else seen.warning('expiry', detail, expiryRemedy);
}

/** One record of the stream, asked for as a poll would. */
async function reads(
  stream: Stream,
  instance: Instance,
  asked: Asked,
  seen: Seen,
  world: World,
): Promise<void> {
  if (!collects({ ...instance, enabled: true }, stream)) {
    return seen.off(stream.name, "not one of the instance's streams");
  }
  const now = world.clock.now();
  const query = queryOf(stream, instance, boundedListing(fromMs(now - day), fromMs(now)), 1);
  try {
    readPage((await get(world, asked, stream.path, query)).body);
    seen.ok(stream.name, 'the token may read them');
  } catch (error) {
    const forbidden = error instanceof PermissionMissingError || error instanceof TokenRefusedError;
    const message = `${asked.host} does not let the token read ${stream.name}`;
    seen.failed(stream.name, forbidden ? new ForbiddenError(message, stream.permission) : error);
  }
}

class Seen {
  host: string | undefined;
  tokenExpiresAt: string | undefined;
  readonly #findings: Finding[] = [];
  #latencyMs: number | undefined;
  #clockDifferenceMs: number | undefined;

  ok(what: string, detail: string): void {
    this.#findings.push({ what, outcome: 'ok', detail });
  }

  off(what: string, detail: string): void {
    this.#findings.push({ what, outcome: 'off', detail });
  }

  warning(what: string, detail: string, remedy: string): void {
    this.#findings.push({ what, outcome: 'warning', detail, remedy });
  }

  failed(what: string, error: unknown): void {
    if (!(error instanceof CollectorError)) throw error;
    this.#findings.push({ what, outcome: 'failed', detail: messageOf(error), remedy: remedyOf(error) });
  }

  /** A refusal answers as well, but says neither how long it took nor what time it is. */
  answered(answer: Answer | undefined, now: number): void {
    if (answer === undefined) {
      this.ok('reachable', `${this.host} answers`);
      return;
    }
    this.#latencyMs = Math.round(answer.tookMs);
    this.ok('reachable', `${this.host} answers in ${this.#latencyMs} ms`);
    if (answer.dateMs === undefined) return;
    // Its whole second began up to a second before.
    const difference = answer.dateMs + 500 - (now - answer.tookMs / 2);
    this.#clockDifferenceMs = Math.round(difference / 1000) * 1000;
    const detail = `its clock and ours are ${Math.abs(this.#clockDifferenceMs) / 1000} s apart`;
    if (Math.abs(difference) < clockNoticeMs) this.ok('clock', detail);
    else
      this.warning(
        'clock',
        detail,
        "Positions go by the console's clock: have it set right, or records that become visible late may be missed.",
      );
  }

  report(): CheckReport {
    return {
      host: this.host,
      findings: this.#findings,
      good: this.#findings.every(({ outcome }) => outcome !== 'failed'),
      tokenExpiresAt: this.tokenExpiresAt,
      latencyMs: this.#latencyMs,
      clockDifferenceMs: this.#clockDifferenceMs,
    };
  }
}
