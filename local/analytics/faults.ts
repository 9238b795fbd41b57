import type { Answer, Travel } from '../console/answer.ts';
import { type Occurrences, type Rule, ruleFor } from '../http/fault-rules.ts';
import type { Artifact } from './artifact.ts';
import { refusal } from './refusal.ts';

export type Route = 'login' | 'ingest' | 'search' | 'other';

/** One request that Analytics received, without token, password or records. */
export interface SeenRequest {
  /** The stand-in's time in milliseconds. */
  readonly at: number;
  readonly route: Route;
  readonly method: string;
  readonly path: string;
  readonly bytes: number;
  /** The email address of a login, if it can be read. */
  email?: string;
  /** The number of artifacts in an ingest request, if it can be read. */
  artifacts?: number;
  accepted?: number;
  rejected?: number;
  status?: number;
}

/** Whether the request has taken effect at that point. */
type Moment = 'before' | 'after';

/** The fault of one request. Fields can be combined: a slow 503, or a rejection whose response is lost. */
export interface Fault extends Travel {
  delayMs?: number;
  hang?: Moment;
  /** The connection is closed instead of a response. */
  cut?: Moment;
  /** Replaces the response of Analytics; the request has no effect. */
  answer?: Answer;
  /** Added before the body of each response. */
  prefix?: string;
  /** Larger bodies get a 413 response. */
  largestBytes?: number;
  /** Matching artifacts are counted as rejected, with status 200. */
  rejects?: (artifact: Artifact) => boolean;
  /** A matching artifact causes a 400 response for the whole request. */
  refuses?: (artifact: Artifact) => boolean;
  /** A matching artifact causes this response for the whole request, as by a firewall in front of Analytics. */
  blocks?: { readonly which: (artifact: Artifact) => boolean; readonly answer: Answer };
  /** Accepted artifacts are not found by this many searches. */
  hiddenForSearches?: number;
}

export type FaultRule = Rule<SeenRequest, Fault>;

export interface RequestMatch extends Occurrences {
  route?: Route;
  /** While it returns false, no request matches. */
  while?: () => boolean;
}

export function faultFor(
  { route, while: isOn = () => true, ...occurrences }: RequestMatch,
  fault: Fault,
): FaultRule {
  const matches = (request: SeenRequest) => (route === undefined || route === request.route) && isOn();
  return ruleFor(matches, occurrences, fault);
}

const html = (status: number, text: string): Answer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: `<!DOCTYPE html><html><body>${text}</body></html>`,
});

export const faults = {
  wrongCredentials: { answer: refusal(401, 'invalid email or password') },
  tokenExpired: { answer: refusal(401, 'token expired') },
  forbidden: { answer: refusal(403, 'permission denied') },
  status: (status: number, headers: Record<string, string> = {}): Fault => {
    const answer = refusal(status, `status ${status} on purpose`);
    return { answer: { ...answer, headers: { ...answer.headers, ...headers } } };
  },
  slow: (delayMs: number): Fault => ({ delayMs }),
  hang: { hang: 'before' },
  cut: { cut: 'before' },
  /** The artifacts are stored, but the response is lost. */
  answerLost: { cut: 'after' },
  tooLarge: (largestBytes: number): Fault => ({ largestBytes }),
  rejecting: (rejects: (artifact: Artifact) => boolean): Fault => ({ rejects }),
  refusing: (refuses: (artifact: Artifact) => boolean): Fault => ({ refuses }),
  blocking: (which: (artifact: Artifact) => boolean, status: number): Fault => ({
    blocks: { which, answer: html(status, 'Your request was blocked.') },
  }),
  hidden: (hiddenForSearches: number): Fault => ({ hiddenForSearches }),
  redirected: (location: string, status = 302): Fault => ({
    answer: { status, headers: { location }, body: '' },
  }),
  byteOrderMark: { prefix: '\uFEFF' },
  html: { answer: html(200, 'We are down for maintenance.') },
  truncated: (truncateAt: number): Fault => ({ truncateAt }),
} satisfies Record<string, Fault | ((...args: never[]) => Fault)>;
