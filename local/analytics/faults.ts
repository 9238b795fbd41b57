import type { Answer, Travel } from '../console/answer.ts';
import type { Artifact } from './artifact.ts';
import { refusal } from './refusal.ts';

export type Route = 'login' | 'ingest' | 'search' | 'other';

/** One request as Analytics saw it. Neither token, password nor record is kept. */
export interface SeenRequest {
  /** The stand-in's own time, in milliseconds. */
  readonly at: number;
  readonly route: Route;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Of the body. */
  readonly bytes: number;
  /** Of a login that could be read. */
  email?: string;
  /** How many artifacts an ingest request holds, as far as it can be read. */
  artifacts?: number;
  accepted?: number;
  rejected?: number;
  /** Undefined while, or when, nothing was answered. */
  status?: number;
}

/** Whether a request has had its effect by then. */
type Moment = 'before' | 'after';

/** What goes wrong with one request. Parts combine: a slow 503, a rejection whose answer is lost. */
export interface Fault extends Travel {
  delayMs?: number;
  /** Nothing is ever answered. */
  hang?: Moment;
  /** The connection is cut in place of an answer. */
  cut?: Moment;
  /** Takes the place of Analytics' own answer; the request has no effect. */
  answer?: Answer;
  /** Larger bodies are answered with 413. */
  largestBytes?: number;
  /** Each such artifact is counted as rejected, with status 200. */
  rejects?: (artifact: Artifact) => boolean;
  /** One such artifact has the whole request answered with 400. */
  refuses?: (artifact: Artifact) => boolean;
  /** What is accepted stays unseen by so many searches. */
  hiddenForSearches?: number;
}

/** Says whether, and what, goes wrong with a request. */
export type FaultRule = (request: SeenRequest) => Fault | undefined;

/** Which requests a fault befalls. Of the matching ones: the `nth` (from 1) and so many in all, or every one. */
export interface Befalls {
  route?: Route;
  nth?: number;
  times?: number;
  /** A switch: while it says no, nothing matches. */
  while?: () => boolean;
}

/** A rule for the requests that match. */
export function befall(
  { route, nth = 1, times = Number.POSITIVE_INFINITY, while: isOn = () => true }: Befalls,
  fault: Fault,
): FaultRule {
  let matches = 0;
  return (request) => {
    if ((route !== undefined && route !== request.route) || !isOn()) return undefined;
    matches += 1;
    return matches >= nth && matches < nth + times ? fault : undefined;
  };
}

const html = (status: number, text: string): Answer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: `<!DOCTYPE html><html><body>${text}</body></html>`,
});

/** The faults that a client of Analytics can meet, by name. */
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
  /** The artifacts are stored; nobody is told. */
  answerLost: { cut: 'after' },
  tooLarge: (largestBytes: number): Fault => ({ largestBytes }),
  rejecting: (rejects: (artifact: Artifact) => boolean): Fault => ({ rejects }),
  refusing: (refuses: (artifact: Artifact) => boolean): Fault => ({ refuses }),
  hidden: (hiddenForSearches: number): Fault => ({ hiddenForSearches }),
  redirected: (location: string, status = 302): Fault => ({
    answer: { status, headers: { location }, body: '' },
  }),
  html: { answer: html(200, 'We are down for maintenance.') },
  truncated: (truncateAt: number): Fault => ({ truncateAt }),
} satisfies Record<string, Fault | ((...args: never[]) => Fault)>;
