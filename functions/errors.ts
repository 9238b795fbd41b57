import { printable } from './kit/redact.ts';

/**
 * The states of one stream of one instance: who has to act, and the remedy unless the error has its own. A state
 * without a remedy is not an error.
 */
export const states = {
  /** Not polled yet. */
  pending: { acts: 'nobody' },
  ok: { acts: 'nobody' },
  /** Collecting, but not at the end of the listing yet. */
  backlogged: { acts: 'nobody' },
  disabled: { acts: 'nobody' },
  /** HTTP 429. */
  'rate-limited': {
    acts: 'nobody',
    remedy:
      'Retried automatically. If it persists, set a longer pollingInterval (15 minutes) or use a dedicated token.',
  },
  /** No connection, a 5xx response, or a page that is too slow or too large. */
  unreachable: {
    acts: 'nobody',
    remedy: 'Retried automatically. If it persists, check the console and the network path.',
  },
  /** The instance record or its secret is invalid. */
  misconfigured: { acts: 'operator', remedy: 'Correct the instance record.' },
  /** HTTP 401, and `/system/info` refuses the token as well. */
  unauthorized: {
    acts: 'operator',
    remedy:
      'The token is wrong, expired or revoked: create a new token in the console, then run: collector rotate NAME',
  },
  /** The token is valid, but has no access to this stream. */
  forbidden: { acts: 'operator', remedy: "Give the token's user the missing permission." },
  /** The console has no license for this stream, or has not enabled it. */
  'not-licensed': {
    acts: 'nobody',
    remedy:
      "Nothing to do unless the licence is expected: the stream is requested once a day, and again after an edit of the instance. To stop that, leave it out of the instance's streams.",
  },
  /** The console has sent more records in a day than the limit. */
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
  /** A response or a cursor item that cannot be read. */
  unreadable: {
    acts: 'developer',
    remedy:
      'Nothing is skipped: the same page is requested again. Look for a proxy or login page in the network path; if there is none, report it.',
  },
  /** A bug in the collector. */
  failed: {
    acts: 'developer',
    remedy: "Nothing is lost: the run is retried. Check the function's log; if it persists, report it.",
  },
} as const;

export type State = keyof typeof states;

/** The states of errors. */
type ErrorState = Exclude<State, 'pending' | 'ok' | 'backlogged' | 'disabled'>;

/** An error for operators: the message says what happened, the remedy what to do. Neither contains a secret. */
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

/**
 * Any error that is not a CollectorError is a bug in the collector.
 * @param instance goes into the command of the remedy
 */
export function problemOf(error: unknown, instance = 'NAME'): Problem {
  if (error instanceof CollectorError) {
    const { name, state, message, remedy } = error;
    return { name, state, message, remedy: remedy.replace(/\bNAME\b/, instance) };
  }
  const name = error instanceof Error ? error.name : 'Error';
  const message = `unexpected: ${printable(String(error))}`;
  return { name, state: 'failed', message, remedy: states.failed.remedy };
}

// The classes below exist because code distinguishes them.

export class RateLimitedError extends CollectorError {
  /** The wait that the console asked for; undefined if it sent none that can be read. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs?: number) {
    super('rate-limited', message, { name: 'RateLimitedError' });
    this.retryAfterMs = retryAfterMs;
  }
}

/** Where a connection failed: name resolution, a forward proxy, the network, TLS, or the console itself (5xx). */
export type Obstacle = 'dns' | 'proxy' | 'network' | 'tls' | 'console';

/** No connection, or a 5xx response. */
export class UnreachableError extends CollectorError {
  readonly retryAfterMs: number | undefined;
  readonly obstacle: Obstacle;

  constructor(message: string, remedy: string, retryAfterMs?: number, obstacle: Obstacle = 'network') {
    super('unreachable', message, { name: 'UnreachableError', remedy });
    this.retryAfterMs = retryAfterMs;
    this.obstacle = obstacle;
  }
}

/** A page that was too slow or too large. A smaller page may succeed. */
export class HeavyPageError extends CollectorError {
  constructor(message: string) {
    const remedy =
      'Smaller pages are requested automatically. If it persists, check the console and the network path.';
    super('unreachable', message, { name: 'HeavyPageError', remedy });
  }
}

/** `attribute` is the invalid attribute of the instance record. */
export class MisconfiguredError extends CollectorError {
  readonly attribute: string;

  constructor(attribute: string, problem: string, remedy: string) {
    super('misconfigured', `${attribute}: ${problem}`, { name: 'MisconfiguredError', remedy });
    this.attribute = attribute;
  }
}

/** A stream of an instance has delivered its daily limit. */
export class OverBudgetError extends CollectorError {
  /** Until the end of the day. */
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

/** HTTP 404 from the console itself: it does not have what is requested. */
export class NotFoundError extends RefusedRequestError {
  /** The console's message, cleaned for display. */
  readonly words: string;

  constructor(message: string, words: string, remedy: string) {
    super(message, remedy);
    this.words = words;
  }
}

/** HTTP 200, but not a page. */
export class UnreadableAnswerError extends CollectorError {
  constructor(message: string) {
    super('unreadable', message, { name: 'UnreadableAnswerError' });
  }
}

/**
 * A page whose records cannot be separated, because one of them is not JSON. A smaller page may exclude that record.
 */
export class MalformedPageError extends CollectorError {
  constructor() {
    super('unreadable', 'a record is not valid JSON, and smaller pages are needed to isolate it', {
      name: 'MalformedPageError',
      remedy: 'Smaller pages are requested automatically.',
    });
  }
}

class RefusedError extends Error {
  /** The console's message, cleaned for display. */
  readonly words: string;

  constructor(message: string, words = '') {
    super(message);
    this.words = words;
  }
}

/** HTTP 401, before it is known whether the token or a permission is the cause. */
export class TokenRefusedError extends RefusedError {
  override readonly name = 'TokenRefusedError';
}

/** HTTP 403 from the console itself, before it is known which permission the request needs. */
export class PermissionMissingError extends RefusedError {
  override readonly name = 'PermissionMissingError';
}

/** The invocation's time ended a request. This is not a failure; the next invocation continues. */
export class OutOfTimeError extends Error {
  override readonly name: string = 'OutOfTimeError';
}

/** The instance's record was edited during its poll. This is not a failure; the next poll uses the new record. */
export class RecordChangedError extends OutOfTimeError {
  override readonly name = 'RecordChangedError';
}

/** Another invocation has the claim, or the cursor was removed, so this invocation stops. */
export class ClaimLostError extends Error {
  override readonly name = 'ClaimLostError';
}
