import { MisconfiguredError, type State } from '../errors.ts';
import { expiryNoticeMs, expiryRemedy } from '../instances/expiry.ts';
import { type Subject, subjectIntervalMs } from '../instances/subject.ts';
import { epoch, toMs } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';
import { forwarderKey, type Status } from './status.ts';

/** How something is, for a glance: `off` is what the operator wants nothing of. */
export type Light = 'red' | 'yellow' | 'green' | 'off';

/** One stream of one instance as an operator looks at it. */
export interface StreamHealth {
  readonly stream: string;
  readonly light: Light;
  /** The light in words: a state, or what no state says. */
  readonly word: string;
  readonly lastPollAt: string | undefined;
  readonly lastCount: number | undefined;
  /** Of the last record that was read; undefined before there is one. */
  readonly position: string | undefined;
  /** How far the position is behind now. */
  readonly lagSeconds: number | undefined;
  readonly error: string | undefined;
  readonly remedy: string | undefined;
  readonly tokenExpiresAt: string | undefined;
}

const day = 24 * 60 * 60 * 1000;

/** A console that fails once is none of an operator's business yet. */
const passing: ReadonlySet<State> = new Set(['unreachable', 'rate-limited']);

const waiting: ReadonlySet<State> = new Set(['pending', 'backlogged']);

interface Judged {
  readonly light: Light;
  readonly word: string;
  readonly error?: string;
  readonly remedy?: string | undefined;
}

/** `status` is that of the cursor item; undefined where there is none. */
export function streamHealth(
  subject: Subject,
  stream: Stream,
  status: Partial<Status> | undefined,
  now: number,
): StreamHealth {
  const position = status?.position === epoch ? undefined : status?.position;
  const judged = judge(subject, stream, status, now);
  return {
    stream: stream.name,
    light: judged.light,
    word: judged.word,
    lastPollAt: status?.lastPollAt,
    lastCount: status?.lastCount,
    position,
    lagSeconds: position === undefined ? undefined : Math.max(0, Math.round((now - toMs(position)) / 1000)),
    error: judged.error,
    remedy: judged.remedy,
    tokenExpiresAt: status?.tokenExpiresAt,
  };
}

/** How the forwarder is. It writes nothing while the queue is empty, so no length of time makes it silent. */
export function forwarderHealth(status: Partial<Status>): StreamHealth {
  const { light, word, error, remedy } = ofState(status);
  return {
    stream: forwarderKey.stream,
    light,
    word,
    lastPollAt: status.lastPollAt,
    lastCount: status.lastCount,
    position: undefined,
    lagSeconds: undefined,
    error,
    remedy,
    tokenExpiresAt: undefined,
  };
}

function judge(subject: Subject, stream: Stream, status: Partial<Status> | undefined, now: number): Judged {
  if (subject.instance === 'disabled') return { light: 'off', word: 'disabled' };
  if (subject.instance instanceof MisconfiguredError) {
    const { message, remedy } = subject.instance;
    return { light: 'red', word: 'misconfigured', error: message, remedy };
  }
  if (status?.lastPollAt === undefined) return neverPolled(stream);
  return silence(subject, stream, status, now) ?? expiry(status, now) ?? ofState(status);
}

function neverPolled({ cadenceMinutes }: Stream): Judged {
  return {
    light: 'yellow',
    word: 'never polled',
    error: 'there was no poll yet',
    remedy: `The next tick is at most ${cadenceMinutes} minutes away; if it does not come, see "No log lines at all" in docs/operations.md.`,
  };
}

/** Two cycles without a poll are no failure of the console: nothing runs. */
function silence(
  subject: Subject,
  stream: Stream,
  { lastPollAt, nextPollAt }: Partial<Status>,
  now: number,
): Judged | undefined {
  const cadenceMs = stream.cadenceMinutes * 60_000;
  const last = Date.parse(lastPollAt ?? '');
  const expected = Math.max(last + subjectIntervalMs(subject, stream), Date.parse(nextPollAt ?? '') || 0);
  if (!(now > expected + cadenceMs + stream.timeoutSeconds * 1000)) return undefined;
  return {
    light: 'red',
    word: 'silent',
    error: `no poll since ${lastPollAt}, and one was due at ${new Date(expected).toISOString()}`,
    remedy: 'Nothing is lost yet: see "No log lines at all" in docs/operations.md.',
  };
}

function expiry({ state, tokenExpiresAt }: Partial<Status>, now: number): Judged | undefined {
  const leftMs = Date.parse(tokenExpiresAt ?? '') - now;
  const isFine = state === 'ok' || state === 'backlogged';
  if (!isFine || !(leftMs < expiryNoticeMs)) return undefined;
  return {
    light: leftMs <= day ? 'red' : 'yellow',
    word: leftMs <= 0 ? 'token expired' : 'token ends soon',
    error: `the token ends at ${tokenExpiresAt}`,
    remedy: expiryRemedy,
  };
}

function ofState({ state = 'pending', lastCount, lastError, remedy, failures = 0 }: Partial<Status>): Judged {
  if (state === 'ok') return { light: 'green', word: lastCount === 0 ? 'ok, nothing new' : 'ok' };
  // Switched on again since.
  if (state === 'disabled') return { light: 'yellow', word: 'starting' };
  if (waiting.has(state)) return { light: 'yellow', word: state };
  const light = passing.has(state) && failures < 2 ? 'yellow' : 'red';
  return { light, word: state, ...(lastError !== undefined && { error: lastError }), remedy };
}

const order: readonly Light[] = ['red', 'yellow', 'green', 'off'];

/** Negative where `a` is worse. */
export function compareLights(a: Light, b: Light): number {
  return order.indexOf(a) - order.indexOf(b);
}

/** The worst of an instance's streams; of equals the first. */
export function worst(streams: readonly StreamHealth[]): StreamHealth | undefined {
  return [...streams].sort((a, b) => compareLights(a.light, b.light))[0];
}
