import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createInflateRaw, createUnzip, type ZlibOptions } from 'node:zlib';
import { TimeoutError } from 'got';
import { type Answer, largeBytes, type PageRequest, type SentinelOne } from '../console/api.ts';
import { refusalOf } from '../console/refusal.ts';
import { HeavyPageError, type Obstacle, OutOfTimeError, UnreachableError } from '../errors.ts';
import { free } from '../kit/garbage.ts';
import type { Json } from '../kit/json.ts';
import { at, code, list, lookUp, parsed, text } from '../kit/json.ts';
import { redacted } from '../kit/redact.ts';
import {
  client,
  connectMs,
  dateMs,
  exchange,
  HeldTooLongError,
  networkError,
  plainWords,
  refusalBytes,
  retryAfterMs,
} from './http.ts';

// Responses that wait for a permit stay compressed.
const packing = client.extend({ decompress: false });

/** The SentinelOne Management API v2.1 over HTTPS. */
export const sentinelOne: SentinelOne = {
  async get(request) {
    const began = performance.now();
    const { response, packed } = await ask(request);
    const tookMs = performance.now() - began;
    const body = await bodyOf(response, packed, request);
    return { body, tookMs, dateMs: dateMs(response.headers) } satisfies Answer;
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

/** Returns the body of a successful response. Throws an error for any other. */
async function bodyOf(response: IncomingMessage, packed: Buffer, request: PageRequest): Promise<Buffer> {
  if (response.statusCode !== 200) {
    const body = await unpacked(packed, response, { maxBytes: refusalBytes }).catch(() => '');
    if (response.statusCode === 400 && request.json !== undefined && isGraphql(body.toString()))
      return Buffer.from(body);
    throw refusal(response, body.toString(), request);
  }
  return unpacked(packed, response, request).catch((error: unknown) => {
    throw unpackingFailure(error, request);
  });
}

/** Some servers answer an invalid query with 400 instead of 200. The errors are the same. */
const isGraphql = (body: string) => text(list(parsed(body), 'errors')[0], 'message') !== undefined;

type Unpacker = (packed: Buffer, options: ZlibOptions) => Transform;

/** Servers use the names gzip, zlib and raw deflate for each other's formats, so the first two bytes decide. */
const inflater: Unpacker = (packed, options) => {
  const [first = 0, second = 0] = packed;
  const isZlib = (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0;
  return first === 0x1f || isZlib ? createUnzip(options) : createInflateRaw(options);
};

const unpackers: Readonly<Record<string, Unpacker>> = {
  gzip: inflater,
  'x-gzip': inflater,
  deflate: inflater,
  br: (_, options) => createBrotliDecompress(options),
};

/** Large chunks, because each chunk is passed to another thread and back. */
const [smallestChunk, usualChunk] = [16 * 1024, 256 * 1024];

/** One chunk for all, if the end of gzip declares the size. It can be wrong, so more chunks may follow. */
function chunkBytes(packed: Buffer, maxBytes: number): number {
  const isGzip = packed.length >= 18 && packed[0] === 0x1f;
  const declared = isGzip ? packed.readUInt32LE(packed.length - 4) : usualChunk;
  return declared > maxBytes ? usualChunk : Math.max(declared, smallestChunk) + 1;
}

class TooLargeError extends Error {}

/**
 * Decompresses a body and waits for `whenLarge` at the first large chunk. Rejects if the result exceeds `maxBytes`: a
 * small body can decompress to gigabytes.
 */
async function unpacked(
  packed: Buffer,
  { headers }: IncomingMessage,
  { maxBytes, whenLarge }: Pick<PageRequest, 'maxBytes' | 'whenLarge'>,
): Promise<Buffer> {
  const unpacker = lookUp(unpackers, headers['content-encoding']?.trim().toLowerCase() ?? '');
  if (packed.length > largeBytes) await whenLarge?.();
  if (unpacker === undefined) return packed;
  const chunkSize = chunkBytes(packed, maxBytes);
  if (chunkSize > largeBytes + 1) await whenLarge?.();
  const stream = unpacker(packed, { chunkSize });
  stream.end(packed);
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > maxBytes) throw new TooLargeError();
    if (bytes > largeBytes) await whenLarge?.();
    pieces.push(piece);
  }
  free(packed);
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
}

function unpackingFailure(error: unknown, { host, path, maxBytes }: PageRequest): Error {
  if (error instanceof OutOfTimeError) return error;
  return error instanceof TooLargeError
    ? tooLarge(host, path, maxBytes)
    : new UnreachableError(`${host} sent a response that can't be decompressed`, remedies.network);
}

const tooLarge = (host: string, path: string, maxBytes: number) =>
  new HeavyPageError(`${host} sent more than ${maxBytes} bytes for one page of ${path}`);

async function ask(request: PageRequest, json = request.json): Promise<Exchange> {
  const { host, token, path, query, timeoutMs, maxBytes, signal } = request;
  const url = new URL(`https://${host}/web/api/v2.1${path}`);
  // Encoded commas between ids would be three times as long.
  url.search = new URLSearchParams(query).toString().replaceAll('%2C', ',');
  const options = {
    headers: {
      authorization: `ApiToken ${token}`,
      ...(json !== undefined && { 'content-type': 'application/json' }),
    },
    ...(json !== undefined && { method: 'POST' as const, body: JSON.stringify(json) }),
    timeout: { lookup: connectMs, connect: connectMs, secureConnect: connectMs, request: timeoutMs },
    signal,
  };
  const { whenLarge } = request;
  const holding = whenLarge && { whenLarge, timeoutMs: timeoutMs * heldShare };
  const { response, body } = await exchange(packing, url, options, maxBytes, holding).catch(
    (error: unknown) => {
      throw failure(error, host, path, timeoutMs);
    },
  );
  if (response === undefined)
    throw new UnreachableError(`${host} closed the connection without an answer`, remedies.network);
  if (body === undefined) throw tooLarge(host, path, maxBytes);
  return { response, packed: body };
}

/** Of the time for a page, for the rest of one that keeps others waiting: five seconds of a minute. */
const heldShare = 1 / 12;

const remedies = {
  dns: 'Check host in the instance record, and name resolution where the function runs.',
  tls: "Fix the console's certificate, or trust its private CA (NODE_EXTRA_CA_CERTS).",
  proxy: 'Check the forward proxy (HTTPS_PROXY, NO_PROXY) and that it lets the function reach the console.',
  network: 'Retried automatically. If it persists, check the console, firewalls and allow-lists.',
} as const satisfies Record<Exclude<Obstacle, 'console'>, string>;

function failure(error: unknown, host: string, path: string, timeoutMs: number): Error {
  if (error instanceof OutOfTimeError) return error;
  if (error instanceof HeldTooLongError)
    return new HeavyPageError(`${host} took too long for the rest of a large page of ${path}`);
  if (error instanceof TimeoutError && !['lookup', 'connect', 'secureConnect'].includes(error.event)) {
    return new HeavyPageError(
      `${host} took longer than ${Math.round(timeoutMs / 1000)} s for one page of ${path}`,
    );
  }
  return networkError(error, host, remedies);
}

/** Only the status decides the kind of error, so that the content of a response cannot change it. */
function refusal(response: IncomingMessage, body: string, { host, path, token }: PageRequest): Error {
  const answer = parsed(body);
  const errors = at(answer, 'errors');
  return refusalOf({
    host,
    path,
    status: response.statusCode ?? 0,
    words: redacted(Array.isArray(errors) ? firstOf(errors) : plainWords(body), token),
    isApi: Array.isArray(errors) || (answer === undefined && cutOff.test(body)),
    retryAfterMs: retryAfterMs(response.headers),
    target: redacted(target(response), token),
  });
}

/** The JSON of an API error that was cut at the size limit. */
const cutOff = /^\s*\{[\s\S]*"errors"\s*:\s*\[/;

/** Returns the code and message of the first error, without `params`, which may repeat the token. */
function firstOf([first]: readonly Json[]): string {
  const words = [code(first, 'code'), text(first, 'title'), text(first, 'detail')];
  return words.filter((word) => word !== undefined).join(' ');
}

function target(response: IncomingMessage): string {
  const location = response.headers.location ?? '';
  return URL.canParse(location) ? new URL(location).host : 'another path';
}
