import {
  CollectorError,
  MisconfiguredError,
  NotFoundError,
  PermissionMissingError,
  RateLimitedError,
  RefusedRequestError,
  TokenRefusedError,
  UnreachableError,
  UnreadableAnswerError,
} from '../errors.ts';
import type { Stream } from '../streams/stream.ts';

/** A response with a status other than 200. */
export interface Refusal {
  readonly host: string;
  /** Relative to `/web/api/v2.1`. */
  readonly path: string;
  readonly status: number;
  /** The error message of the response, cleaned for display. */
  readonly words: string;
  /** Whether the body is the API's own JSON, so that the console itself answered, and not a proxy or firewall. */
  readonly isApi: boolean;
  readonly retryAfterMs: number | undefined;
  /** The target of a redirect, cleaned for display. */
  readonly target: string;
}

/**
 * Converts a response into an error. The status decides; the message only distinguishes causes that share a status.
 */
export function refusalOf(refusal: Refusal): Error {
  const { host, path, status, words, isApi, retryAfterMs, target } = refusal;
  const what = `${host} answers ${status} to ${path}${colon(words)}`;
  if (status < 300) return new UnreadableAnswerError(what);
  if (status < 400)
    return wrongHost(`${host} redirects to ${target}, and no redirect is followed`, remedies.redirect);
  if (status === 401) return new TokenRefusedError(what, words);
  if (status === 429) return new RateLimitedError(what, retryAfterMs);
  if (status >= 500 || passing.has(status))
    return new UnreachableError(what, remedies.console, retryAfterMs, 'console');
  if (status === 407) return blocked(what, remedies.proxy);
  if (status === 410 || status === 421 || (status === 404 && !isApi)) return wrongHost(what, remedies.moved);
  if (tooLong.has(status)) return new RefusedRequestError(what, remedies.tooLong);
  // A 400 for a page token counts as a refused token, even if another server than the console sent it.
  if (status === 400) return new RefusedRequestError(what, isApi ? undefined : remedies.between);
  if (!isApi || status === 451) return blocked(what, remedies.between);
  if (status === 402 || status === 403) return new PermissionMissingError(what, words);
  if (status === 404) return new NotFoundError(what, words, remedies.notFound);
  return new RefusedRequestError(what);
}

/** Timeouts and conflicts that are temporary. */
const passing = new Set([408, 425]);

/** The request line or the headers are too long for a server. */
const tooLong = new Set([413, 414, 431]);

const remedies = {
  console: "Retried automatically. If it persists, check SentinelOne's status page or contact its support.",
  redirect: "Set host to the console's address, as the browser shows it.",
  moved:
    "Nothing answers for this console there: it has moved, or host is wrong. Set host to the console's address, as the browser shows it.",
  notFound:
    "Check accountIds, siteIds and groupIds of the instance; if they are correct, this console's version does not have this stream: leave it out of streams, or report it.",
  tooLong: 'The request is too long for a server or proxy: set fewer accountIds, siteIds or groupIds.',
  proxy: 'A forward proxy asks for a login. Check the setting proxy, and what the proxy requires.',
  between:
    "The answer is not the API's: a firewall, proxy or access restriction between the functions and the console refuses the request. Allow the functions' egress addresses and the path /web/api there.",
} as const;

function wrongHost(problem: string, remedy: string): MisconfiguredError {
  return new MisconfiguredError('host', problem, remedy);
}

/** Not retried soon, because some firewalls extend a block with each request. */
function blocked(what: string, remedy: string): CollectorError {
  return new CollectorError('unreachable', what, { name: 'BlockedError', remedy });
}

export function unauthorized(host: string, why = ''): CollectorError {
  return new CollectorError('unauthorized', `${host} refuses the token${colon(why)}`, {
    name: 'UnauthorizedError',
  });
}

/**
 * The error for a valid token without access to the stream.
 * @param words the console's message, cleaned for display
 */
export function forbidden(host: string, stream: Stream, words = ''): CollectorError {
  const { name, permission, licence, byDefault } = stream;
  const denial = denials.find(({ says }) => says.test(words));
  if (denial?.state === 'not-licensed') return notLicensed(host, stream, words, licence);
  // An optional stream is not for every console: that a token does not reach it is no fault of the token.
  if (denial?.isOfScope && !byDefault) return notLicensed(host, stream, words, denial.remedy);
  return new CollectorError('forbidden', `${host} does not let the token read ${name}${colon(words)}`, {
    name: 'ForbiddenError',
    remedy:
      denial?.remedy ??
      `Give the token's user the permission ${permission} (the Viewer role has it), or leave this stream out of the instance's streams.`,
  });
}

/** What an error means for a stream: one that is not for every console may be missing. */
export function refusalOfStream(host: string, stream: Stream, error: unknown): unknown {
  if (error instanceof PermissionMissingError) return forbidden(host, stream, error.words);
  if (error instanceof NotFoundError && !stream.byDefault)
    return notLicensed(host, stream, error.words, stream.licence);
  return error;
}

/** Nothing is wrong, and nothing is collected. */
function notLicensed(
  host: string,
  { name }: Stream,
  words: string,
  remedy: string | undefined,
): CollectorError {
  const what = `${host} has no licence for ${name}${colon(words)}`;
  return new CollectorError('not-licensed', what, {
    name: 'NotLicensedError',
    ...(remedy !== undefined && { remedy }),
  });
}

interface Denial {
  readonly says: RegExp;
  readonly state: 'forbidden' | 'not-licensed';
  readonly remedy?: string;
  /** The token is of a narrower scope. */
  readonly isOfScope?: boolean;
}

/** Causes of 403 other than a missing permission, by the console's message. The first match counts. */
const denials: readonly Denial[] = [
  {
    says: /\bIPs?\b|\b(?:allow|white|block|deny)-?list|\bnetwork (?:zone|range|restriction|polic)|\b(?:this|your) (?:country|location|network)\b/i,
    state: 'forbidden',
    remedy:
      "The console accepts requests from some addresses only. Add the functions' egress addresses to its IP restrictions.",
  },
  { says: /\blicen[cs]|\bsubscription|\bSKU\b|\badd-on\b|\bopt(?:ed|ing)?[ -]?in\b/i, state: 'not-licensed' },
  {
    says: /\b(?:your|this) (?:package|plan|tier|edition)\b|\b(?:site|account|tenant|trial)(?: period)? (?:has |is )?(?:ended|expired)\b/i,
    state: 'not-licensed',
  },
  // A scope without the product, not a user without permission.
  {
    says: /^(?!.*\b(?:user|role|permission|token|authentication|access)s?\b).*(?:\bnot|n['’]t)\b.*\b(?:enabled|activated|purchased|included)\b/i,
    state: 'not-licensed',
  },
  {
    says: /\bscope\b|\brequested (?:site|account|group|tenant)s?\b|\b(?:site|account|group|tenant|global)(?:[ -]level)? users?\b/i,
    state: 'forbidden',
    isOfScope: true,
    remedy:
      "The token's scope does not include this. Use a token of a user with a wider scope (site, account or global), or leave this stream out of the instance's streams.",
  },
];

function colon(words: string): string {
  return words === '' ? '' : `: ${words}`;
}
