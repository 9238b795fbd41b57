import { gzipSync } from 'node:zlib';
import type { Answer, Page, Travel } from './answer.ts';
import { refusals } from './refusals.ts';

/** One request as the console saw it. The token is not kept. */
export interface SeenRequest {
  /** The console's own time, in milliseconds. */
  at: number;
  method: string;
  /** Below `/web/api/v2.1`, so `/threats`. */
  path: string;
  query: Record<string, string>;
  /** Undefined while, or when, nothing was answered. */
  status?: number;
}

/** What goes wrong with one answer. Parts combine: a slow 503, a trickled page. */
export interface Fault extends Travel {
  delayMs?: number;
  /** Nothing is ever answered. */
  hang?: boolean;
  /** The connection is cut before anything is answered. */
  reset?: boolean;
  /** Takes the place of the console's own answer. */
  answer?: Answer;
  /** Changes the console's own answer. `null` leaves a header out. */
  headers?: Record<string, string | null>;
  /** Changes where the console's own page leads. */
  nextPage?: NextPage;
}

/** What an answer says of the next page: the page token that was sent, or nothing in one of its forms. */
export type NextPage = 'repeated' | 'empty' | 'null-string' | 'missing' | 'no-pagination';

/** Says whether, and what, goes wrong with a request. */
export type FaultRule = (request: SeenRequest) => Fault | undefined;

/** Which requests a fault befalls. Of the matching ones: the `nth` (from 1) and so many in all, or every one. */
export interface Befalls {
  path?: string;
  page?: 'first' | 'later';
  nth?: number;
  times?: number;
}

/** A rule for the requests that match. */
export function befall(
  { path, page, nth = 1, times = Number.POSITIVE_INFINITY }: Befalls,
  fault: Fault,
): FaultRule {
  let matches = 0;
  return (request) => {
    if (path !== undefined && path !== request.path) return undefined;
    if (page !== undefined && (page === 'later') !== Boolean(request.query.cursor)) return undefined;
    matches += 1;
    return matches >= nth && matches < nth + times ? fault : undefined;
  };
}

const forms: Record<NextPage, (page: Page, sent: string | undefined) => Page['pagination']> = {
  repeated: ({ pagination }, sent) =>
    sent ? { ...pagination, nextCursor: encodeURIComponent(sent) } : pagination,
  empty: ({ pagination }) => ({ ...pagination, nextCursor: '' }),
  'null-string': ({ pagination }) => ({ ...pagination, nextCursor: 'null' }),
  missing: ({ pagination }) => ({
    ...(pagination?.totalItems !== undefined && { totalItems: pagination.totalItems }),
  }),
  'no-pagination': () => null,
};

/** Applies what a fault changes in the console's own answer. */
export function spoil(answer: Answer, { headers = {}, nextPage }: Fault, request: SeenRequest): Answer {
  const kept = Object.entries({ ...answer.headers, ...headers }).filter(([, value]) => value !== null);
  const { body } = answer;
  const isPage = typeof body === 'object' && !Buffer.isBuffer(body);
  return {
    status: answer.status,
    headers: Object.fromEntries(kept) as Record<string, string>,
    body: nextPage && isPage ? { ...body, pagination: forms[nextPage](body, request.query.cursor) } : body,
  };
}

const ok = (body: string | Buffer, contentType = 'application/json', more = {}): Fault => ({
  answer: { status: 200, headers: { 'content-type': contentType, ...more }, body },
});

const mebibyte = 2 ** 20;

/** The faults that collectors are known to meet, by name. */
export const faults = {
  unauthorized: { answer: refusals.unauthorized('echoed-token') },
  forbidden: { answer: refusals.forbidden() },
  serverError: { answer: refusals.failed() },
  badGateway: { answer: refusals.badGateway() },
  unavailable: (retryAfter?: string): Fault => ({ answer: refusals.unavailable(retryAfter) }),
  /** `retryAfter` is sent as it is: seconds, an HTTP date, or nonsense. */
  tooManyRequests: (retryAfter?: string): Fault => ({ answer: refusals.tooManyRequests(retryAfter) }),
  refusedPageToken: { answer: refusals.invalid('cursor: Invalid cursor.') },
  nextPage: (nextPage: NextPage): Fault => ({ nextPage }),
  slow: (delayMs: number): Fault => ({ delayMs }),
  hang: { hang: true },
  reset: { reset: true },
  truncated: (truncateAt: number): Fault => ({ truncateAt }),
  trickled: (bytes: number, everyMs: number): Fault => ({ trickle: { bytes, everyMs } }),
  htmlWithStatus200: ok('<!DOCTYPE html><html><body>We are down for maintenance.</body></html>', 'text/html'),
  brokenJson: ok('{"data":[{"id":"1","na'),
  dataMissing: ok('{"pagination":{"nextCursor":null,"totalItems":0},"errors":null}'),
  dataNull: ok('{"data":null,"pagination":{"nextCursor":null},"errors":null}'),
  withoutDate: { headers: { date: null } },
  redirected: (location: string): Fault => ({ answer: { status: 302, headers: { location }, body: '' } }),
  /** A few kilobytes that unpack to so many mebibytes of white space. */
  gzipBomb: (mebibytes: number): Fault => {
    const member = gzipSync(Buffer.alloc(mebibyte, ' '));
    const body = Buffer.concat(Array.from({ length: mebibytes }, () => member));
    return ok(body, 'application/json', { 'content-encoding': 'gzip' });
  },
} satisfies Record<string, Fault | ((...args: never[]) => Fault)>;
