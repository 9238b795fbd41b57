/**
 * How one stream of one instance is. `pending` has not been polled yet; `backlogged` is collecting but not at the
 * end; `refused` is a request that the console finds wrong; `unreadable` an answer or a cursor that can't be read;
 * `undelivered` a queue or bucket that does not take artifacts; `failed` a fault of our own.
 */
export type State =
  | 'pending'
  | 'ok'
  | 'backlogged'
  | 'disabled'
  | 'misconfigured'
  | 'unauthorized'
  | 'forbidden'
  | 'rate-limited'
  | 'unreachable'
  | 'refused'
  | 'unreadable'
  | 'undelivered'
  | 'failed';

/** What an operator meets: the message says what happened, the remedy what to do. Neither holds a secret. */
export abstract class CollectorError extends Error {
  abstract readonly state: State;
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.remedy = remedy;
  }
}

// Nobody has to act yet: these pass, or are retried.

/** HTTP 429. */
export class RateLimitedError extends CollectorError {
  override readonly name = 'RateLimitedError';
  readonly state = 'rate-limited';
  /** What the console asked for; undefined where it said nothing that can be read. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs?: number) {
    super(
      message,
      'It is retried by itself; if it lasts, set a longer pollingInterval (15 minutes) or give the collector a token that nothing else uses.',
    );
    this.retryAfterMs = retryAfterMs;
  }
}

/** What a connection broke at: name resolution, a forward proxy, the way, TLS, or the console itself (5xx). */
export type Obstacle = 'dns' | 'proxy' | 'network' | 'tls' | 'console';

/** No usable connection, or an answer of 5xx. */
export class UnreachableError extends CollectorError {
  override readonly name = 'UnreachableError';
  readonly state = 'unreachable';
  readonly retryAfterMs: number | undefined;
  readonly obstacle: Obstacle;

  constructor(message: string, remedy: string, retryAfterMs?: number, obstacle: Obstacle = 'network') {
    super(message, remedy);
    this.retryAfterMs = retryAfterMs;
    this.obstacle = obstacle;
  }
}

/** A page that did not arrive in time or outgrew its bound: a smaller one may fit. */
export class HeavyPageError extends CollectorError {
  override readonly name = 'HeavyPageError';
  readonly state = 'unreachable';

  constructor(message: string) {
    super(
      message,
      'Smaller pages are asked for by themselves; if it lasts, check the console and the network between.',
    );
  }
}

/** HTTP 401, before it is known whether the token or a permission is at fault. */
export class TokenRefusedError extends Error {
  override readonly name = 'TokenRefusedError';
}

/** HTTP 403, before it is known which permission the request needs. */
export class PermissionMissingError extends Error {
  override readonly name = 'PermissionMissingError';
}

/** The run's time ended a request: nothing is wrong, the next run goes on. */
export class OutOfTimeError extends Error {
  override readonly name = 'OutOfTimeError';
}

/** Another run has the claim, or the cursor was removed: this run stops where it is. */
export class ClaimLostError extends Error {
  override readonly name = 'ClaimLostError';
}

// The operator has to act.

/** An instance record or its secret breaks a rule; `attribute` is the one to mend. */
export class MisconfiguredError extends CollectorError {
  override readonly name = 'MisconfiguredError';
  readonly state = 'misconfigured';
  readonly attribute: string;

  constructor(attribute: string, problem: string, remedy: string) {
    super(`${attribute}: ${problem}`, remedy);
    this.attribute = attribute;
  }
}

/** HTTP 401, and `/system/info` refuses the token as well. */
export class UnauthorizedError extends CollectorError {
  override readonly name = 'UnauthorizedError';
  readonly state = 'unauthorized';

  constructor(message: string) {
    super(
      message,
      'The token is wrong, expired or revoked: make a new one in the console and put it into the secret; it is read at the next poll.',
    );
  }
}

/** The token is good, but not for this stream. */
export class ForbiddenError extends CollectorError {
  override readonly name = 'ForbiddenError';
  readonly state = 'forbidden';

  constructor(message: string, permission: string) {
    super(
      message,
      `Give the token's user the permission ${permission} (the Viewer role has it), or leave this stream out of the instance's streams.`,
    );
  }
}

/** The queue or the overflow bucket does not take what it is given. */
export class UndeliveredError extends CollectorError {
  override readonly name = 'UndeliveredError';
  readonly state = 'undelivered';

  constructor(message: string, options?: ErrorOptions) {
    super(
      message,
      "Nothing is lost: the same records are read again. Check the artifact queue, the overflow bucket and the function's rights to both.",
      options,
    );
  }
}

/** The cursor item is damaged or of a newer version; it is left as it is. */
export class UnreadableCursorError extends CollectorError {
  override readonly name = 'UnreadableCursorError';
  readonly state = 'unreadable';

  constructor(problem: string) {
    super(
      `the cursor item can't be read: ${problem}`,
      'Nothing was overwritten: restore the item from a backup, or delete it to collect again from the look-back.',
    );
  }
}

// A developer has to act.

/** HTTP 4xx other than those above: the request itself is wrong, or its page token is no longer taken. */
export class RefusedRequestError extends CollectorError {
  override readonly name = 'RefusedRequestError';
  readonly state = 'refused';

  constructor(message: string) {
    super(
      message,
      "Check accountIds, siteIds and groupIds of the instance; if they are right, report it: the console's API has changed.",
    );
  }
}

/** HTTP 200, but not a page. */
export class UnreadableAnswerError extends CollectorError {
  override readonly name = 'UnreadableAnswerError';
  readonly state = 'unreadable';

  constructor(message: string) {
    super(
      message,
      'Nothing is skipped: the same page is asked for again. Look for a proxy or login page between; if there is none, report it.',
    );
  }
}

/** The console refuses its page tokens where no timestamp leads further. */
export class StuckListingError extends CollectorError {
  override readonly name = 'StuckListingError';
  readonly state = 'unreadable';

  constructor(message: string) {
    super(
      message,
      'Nothing is skipped: it is tried again at each poll. If it lasts, report it to SentinelOne support.',
    );
  }
}
