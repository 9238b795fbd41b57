import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import got, { type ExtendOptions, type Got, type Request, RequestError } from 'got';
import { type Obstacle, UnreachableError } from '../errors.ts';

/** A slow name server or a silent host is found out long before a slow answer would be. */
export const connectMs = 10_000;

/**
 * What every request outside AWS is made with. Through the proxy of HTTPS_PROXY where NODE_USE_ENV_PROXY is set, with
 * the certificates of NODE_EXTRA_CA_CERTS: both are Node's own. got's errors carry the request with its secrets, so
 * none leaves an adapter, not even as a cause.
 */
export const client = got.extend({
  followRedirect: false,
  throwHttpErrors: false,
  retry: { limit: 0 },
  headers: { accept: 'application/json', 'user-agent': 'sentinelone-collector' },
});

/** An answer whose body is read as far as there is room for it. */
interface Bounded {
  /** Undefined where the connection ended without one. */
  readonly response: IncomingMessage | undefined;
  /** Undefined where it is larger. */
  readonly body: Buffer | undefined;
}

/**
 * Reads no more than so many bytes; where `by` unpacks, what a bomb unpacks to counts. Throws what got throws.
 * @param maxBytes by the answer's status
 */
export async function exchange(
  by: Got,
  url: string | URL,
  options: ExtendOptions,
  maxBytes: (status: number | undefined) => number,
): Promise<Bounded> {
  let response: IncomingMessage | undefined;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const stream = streamOf(by, url, options);
  stream.once('response', (answer: IncomingMessage) => {
    response = answer;
  });
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > maxBytes(response?.statusCode)) return { response, body: undefined };
    chunks.push(chunk);
  }
  return { response, body: Buffer.concat(chunks) };
}

/** A request whose errors reach the reader only. got can also fail a completely read request if its signal fires late. */
export function streamOf(by: Got, url: string | URL, options: ExtendOptions): Request {
  const stream = by.stream(url, options);
  stream.on('error', () => undefined);
  return stream;
}

/** What to do about each way in which a host can't be reached. */
type Remedies = Readonly<Record<Exclude<Obstacle, 'console'>, string>>;

const tls = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|EPROTO$|HOSTNAME_MISMATCH$)/;

/** Why no answer came, in an operator's words. */
export function networkError(error: unknown, host: string, remedies: Remedies): UnreachableError {
  const code = error instanceof RequestError ? error.code : 'unknown';
  const unreachable = (what: string, obstacle: keyof Remedies) =>
    new UnreachableError(`${host} ${what} (${code})`, remedies[obstacle], undefined, obstacle);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return unreachable('has no address in DNS', 'dns');
  if (tls.test(code)) return unreachable('has an untrusted certificate, or TLS fails', 'tls');
  if (code.startsWith('ERR_PROXY')) return unreachable("can't be reached through the proxy", 'proxy');
  if (code === 'ETIMEDOUT') return unreachable("can't be connected to in time", 'network');
  return unreachable("can't be reached, or the connection broke", 'network');
}

const longestWords = 300;

/** What another system says, fit for a log and a terminal: without the secret, and nothing that moves or turns writing. */
export function said(words: string, secret: string): string {
  return words
    .replaceAll(secret, '[token]')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .slice(0, longestWords);
}

/** Seconds or an HTTP date; anything else is as if it was absent. */
export function retryAfterMs(headers: IncomingHttpHeaders): number | undefined {
  const value = headers['retry-after']?.trim() ?? '';
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? undefined : Math.max(0, ms - (dateMs(headers) ?? Date.now()));
}

/** The `Date` of an answer; undefined where it has none that can be read. */
export function dateMs({ date = '' }: IncomingHttpHeaders): number | undefined {
  const ms = Date.parse(date);
  return Number.isNaN(ms) ? undefined : ms;
}
