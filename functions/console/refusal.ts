import {
  CollectorError,
  MisconfiguredError,
  PermissionMissingError,
  RateLimitedError,
  RefusedRequestError,
  TokenRefusedError,
  UnreachableError,
  UnreadableAnswerError,
} from '../errors.ts';
import type { Stream } from '../streams/stream.ts';

/** An answer other than 200. */
export interface Refusal {
  readonly host: string;
  /** Below `/web/api/v2.1`. */
  readonly path: string;
  readonly status: number;
  /** What it says, ready to be shown. */
  readonly words: string;
  /** It is the API's own JSON: the console itself answers, and nothing before it. */
  readonly isApi: boolean;
  readonly retryAfterMs: number | undefined;
  /** Where a redirect leads to, ready to be shown. */
  readonly target: string;
}

/** The error that an answer is. The status decides; what it says only tells apart what has one status. */
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
  // A page token that is refused is one also where the words come from a server before the console.
  if (status === 400) return new RefusedRequestError(what, isApi ? undefined : remedies.between);
  if (!isApi || status === 451) return blocked(what, remedies.between);
  if (status === 402 || status === 403) return new PermissionMissingError(what, words);
  return new RefusedRequestError(what, status === 404 ? remedies.notFound : undefined);
}

/** Timeouts and conflicts that pass. */
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

/** Not retried at once: a firewall that is asked again and again blocks for longer. */
function blocked(what: string, remedy: string): CollectorError {
  return new CollectorError('unreachable', what, { name: 'BlockedError', remedy });
}

export function unauthorized(host: string, why = ''): CollectorError {
  return new CollectorError('unauthorized', `${host} refuses the token${colon(why)}`, {
    name: 'UnauthorizedError',
  });
}

/** The console refuses the stream to a token that is good. `words` are the console's, ready to be shown. */
export function forbidden(host: string, stream: Stream, words = ''): CollectorError {
  const { name, permission } = stream;
  const denial = denials.find(({ says }) => says.test(words));
  if (denial?.state === 'not-licensed')
    return new CollectorError(denial.state, `${host} has no licence for ${name}${colon(words)}`, {
      name: 'NotLicensedError',
    });
  return new CollectorError('forbidden', `${host} does not let the token read ${name}${colon(words)}`, {
    name: 'ForbiddenError',
    remedy:
      denial?.remedy ??
      `Give the token's user the permission ${permission} (the Viewer role has it), or leave this stream out of the instance's streams.`,
  });
}

interface Denial {
  readonly says: RegExp;
  readonly state: 'forbidden' | 'not-licensed';
  readonly remedy?: string;
}

/** What 403 means other than a missing permission, by what the console says. The first that matches holds. */
const denials: readonly Denial[] = [
  {
    says: /\bIP\b|\ballow-?list|\bwhite-?list|\bnetwork (?:zone|range|restriction)/,
    state: 'forbidden',
    remedy:
      "The console accepts requests from some addresses only. Add the functions' egress addresses to its IP restrictions.",
  },
  { says: /\blicen[cs]|\bsubscription|\bSKU\b|\badd-on\b|\bopt(?:ed|ing)?[ -]?in\b/i, state: 'not-licensed' },
  // A scope without a product, and not a user without a right.
  {
    says: /^(?!.*\b(?:user|role|permission|token|authentication|access)s?\b).*(?:\bnot|n['’]t)\b.*\b(?:enabled|activated|purchased|included)\b/i,
    state: 'not-licensed',
  },
  {
    says: /\bscope\b|\b(?:site|account|group|tenant|global)(?:[ -]level)? users?\b/i,
    state: 'forbidden',
    remedy:
      "The token's scope does not include this. Use a token of a user with a wider scope (site, account or global), or leave this stream out of the instance's streams.",
  },
];

function colon(words: string): string {
  return words === '' ? '' : `: ${words}`;
}
