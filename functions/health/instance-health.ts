import { subjectOf } from '../instances/subject.ts';
import { withCadences } from '../streams/list.ts';
import type { Stream } from '../streams/stream.ts';
import { type CoverageReport, coverageReport } from './coverage.ts';
import type { CursorStatus } from './known-status.ts';
import type { HealthRules } from './rules.ts';
import { forwarderKey, type Status } from './status.ts';
import {
  compareLights,
  forwarderVerdict,
  type Light,
  notDeployed,
  type Verdict,
  verdictOf,
} from './verdict.ts';

/** The health of one instance, which is the verdict of its worst stream. The forwarder has the same form. */
export interface InstanceHealth {
  readonly instance: string;
  readonly host: string;
  readonly light: Light;
  readonly worst: Verdict;
  /** When its token expires: the earliest that any stream reports. */
  readonly tokenExpiresAt: string | undefined;
  readonly streams: readonly Verdict[];
  /** What its console has that is not collected; undefined where that was not asked yet. */
  readonly coverage?: CoverageReport | undefined;
}

/** Judges an instance record by the cursor items of its streams. Both may contain anything. */
export function instanceHealth(
  record: Readonly<Record<string, unknown>>,
  itemOf: (stream: string) => CursorStatus | undefined,
  streams: readonly Stream[],
  { allowedHostSuffixes, quietHours, optionalStreams = [], cadenceMinutes, speed }: HealthRules,
  now: number,
): InstanceHealth {
  const rules = { allowedHostSuffixes, streams: streams.map(({ name }) => name) };
  const isDeployed = ({ name, byDefault }: Stream) => byDefault || optionalStreams.includes(name);
  const named = Array.isArray(record.streams) ? record.streams : [];
  const verdicts = withCadences(streams, cadenceMinutes).flatMap((stream): Verdict | [] => {
    const isNamed = named.includes(stream.name);
    if (!isDeployed(stream)) return isNamed ? notDeployed(stream) : [];
    if (!stream.byDefault && !isNamed) return [];
    const quietMs = (quietHours[stream.name] ?? Number.POSITIVE_INFINITY) * 3_600_000;
    return verdictOf(subjectOf(record, stream, rules), itemOf(stream.name), stream, now, quietMs, speed);
  });
  const host = typeof record.host === 'string' ? record.host : '';
  const collected = named.length > 0 ? named : streams.filter((one) => one.byDefault).map(({ name }) => name);
  const found = streams.map(({ name }) => itemOf(name)?.status.coverage).find((one) => one !== undefined);
  const coverage = coverageReport(String(record.instance), found, collected, optionalStreams);
  return { ...healthOf(String(record.instance), host, verdicts), ...(coverage && { coverage }) };
}

export function forwarderHealth(status: Partial<Status>, now: number): InstanceHealth {
  return healthOf(forwarderKey.instance, '', [forwarderVerdict(status, now)]);
}

/** Of equally bad streams, the first one counts. */
function healthOf(instance: string, host: string, streams: readonly Verdict[]): InstanceHealth {
  const worst = streams.reduce((a, b) => (compareLights(b.light, a.light) < 0 ? b : a));
  const [tokenExpiresAt] = streams.flatMap((one) => one.tokenExpiresAt ?? []).sort();
  return { instance, host, light: worst.light, worst, tokenExpiresAt, streams };
}

export function isProblem({ light }: Pick<InstanceHealth, 'light'>): boolean {
  return light === 'red' || light === 'yellow';
}

type Compare = (a: InstanceHealth, b: InstanceHealth) => number;

/** Equal instances are sorted by name. */
export const orders = {
  problems: (a, b) => compareLights(a.light, b.light),
  name: () => 0,
  lag: (a, b) => mostLag(b) - mostLag(a),
  poll: (a, b) => lastPoll(a).localeCompare(lastPoll(b)),
  expiry: (a, b) => (a.tokenExpiresAt ?? '9').localeCompare(b.tokenExpiresAt ?? '9'),
} satisfies Record<string, Compare>;

export type Order = keyof typeof orders;

export interface Selection {
  /** Part of a name, host, light, word or error; not case-sensitive. */
  readonly find: string;
  readonly show: Light | 'problems' | 'all';
  readonly sort: Order;
}

export function select(all: readonly InstanceHealth[], { find, show, sort }: Selection): InstanceHealth[] {
  const wanted = find.toLowerCase();
  return all
    .filter((one) => show === 'all' || one.light === show || (show === 'problems' && isProblem(one)))
    .filter((one) => textsOf(one).some((text) => text.toLowerCase().includes(wanted)))
    .sort((a, b) => orders[sort](a, b) || a.instance.localeCompare(b.instance));
}

function textsOf({ instance, host, light, streams }: InstanceHealth): string[] {
  return [instance, host, light, ...streams.flatMap(({ word, error = '' }) => [word, error])];
}

function mostLag({ streams }: InstanceHealth): number {
  return Math.max(...streams.map(({ lagSeconds }) => lagSeconds ?? -1));
}

function lastPoll({ streams }: InstanceHealth): string {
  return streams.map(({ lastPollAt }) => lastPollAt ?? '').reduce((a, b) => (a > b ? a : b));
}
