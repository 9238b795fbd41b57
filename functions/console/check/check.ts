import {
  CollectorError,
  HeavyPageError,
  MisconfiguredError,
  type Obstacle,
  PermissionMissingError,
  TokenRefusedError,
  UnreachableError,
} from '../../errors.ts';
import { coverageReport } from '../../health/coverage.ts';
import { expiryIn } from '../../instances/expiry.ts';
import { collects, type Instance, type InstanceRules, readInstance } from '../../instances/instance.ts';
import { redacted } from '../../kit/redact.ts';
import { dayMs, fromMs } from '../../kit/time.ts';
import { defaultStreams, streams } from '../../streams/list.ts';
import type { Stream } from '../../streams/stream.ts';
import type { Answer, ConsolePorts, PageRequest } from '../api.ts';
import { coverageOf } from '../coverage.ts';
import { readBody } from '../page.ts';
import { listingFrom } from '../query.ts';
import { forbidden, refusalOfStream, unauthorized } from '../refusal.ts';
import type { Ask } from '../sources/source.ts';
import { sourceOf } from '../sources/source-of.ts';
import { clockFinding, expiryFinding, type Finding, failed, off, ok, unbound } from './findings.ts';

/** The findings are in the order of a poll. A check that could not be made is absent. */
export interface CheckReport {
  readonly host: string | undefined;
  readonly findings: readonly Finding[];
  readonly good: boolean;
  readonly tokenExpiresAt: string | undefined;
  readonly latencyMs: number | undefined;
  readonly clockDifferenceMs: number | undefined;
}

const timeoutMs = 15_000;

const maxBytes = 4 * 1024 * 1024;

export interface CheckPorts extends Pick<ConsolePorts, 'sentinelone' | 'clock'> {
  /**
   * Returns the token to check, and whether its secret names the host. Throws MisconfiguredError if there is none.
   */
  readonly tokenOf: (instance: Instance) => Promise<{ readonly token: string; readonly isBound: boolean }>;
}

/** Makes one request of each kind that polls of every stream need, and collects nothing. */
export async function check(
  record: Readonly<Record<string, unknown>>,
  toCheck: readonly Stream[],
  rules: InstanceRules,
  ports: CheckPorts,
): Promise<CheckReport> {
  const findings: Finding[] = [];
  let host: string | undefined;
  let reached: TokenCheck | undefined;
  let tokenExpiresAt: string | undefined;
  try {
    const instance = readInstance(record, rules);
    host = instance.host;
    if (!instance.enabled) findings.push(off('record', 'the instance is disabled: it is not polled'));
    const { token, isBound } = await ports.tokenOf(instance);
    if (!isBound) findings.push(unbound(instance));
    const target = { host, token, ports };
    reached = await checkToken(target);
    findings.push(...reached.findings);
    if (reached.accepted) {
      tokenExpiresAt = await expiryOf(target);
      findings.push(expiryFinding(tokenExpiresAt, ports.clock.now()));
      const asked = toCheck.filter(({ name, byDefault }) => byDefault || instance.streams?.includes(name));
      for (const stream of asked) findings.push(await checkStream(stream, instance, target));
      findings.push(...(await coverageFindings(instance, target)));
    }
  } catch (error) {
    if (!(error instanceof MisconfiguredError)) throw error;
    findings.push(failed(error.attribute === 'secretId' ? 'secret' : 'record', error));
  }
  return {
    host,
    findings,
    good: findings.every(({ outcome }) => outcome !== 'failed'),
    tokenExpiresAt,
    latencyMs: reached?.latencyMs,
    clockDifferenceMs: reached?.clockDifferenceMs,
  };
}

interface Target {
  readonly host: string;
  readonly token: string;
  readonly ports: CheckPorts;
}

const get = (
  { host, token, ports }: Target,
  path: string,
  { query = {}, json }: Partial<Pick<PageRequest, 'query' | 'json'>> = {},
) =>
  ports.sentinelone.get({
    host,
    token,
    path,
    query,
    ...(json !== undefined && { json }),
    timeoutMs,
    maxBytes,
    signal: new AbortController().signal,
  });

/** For each kind of connection error: the checks that passed before it, and the check that failed. */
const reachedBefore: Readonly<Record<Obstacle, readonly [works: readonly string[], fails: string]>> = {
  dns: [[], 'dns'],
  proxy: [[], 'reachable'],
  network: [['dns'], 'reachable'],
  tls: [['dns'], 'tls'],
  console: [['dns', 'tls'], 'reachable'],
};

const details: Readonly<Record<string, string>> = {
  dns: 'has an address',
  tls: 'has a trusted certificate',
};

interface TokenCheck {
  readonly findings: readonly Finding[];
  readonly accepted: boolean;
  readonly latencyMs?: number;
  readonly clockDifferenceMs?: number | undefined;
}

