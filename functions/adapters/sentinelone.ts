import type { IncomingMessage } from 'node:http';
import { TimeoutError } from 'got';
import {
  HeavyPageError,
  MisconfiguredError,
  type Obstacle,
  PermissionMissingError,
  RateLimitedError,
  RefusedRequestError,
  TokenRefusedError,
  UnreachableError,
} from '../core/errors.ts';
import { at, text } from '../core/json.ts';
import type { Answer, PageRequest, SentinelOne } from '../core/ports.ts';
import type { Json } from '../core/stream.ts';
import { client, connectMs, dateMs, networkError, retryAfterMs, said } from './http.ts';

/** Enough for an error's JSON. */
const refusalBytes = 64 * 1024;

/** The SentinelOne Management API v2.1 over HTTPS. */
export const sentinelOne: SentinelOne = {
  async get(request) {
    const began = performance.now();
    const { response, chunks, bytes } = await exchange(request);
    const body = Buffer.concat(chunks).toString('utf8');
    if (response.statusCode !== 200) throw refusal(response, body, request);
    return {
      body,
      bytes,
      tookMs: performance.now() - began,
      dateMs: dateMs(response.headers),
    } satisfies Answer;
  },

  async expiry({ host, token, timeoutMs, signal }) {
    const path = '/users/api-token-details';
    const request = { host, token, path, query: {}, timeoutMs, maxBytes: refusalBytes, signal };
    const { response, chunks } = await exchange(request, { data: { apiToken: token } });
    const body = Buffer.concat(chunks).toString('utf8');
    if (response.statusCode !== 200) throw refusal(response, body, request);
    const expiresAt = Date.parse(text(parsed(body), 'data', 'expiresAt') ?? '');
    return Number.isNaN(expiresAt) ? undefined : new Date(expiresAt).toISOString();
  },
};

interface Exchange {
  readonly response: IncomingMessage;
  readonly chunks: readonly Uint8Array[];
  /** After decompression: what a bomb unpacks to counts. */
  readonly bytes: number;
}

/** A GET; with something to say, a POST. */
async function exchange(
  { host, token, path, query, timeoutMs, maxBytes, signal }: PageRequest,
  json?: Json,
): Promise<Exchange> {
  const url = new URL(`https://${host}/web/api/v2.1${path}`);
  url.search = new URLSearchParams(query).toString();
  let response: IncomingMessage | undefined;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    const stream = client.stream(url, {
      headers: {
        authorization: `ApiToken ${token}`,
        ...(json !== undefined && { 'content-type': 'application/json' }),
      },
      ...(json !== undefined && { method: 'POST', body: JSON.stringify(json) }),
      timeout: { lookup: connectMs, connect: connectMs, secureConnect: connectMs, request: timeoutMs },
      signal,
    });
    stream.once('response', (answer: IncomingMessage) => {
      response = answer;
    });
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > maxBytes)
        throw new HeavyPageError(`${host} sent more than ${maxBytes} bytes for one page of ${path}`);
      chunks.push(chunk);
      if (response?.statusCode !== 200 && bytes > refusalBytes) break;
    }
  } catch (error) {
    throw error instanceof HeavyPageError ? error : failure(error, host, path, timeoutMs);
  }
  if (response === undefined)
    throw new UnreachableError(`${host} closed the connection without an answer`, remedies.network);
  return { response, chunks, bytes };
}

const remedies = {
  dns: 'Check host in the instance record, and name resolution where the function runs.',
  tls: "Have the console's certificate mended, or trust its private CA (NODE_EXTRA_CA_CERTS).",
  proxy: 'Check the forward proxy (HTTPS_PROXY, NO_PROXY) and that it lets the function reach the console.',
  network: 'It is retried by itself; if it lasts, check the console, and firewalls or allow-lists between.',
  console: "It is retried by itself; if it lasts, look at SentinelOne's status page or ask its support.",
} as const satisfies Record<Obstacle, string>;

function failure(error: unknown, host: string, path: string, timeoutMs: number): Error {
  if (error instanceof TimeoutError && !['lookup', 'connect', 'secureConnect'].includes(error.event)) {
    return new HeavyPageError(
      `${host} took longer than ${Math.round(timeoutMs / 1000)} s for one page of ${path}`,
    );
  }
  return networkError(error, host, remedies);
}

function refusal(response: IncomingMessage, body: string, { host, path, token }: PageRequest): Error {
  const { statusCode = 0 } = response;
  const what = `${host} answers ${statusCode} to ${path}${reason(body, token)}`;
  if (statusCode >= 300 && statusCode < 400) {
    const problem = `${host} redirects to ${target(response)}, and no redirect is followed`;
    return new MisconfiguredError(
      'host',
      problem,
      "Set host to the console's own address, as its web page shows it.",
    );
  }
  if (statusCode === 401) return new TokenRefusedError(what);
  if (statusCode === 403) return new PermissionMissingError(what);
  if (statusCode === 429) return new RateLimitedError(what, retryAfterMs(response.headers));
  if (statusCode >= 500 || statusCode === 408)
    return new UnreachableError(what, remedies.console, retryAfterMs(response.headers), 'console');
  return new RefusedRequestError(what);
}

/** The code and words of the first error; never its `params`, which may echo the token. */
function reason(body: string, token: string): string {
  const errors = at(parsed(body), 'errors');
  const first = Array.isArray(errors) ? errors[0] : undefined;
  const words = [at(first, 'code'), text(first, 'title'), text(first, 'detail')].filter(
    (word) => word !== undefined,
  );
  return words.length === 0 ? '' : `: ${said(words.join(' '), token)}`;
}

function target(response: IncomingMessage): string {
  const location = response.headers.location ?? '';
  return URL.canParse(location) ? new URL(location).host : 'another path';
}

function parsed(body: string): Json | undefined {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
