import type { Duplex } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { type Occurrences, type Rule, ruleFor } from '../http/fault-rules.ts';
import type { Answer, Page, Travel } from './answer.ts';
import { refusals } from './refusals.ts';

/** One request that the console received, without the token. */
export interface SeenRequest {
  /** The console's time in milliseconds. */
  at: number;
  method: string;
  /** Below `/web/api/v2.1`, so `/threats`. */
  path: string;
  query: Record<string, string>;
  /** The API token that was presented; undefined without one. */
  token?: string | undefined;
  status?: number;
}

/** The fault of one response. Fields can be combined: a slow 503, or a page sent in small pieces. */
export interface Fault extends Travel {
  delayMs?: number;
  hang?: boolean;
  reset?: boolean;
  /** Sends anything over the connection in place of a response. */
  takeOver?: (connection: Duplex) => void;
  answer?: Answer;
  /** Changes the response of the console. `null` removes a header. */
  headers?: Record<string, string | null>;
  nextPage?: NextPage;
}

/** The next page token of a response: the token that was sent, or one of the forms of none. */
export type NextPage = 'repeated' | 'empty' | 'null-string' | 'missing' | 'no-pagination';

export type FaultRule = Rule<SeenRequest, Fault>;

export interface RequestMatch extends Occurrences {
  path?: string;
  page?: 'first' | 'later';
}

export function faultFor({ path, page, ...occurrences }: RequestMatch, fault: Fault): FaultRule {
  const matches = (request: SeenRequest) =>
    (path === undefined || path === request.path) &&
    (page === undefined || (page === 'later') === Boolean(request.query.cursor));
  return ruleFor(matches, occurrences, fault);
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

export function withFault(answer: Answer, { headers = {}, nextPage }: Fault, request: SeenRequest): Answer {
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

export const faults = {
  unauthorized: { answer: refusals.unauthorized('echoed-token') },
  forbidden: { answer: refusals.forbidden() },
  serverError: { answer: refusals.failed() },
  denied: (title: string, detail?: string): Fault => ({ answer: refusals.denied(title, detail) }),
  page: (status: number, reason: string): Fault => ({ answer: refusals.page(status, reason) }),
  oddCode: (status: number, code: string): Fault => ({ answer: refusals.oddCode(status, code) }),
  deflate: (form: 'raw' | 'zlib' | 'gzip', unasked = false): Fault => ({ deflate: { form, unasked } }),
  badGateway: { answer: refusals.badGateway() },
  unavailable: (retryAfter?: string): Fault => ({ answer: refusals.unavailable(retryAfter) }),
  /** `retryAfter` is sent unchanged: seconds, an HTTP date, or an invalid value. */
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
  /** A page of these records, whatever was requested. */
  pageOf: (texts: readonly string[], next: string | null): Fault =>
    ok(`{"data":[${texts.join(',')}],"pagination":{"nextCursor":${JSON.stringify(next)},"totalItems":0}}`),
  /** The time of the response is this far ahead of the machine's. */
  dateAhead: (ms: number): Fault => ({ headers: { date: new Date(Date.now() + ms).toUTCString() } }),
  withoutDate: { headers: { date: null } },
  redirected: (location: string): Fault => ({ answer: { status: 302, headers: { location }, body: '' } }),
  /** A few kilobytes that decompress to this many mebibytes of whitespace. */
  gzipBomb: (mebibytes: number): Fault => {
    const member = gzipSync(Buffer.alloc(mebibyte, ' '));
    const body = Buffer.concat(Array.from({ length: mebibytes }, () => member));
    return ok(body, 'application/json', { 'content-encoding': 'gzip' });
  },
} satisfies Record<string, Fault | ((...args: never[]) => Fault)>;