/** Checks whether the console accepts the token. `/system/info` accepts every valid token, whatever its role. */
async function checkToken(target: Target): Promise<TokenCheck> {
  const { host, ports } = target;
  const work = (whats: readonly string[]) => whats.map((what) => ok(what, `${host} ${details[what]}`));
  const connected = work(['dns', 'tls']);
  const answers = ok('reachable', `${host} answers`);
  const token = ok('token', `${host} accepts the token`);
  try {
    const answer = await get(target, '/system/info');
    // A login page, for example, has the status 200 as well.
    readBody(answer.body, 'GET /system/info', (body) => JSON.parse(body.toString()));
    const latencyMs = Math.round(answer.tookMs);
    const clockDifferenceMs = clockDifferenceOf(answer, ports);
    const reachable = ok('reachable', `${host} answers in ${latencyMs} ms`);
    const findings = [...connected, reachable, ...clockFinding(clockDifferenceMs), token];
    return { findings, accepted: true, latencyMs, clockDifferenceMs };
  } catch (error) {
    if (error instanceof PermissionMissingError)
      return { findings: [...connected, answers, token], accepted: true };
    if (error instanceof TokenRefusedError)
      return {
        findings: [...connected, answers, failed('token', refused(target, error.words))],
        accepted: false,
      };
    if (error instanceof HeavyPageError)
      return { findings: [...connected, failed('reachable', silent(host))], accepted: false };
    if (error instanceof UnreachableError) {
      const [works, fails] = reachedBefore[error.obstacle];
      return { findings: [...work(works), failed(fails, error)], accepted: false };
    }
    const what = error instanceof MisconfiguredError ? 'record' : 'reachable';
    return { findings: [...connected, failed(what, error)], accepted: false };
  }
}

/** Returns whole seconds, in milliseconds. */
function clockDifferenceOf({ dateMs, tookMs }: Answer, { clock }: CheckPorts): number | undefined {
  // A `Date` is rounded down to a whole second.
  if (dateMs === undefined) return undefined;
  return Math.round((dateMs + 500 - (clock.now() - tookMs / 2)) / 1000) * 1000;
}

function silent(host: string): UnreachableError {
  const remedy = "Check SentinelOne's status page, and firewalls or proxies in the network path.";
  return new UnreachableError(`${host} does not answer within ${timeoutMs / 1000} s`, remedy);
}

function refused({ host, token, ports }: Target, words: string): CollectorError {
  const expiresAt = expiryIn(token);
  const expired = expiresAt !== undefined && Date.parse(expiresAt) <= ports.clock.now();
  return unauthorized(host, expired ? `it expired at ${expiresAt}` : words);
}

async function expiryOf({ host, token, ports }: Target): Promise<string | undefined> {
  const { signal } = new AbortController();
  const request = { host, token, timeoutMs, signal };
  return expiryIn(token) ?? (await ports.sentinelone.expiry(request).catch(() => undefined));
}

/** What the console has that the instance does not collect. */
async function coverageFindings(instance: Instance, target: Target): Promise<Finding[]> {
  const found = await coverageOf(instance, target.ports.clock.now(), askOf(target));
  const collected = instance.streams ?? defaultStreams.map(({ name }) => name);
  const { sentences = [] } = coverageReport(instance.instance, found, collected, optionalNames) ?? {};
  return sentences.map((sentence) => {
    const [detail = '', remedy = ''] = sentence.split(': ', 2);
    return { what: 'coverage', outcome: 'off', detail, remedy };
  });
}

/** A check does not know which streams are deployed. */
const optionalNames = streams.filter(({ byDefault }) => !byDefault).map(({ name }) => name);

function askOf(target: Target): Ask {
  const sentMs = target.ports.clock.now();
  return async (request, read) => {
    const answer = await get(target, request.path, request);
    const value = read(answer.body, (words) => redacted(words, target.token));
    return { ...answer, value, release: () => {}, sentMs };
  };
}

async function checkStream(stream: Stream, instance: Instance, target: Target): Promise<Finding> {
  if (!collects({ ...instance, enabled: true }, stream))
    return off(stream.name, "not one of the instance's streams");
  const now = target.ports.clock.now();
  const ask = askOf(target);
  const listing = listingFrom(fromMs(now - dayMs));
  try {
    const source = sourceOf(stream, instance, target.ports.clock.now);
    for (const token of source.starts) await source.page({ ...listing, token }, 1, ask);
    return ok(stream.name, 'read permission OK');
  } catch (error) {
    const refusal =
      error instanceof TokenRefusedError
        ? forbidden(target.host, stream, error.words)
        : refusalOfStream(target.host, stream, error);
    if (!(refusal instanceof CollectorError) || refusal.state !== 'not-licensed')
      return failed(stream.name, refusal);
    return { what: stream.name, outcome: 'warning', detail: refusal.message, remedy: refusal.remedy };
  }
}
