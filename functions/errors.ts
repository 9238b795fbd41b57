import { printable } from './kit/said.ts';

/**
 * How one stream of one instance is: who has to act, and what to do, unless the error has a remedy of its own.
 * A state without a remedy is no error.
 */
export const states = {
  /** Not polled yet. */
  pending: { acts: 'nobody' },
  ok: { acts: 'nobody' },
  /** Collecting, but not yet at the end of its listing. */
  backlogged: { acts: 'nobody' },
  disabled: { acts: 'nobody' },
  /** HTTP 429. */
  'rate-limited': {
    acts: 'nobody',
    remedy:
      'Retried automatically. If it persists, set a longer pollingInterval (15 minutes) or use a dedicated token.',
  },
  /** No usable connection, an answer of 5xx, or a page that is too slow or too big. */
  unreachable: {
    acts: 'nobody',
    remedy: 'Retried automatically. If it persists, check the console and the network path.',
  },
  /** The instance record or its secret breaks a rule. */
  misconfigured: { acts: 'operator', remedy: 'Correct the instance record.' },
  /** HTTP 401, and `/system/info` refuses the token as well. */
  unauthorized: {
    acts: 'operator',
    remedy:
      'The token is wrong, expired or revoked: create a new token in the console, then run: collector rotate NAME',
  },
  /** The token is good, but not for this stream. */
  forbidden: { acts: 'operator', remedy: "Give the token's user the missing permission." },
  /** The console has no licence for this stream, or has not opted in to it. */
  'not-licensed': {
    acts: 'nobody',
    remedy:
      "Nothing to do unless the licence is expected: the stream is requested once a day, and again after an edit of the instance. To stop that, leave it out of the instance's streams.",
  },
  /** The console has sent more in a day than any is expected to. */
  'over-budget': {
    acts: 'nobody',
    remedy:
      'No data is lost: collection continues after midnight (UTC). Check in the console what creates so many records; if they are wanted, narrow the instance to sites or groups and add further instances for the others.',
  },
  /** The queue or the overflow bucket does not accept an artifact. */
  undelivered: {
    acts: 'operator',
    remedy:
      "Nothing is lost: the same records are read again. Check the artifact queue, the overflow bucket and the function's permissions for both.",
  },
  /** Another HTTP 4xx: the request itself is wrong. */
  refused: {
    acts: 'developer',
    remedy:
      "Check accountIds, siteIds and groupIds of the instance; if they are correct, report it: the console's API has changed.",
  },
  /** An answer or a cursor item that can't be read. */
  unreadable: {
    acts: 'developer',
    remedy:
      'Nothing is skipped: the same page is requested again. Look for a proxy or login page in the network path; if there is none, report it.',
  },
  /** A fault of the collector. */
  failed: {
    acts: 'developer',
    remedy: "Nothing is lost: the run is retried. Check the function's log; if it persists, report it.",
  },
} as const;

export type State = keyof typeof states;

/** The states that an error leads to. */
type ErrorState = Exclude<State, 'pending' | 'ok' | 'backlogged' | 'disabled'>;

/** What an operator meets: the message says what happened, the remedy what to do. Neither holds a secret. */
export class CollectorError extends Error {
  override readonly name: string;
  readonly state: ErrorState;
  readonly remedy: string;

  constructor(
    state: ErrorState,
    message: string,
    more: { readonly name: string; readonly remedy?: string; readonly cause?: unknown },
  ) {
    super(message, more);
    this.state = state;
    this.name = more.name;
    this.remedy = more.remedy ?? states[state].remedy;
  }
}

/** An error as logs and statuses show it. */
export interface Problem {
  readonly name: string;
  readonly state: State;
  readonly message: string;
  readonly remedy: string;
}

/** Any other error than a CollectorError is a fault of the collector. */
export function problemOf(error: unknown): Problem {
  if (error instanceof CollectorError) {
    const { name, state, message, remedy } = error;
    return { name, state, message, remedy };
  }
  const name = error instanceof Error ? error.name : 'Error';
  const message = `unexpected: ${printable(String(error))}`;
  return { name, state: 'failed', message, remedy: states.failed.remedy };
}

