import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, type ZlibOptions } from 'node:zlib';
import { TimeoutError } from 'got';
import type { Answer, PageRequest, SentinelOne } from '../console/api.ts';
import {
  HeavyPageError,
  MisconfiguredError,
  type Obstacle,
  PermissionMissingError,
  RateLimitedError,
  RefusedRequestError,
  TokenRefusedError,
  UnreachableError,
} from '../errors.ts';
import type { Json } from '../kit/json.ts';
import { at, text } from '../kit/json.ts';
import { client, connectMs, dateMs, exchange, networkError, retryAfterMs, said } from './http.ts';

/** Enough for an error's JSON. */
const refusalBytes = 64 * 1024;

/** Packed, a page that is worth waiting with is larger than this. */
const smallBytes = 32 * 1024;

// What has to wait for its turn waits packed.
const packing = client.extend({ decompress: false, headers: { 'accept-encoding': 'gzip, deflate, br' } });

/** The SentinelOne Management API v2.1 over HTTPS. */
export const sentinelOne: SentinelOne = {
  async get(request) {
    const began = performance.now();
    const { response, packed } = await ask(request);
    const tookMs = performance.now() - began;
    const body = await bodyOf(response, packed, request);
    return {
      body: body.toString(),
      bytes: body.length,
      tookMs,
      dateMs: dateMs(response.headers),
    } satisfies Answer;
  },

  async expiry({ host, token, timeoutMs, signal }) {
    const path = '/users/api-token-details';
    const request = { host, token, path, query: {}, timeoutMs, maxBytes: refusalBytes, signal };
    const { response, packed } = await ask(request, { data: { apiToken: token } });
    const body = await bodyOf(response, packed, request);
    const expiresAt = Date.parse(text(parsed(body.toString()), 'data', 'expiresAt') ?? '');
    return Number.isNaN(expiresAt) ? undefined : new Date(expiresAt).toISOString();
  },
};

interface Exchange {
  readonly response: IncomingMessage;
  readonly packed: Buffer;
}

/** What was asked for; a refusal is thrown. */
async function bodyOf(response: IncomingMessage, packed: Buffer, request: PageRequest): Promise<Buffer> {
  if (response.statusCode !== 200) {
    const words = await unpacked(packed, response, refusalBytes).catch(() => '');
    throw refusal(response, words.toString(), request);
  }
  if (packed.length > smallBytes) await request.whenLarge?.();
  return unpacked(packed, response, request.maxBytes).catch((error: unknown) => {
    throw unpackingFailure(error, request);
  });
}

const unpackers: { readonly [encoding: string]: (packed: Buffer, options: ZlibOptions) => Promise<Buffer> } =
  {
    gzip: promisify(gunzip),
    'x-gzip': promisify(gunzip),
    deflate: promisify(inflate),
    br: promisify(brotliDecompress),
  };

/** Each piece costs a way to another thread and back. */
const unpackedAtOnce = 256 * 1024;

/** Rejects where it unpacks to more: a bomb is small. */
async function unpacked(packed: Buffer, { headers }: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const unpack = unpackers[headers['content-encoding']?.trim().toLowerCase() ?? ''];
  return unpack === undefined
    ? packed
    : unpack(packed, { maxOutputLength: maxBytes, chunkSize: unpackedAtOnce });
}

function unpackingFailure(error: unknown, { host, path, maxBytes }: PageRequest): Error {
  return error instanceof RangeError
    ? tooLarge(host, path, maxBytes)
    : new UnreachableError(`${host} sent a response that can't be decompressed`, remedies.network);
}

const tooLarge = (host: string, path: string, maxBytes: number) =>
  new HeavyPageError(`${host} sent more than ${maxBytes} bytes for one page of ${path}`);

/** A GET; with something to say, a POST. */
async function ask(request: PageRequest, json?: Json): Promise<Exchange> {
  const { host, token, path, query, timeoutMs, maxBytes, signal } = request;
  const url = new URL(`https://${host}/web/api/v2.1${path}`);
  url.search = new URLSearchParams(query).toString();
  const options = {
    headers: {
      authorization: `ApiToken ${token}`,
      ...(json !== undefined && { 'content-type': 'application/json' }),
    },
    ...(json !== undefined && { method: 'POST' as const, body: JSON.stringify(json) }),
    timeout: { lookup: connectMs, connect: connectMs, secureConnect: connectMs, request: timeoutMs },
    signal,
  };
  const { response, body } = await exchange(packing, url, options, (status) =>
    status === 200 ? maxBytes : refusalBytes,
  ).catch((error: unknown) => {
    throw failure(error, host, path, timeoutMs);
  });
  if (response === undefined)
    throw new UnreachableError(`${host} closed the connection without an answer`, remedies.network);
  if (body === undefined && response.statusCode === 200) throw tooLarge(host, path, maxBytes);
  return { response, packed: body ?? Buffer.alloc(0) };
}

const remedies = {
  dns: 'Check host in the instance record, and name resolution where the function runs.',
  tls: "Fix the console's certificate, or trust its private CA (NODE_EXTRA_CA_CERTS).",
  proxy: 'Check the forward proxy (HTTPS_PROXY, NO_PROXY) and that it lets the function reach the console.',
  network: 'Retried automatically. If it persists, check the console, firewalls and allow-lists.',
  console: "Retried automatically. If it persists, check SentinelOne's status page or contact its support.",
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
      "Set host to the console's address, as the browser shows it.",
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
