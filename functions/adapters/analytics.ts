import { TimeoutError } from 'got';
import { MisconfiguredError, TokenRefusedError, UnreachableError } from '../errors.ts';
import {
  HeavyReplyError,
  LoginRefusedError,
  PermissionRefusedError,
  RequestRefusedError,
  UnreadableReplyError,
} from '../forward/errors.ts';
import type { Analytics } from '../forward/ports.ts';
import type { Json } from '../kit/json.ts';
import { at, parsed, structureOf, text } from '../kit/json.ts';
import { redacted } from '../kit/redact.ts';
import { client, connectMs, exchange, networkError, plainWords, retryAfterMs } from './http.ts';

interface Request {
  readonly method: 'GET' | 'POST';
  /** Relative to `/v1`. */
  readonly path: string;
  readonly token?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly timeoutMs: number;
  /** Maximum size of the decompressed response. */
  readonly maxBytes: number;
  /** The permission that the request requires. */
  readonly permission: string;
  /** Removed from error messages. */
  readonly secrets: readonly string[];
}

/** Enough for a login token, or for a receipt with one line per artifact. */
const receiptBytes = 1024 * 1024;

/**
 * The maximum number of values in a response. Fifty artifacts with full metadata have fewer, because their records
 * are texts.
 */
const maxStructure = 200_000;

/**
 * A client of the WitFoo Analytics API (analytics-docs: API, Artifacts, Authentication).
 * @param url the address, including the path before `/v1` if it is not `/api`
 */
export function witfooAnalytics(url: string): Analytics {
  const { host, pathname } = new URL(url);
  const base = pathname === '/' ? `${url.replace(/\/$/, '')}/api/v1` : `${url}/v1`;

  const ask = async (request: Request): Promise<Json> => {
    const { method, path, token, query, body, timeoutMs, maxBytes, permission, secrets } = request;
    const answer = await exchange(
      client,
      `${base}${path}`,
      {
        method,
        ...(query && { searchParams: query }),
        ...(body !== undefined && { body }),
        headers: {
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        timeout: { lookup: connectMs, connect: connectMs, secureConnect: connectMs, request: timeoutMs },
      },
      maxBytes,
    ).catch((error: unknown) => {
      throw error instanceof TimeoutError && error.event === 'request'
        ? new UnreachableError(`${host} does not answer ${method} ${path} in time`, remedies.network)
        : networkError(error, host, remedies);
    });
    const { statusCode = 0, headers = {} } = answer.response ?? {};
    if (statusCode === 0)
      throw new UnreachableError(`${host} closed the connection without an answer`, remedies.network);
    const page = answer.body?.toString() ?? '';
    const isHeavy = answer.body === undefined || structureOf(page) > maxStructure;
    const reply = isHeavy ? undefined : parsed(page);
    const isApi = at(reply, 'success') !== undefined;
    const isPage = !isApi && statusCode !== 200;
    // The response to a login may contain a token that is not in `secrets` yet.
    const isLogin = token === undefined && statusCode === 200;
    const words = isLogin ? '' : isPage ? redacted(plainWords(page), ...secrets) : wordsOf(reply, secrets);
    const what = `${host} answers ${statusCode} to ${method} ${path}${words === '' ? '' : `: ${words}`}`;
    if (statusCode === 401) throw new TokenRefusedError(what);
    if (statusCode === 407) throw new UnreachableError(what, remedies.proxy);
    if ((statusCode === 403 && !isApi) || statusCode === 451)
      throw new UnreachableError(what, remedies.between);
    if (statusCode === 403) throw new PermissionRefusedError(what, permission);
    // That it is asked too often is not because of what it is asked.
    if (statusCode === 429) throw new UnreachableError(what, remedies.analytics, retryAfterMs(headers) ?? 0);
    if (statusCode === 408 || statusCode >= 500)
      throw new UnreachableError(what, remedies.analytics, retryAfterMs(headers));
    if (
      statusCode === 404 ||
      statusCode === 405 ||
      statusCode === 410 ||
      (statusCode >= 300 && statusCode < 400)
    )
      throw new MisconfiguredError('analyticsUrl', what, remedies.url);
    if (statusCode >= 400) throw new RequestRefusedError(what);
    if (isHeavy)
      throw new HeavyReplyError(`${what} with more than ${maxBytes} bytes or ${maxStructure} values`);
    if (at(reply, 'success') !== true)
      throw new UnreadableReplyError(`${what}, which is not a reply of its API`);
    return reply as Json;
  };

  const post = (request: Omit<Request, 'method' | 'maxBytes'>) =>
    ask({ ...request, method: 'POST', maxBytes: receiptBytes }).catch((error: unknown) => {
      throw error instanceof HeavyReplyError ? new UnreadableReplyError(error.message) : error;
    });

  return {
    async login(credentials, timeoutMs) {
      const refused = () => new LoginRefusedError(`${host} refuses the email and password`);
      const secrets = [credentials.email, credentials.password];
      const request = { path: '/auth/login', permission: 'to log in', secrets };
      const reply = await post({ ...request, body: JSON.stringify(credentials), timeoutMs }).catch(
        (error: unknown) => {
          const wrong =
            error instanceof TokenRefusedError ||
            error instanceof PermissionRefusedError ||
            error instanceof RequestRefusedError;
          throw wrong ? refused() : error;
        },
      );
      const token = text(reply, 'data', 'token');
      if (token === undefined) throw new UnreadableReplyError(`${host} answers a login without a token`);
      return token;
    },

    async ingest(token, body, timeoutMs) {
      const request = { path: '/artifacts', permission: 'signals:write', secrets: [token] };
      const reply = await post({ ...request, token, body, timeoutMs });
      const [accepted, rejected] = [at(reply, 'data', 'accepted'), at(reply, 'data', 'rejected')];
      if (typeof accepted !== 'number' || typeof rejected !== 'number')
        throw new UnreadableReplyError(`${host} does not say how many artifacts it accepts`);
      return { accepted, rejected, message: wordsOf(reply, request.secrets) };
    },

    async search(token, { limit, offset, maxBytes, ...search }, timeoutMs) {
      const request = {
        method: 'GET',
        path: '/artifacts',
        maxBytes,
        permission: 'signals:read',
        secrets: [token],
      } as const;
      const query = { source: 'sentinelone', ...search, limit: String(limit), offset: String(offset) };
      const found = at(await ask({ ...request, token, query, timeoutMs }), 'data', 'artifacts');
      if (!Array.isArray(found)) throw new UnreadableReplyError(`${host} answers a search without artifacts`);
      return found.map((artifact) => text(artifact, 'metadata', 'id') ?? '');
    },
  };
}

const kept = 'Nothing is lost: the messages stay in the artifact queue.';

const remedies = {
  dns: `${kept} Check analyticsUrl, and name resolution where the forwarder runs.`,
  tls: `${kept} Fix the certificate of Analytics, or trust its private CA (the setting caFile).`,
  proxy: `${kept} Check the setting proxy, and that the proxy lets the forwarder reach Analytics.`,
  network: `${kept} Retried automatically. If it persists, check Analytics and firewalls.`,
  analytics: `${kept} Retried automatically. If it persists, check Analytics.`,
  between: `${kept} The answer is not that of Analytics: check firewalls and proxies between the forwarder and Analytics.`,
  url: `${kept} Set analyticsUrl to the address of Analytics, as in https://analytics.example.com.`,
} as const;

function wordsOf(reply: Json | undefined, secrets: readonly string[]): string {
  return redacted(text(reply, 'message') ?? '', ...secrets);
}