// The classes below exist because code tells them apart.

export class RateLimitedError extends CollectorError {
  /** What the console asked for; undefined where it said nothing that can be read. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs?: number) {
    super('rate-limited', message, { name: 'RateLimitedError' });
    this.retryAfterMs = retryAfterMs;
  }
}

/** Where a connection failed: name resolution, a forward proxy, the network, TLS, or the console itself (5xx). */
export type Obstacle = 'dns' | 'proxy' | 'network' | 'tls' | 'console';

/** No usable connection, or an answer of 5xx. */
export class UnreachableError extends CollectorError {
  readonly retryAfterMs: number | undefined;
  readonly obstacle: Obstacle;

  constructor(message: string, remedy: string, retryAfterMs?: number, obstacle: Obstacle = 'network') {
    super('unreachable', message, { name: 'UnreachableError', remedy });
    this.retryAfterMs = retryAfterMs;
    this.obstacle = obstacle;
  }
}

/** A page that did not arrive in time or outgrew its bound: a smaller one may fit. */
export class HeavyPageError extends CollectorError {
  constructor(message: string) {
    const remedy =
      'Smaller pages are requested automatically. If it persists, check the console and the network path.';
    super('unreachable', message, { name: 'HeavyPageError', remedy });
  }
}

/** `attribute` is the one of the instance record that is wrong. */
export class MisconfiguredError extends CollectorError {
  readonly attribute: string;

  constructor(attribute: string, problem: string, remedy: string) {
    super('misconfigured', `${attribute}: ${problem}`, { name: 'MisconfiguredError', remedy });
    this.attribute = attribute;
  }
}

/** A stream of an instance has delivered as much as it may in a day. */
export class OverBudgetError extends CollectorError {
  /** Until the day ends. */
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super('over-budget', message, { name: 'OverBudgetError' });
    this.retryAfterMs = retryAfterMs;
  }
}

export class UndeliveredError extends CollectorError {
  constructor(message: string, options?: ErrorOptions) {
    super('undelivered', message, { name: 'UndeliveredError', cause: options?.cause });
  }
}

/** The console says that the request is wrong, or no longer accepts its page token. */
export class RefusedRequestError extends CollectorError {
  constructor(message: string, remedy?: string) {
    super('refused', message, { name: 'RefusedRequestError', ...(remedy !== undefined && { remedy }) });
  }
}

/** HTTP 200, but not a page. */
export class UnreadableAnswerError extends CollectorError {
  constructor(message: string) {
    super('unreadable', message, { name: 'UnreadableAnswerError' });
  }
}

/** A page whose records can't be told apart, because one of them is not JSON: a smaller one may leave that one out. */
export class MalformedPageError extends CollectorError {
  constructor() {
    super('unreadable', 'a record is not valid JSON, and smaller pages are needed to isolate it', {
      name: 'MalformedPageError',
      remedy: 'Smaller pages are requested automatically.',
    });
  }
}

/** HTTP 401, before it is known whether the token or a permission is at fault. */
export class TokenRefusedError extends Error {
  override readonly name = 'TokenRefusedError';
  /** What the console says about it, ready to be shown. */
  readonly words: string;

  constructor(message: string, words = '') {
    super(message);
    this.words = words;
  }
}

/** HTTP 403 from the console itself, before it is known which permission the request needs. */
export class PermissionMissingError extends Error {
  override readonly name = 'PermissionMissingError';
  /** What the console says about it, ready to be shown. */
  readonly words: string;

  constructor(message: string, words = '') {
    super(message);
    this.words = words;
  }
}

/** The invocation's time ended a request: nothing is wrong, the next one continues. */
export class OutOfTimeError extends Error {
  override readonly name: string = 'OutOfTimeError';
}

/** The instance's record was edited during its poll: nothing is wrong, the next poll uses the new record. */
export class RecordChangedError extends OutOfTimeError {
  override readonly name = 'RecordChangedError';
}

/** Another invocation has the claim, or the cursor was removed: this one stops where it is. */
export class ClaimLostError extends Error {
  override readonly name = 'ClaimLostError';
}
