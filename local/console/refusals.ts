import type { Answer } from './answer.ts';

const json = { 'content-type': 'application/json' };
const html = { 'content-type': 'text/html' };

interface Refusal {
  status: number;
  code: number;
  title: string;
  detail?: string | null;
  params?: Record<string, string>;
}

const refusal = ({ status, code, title, detail = null, params }: Refusal): Answer => ({
  status,
  headers: json,
  body: JSON.stringify({ errors: [{ code, detail, params, title }] }),
});

const nginx = (status: number, reason: string, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { ...html, ...headers },
  body: `<html>\r\n<head><title>${status} ${reason}</title></head>\r\n<body>\r\n<center><h1>${status} ${reason}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`,
});

/** Error responses with the text and format of a real console. */
export const refusals = {
  invalid: (detail: string) => refusal({ status: 400, code: 4000040, title: 'Validation Error', detail }),
  /** Repeats the token, as a real console may, so that logging the response would leak it. */
  unauthorized: (token = '') =>
    refusal({
      status: 401,
      code: 4010010,
      title: 'Authentication Failed',
      detail: 'Authentication credentials were not provided or are invalid',
      params: { apiToken: token },
    }),
  forbidden: (status: 401 | 403 = 403) =>
    refusal({
      status,
      code: status === 403 ? 4030010 : 4010010,
      title: 'Insufficient permissions',
      detail: 'User does not have required permissions.',
    }),
  notFound: () => refusal({ status: 404, code: 4040010, title: 'Resource not found' }),
  failed: (status = 500) =>
    refusal({ status, code: 5000010, title: 'Server could not process the request.' }),
  /** A missing permission is only one cause of 403. The message shows which one it is. */
  denied: (title: string, detail?: string) =>
    refusal({ status: 403, code: 4030010, title, ...(detail && { detail }) }),
  /** An error page of a firewall, a proxy, or a server that no longer hosts the console. */
  page: (status: number, reason: string) => nginx(status, reason),
  /** An error code of any type, as JSON. */
  oddCode: (status: number, code: string): Answer => ({
    status,
    headers: json,
    body: `{"errors":[{"code":${code},"title":"Authentication Failed","detail":null}]}`,
  }),
  misdirected: () => nginx(421, 'Misdirected Request'),
  badGateway: () => nginx(502, 'Bad Gateway'),
  unavailable: (retryAfter?: string) =>
    nginx(
      503,
      'Service Temporarily Unavailable',
      retryAfter === undefined ? {} : { 'retry-after': retryAfter },
    ),
  tooManyRequests: (retryAfter?: string) =>
    nginx(429, 'Too Many Requests', retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
};

/** Thrown for a refused request, with the response. */
export class RefusedRequest extends Error {
  override readonly name = 'RefusedRequest';
  readonly answer: Answer;
  constructor(answer: Answer) {
    super(`refused with ${answer.status}`);
    this.answer = answer;
  }
}
