import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import got, { type ExtendOptions, type Got, type Request, RequestError } from 'got';
import { type Obstacle, UnreachableError } from '../errors.ts';
import './addresses.ts';

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
  headers: {
    accept: 'application/json',
    // What servers mean by deflate differs, so it is not offered.
    'accept-encoding': 'gzip, br',
    'user-agent': 'sentinelone-collector',
  },
});

/** An answer whose body is read as far as there is room for it. */
interface Bounded {
  /** Undefined where the connection ended without one. */
  readonly response: IncomingMessage | undefined;
  /** Undefined where it is larger; of any status but 200, its beginning. */
  readonly body: Buffer | undefined;
}

/** Enough for an error's JSON. */
export const refusalBytes = 64 * 1024;

/** Every connection of a run may hold so much of an answer as it comes; real pages are smaller. */
const unheldBytes = 1024 * 1024;

/**
 * Reads no more than so many bytes; where `by` unpacks, what a bomb unpacks to counts. Throws what got throws, unless
 * the status is known by then and says that there is nothing but an error to read.
 * @param maxBytes of an answer with the status 200
 * @param whenLarge awaited before more than a mebibyte of it is read
 */
export async function exchange(
  by: Got,
  url: string | URL,
  options: ExtendOptions,
  maxBytes: number,
  whenLarge?: () => Promise<void>,
): Promise<Bounded> {
  let response: IncomingMessage | undefined;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const stream = streamOf(by, url, options);
  stream.once('response', (answer: IncomingMessage) => {
    response = answer;
  });
  const isRefusal = () => response !== undefined && response.statusCode !== 200;
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (!isRefusal() && bytes > maxBytes) return { response, body: undefined };
      if (bytes > unheldBytes) await whenLarge?.();
      chunks.push(chunk);
      if (isRefusal() && bytes >= refusalBytes) break;
    }
  } catch (error) {
    if (!isRefusal()) throw error;
  }
  const body = Buffer.concat(chunks);
  return { response, body: isRefusal() ? body.subarray(0, refusalBytes) : body };
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

/** The words of an error page or text, without markup. */
export function plainWords(body: string): string {
  return body
    .slice(0, 8 * 1024)
    .replace(/<(script|style)\b[\s\S]*?(?:<\/\1>|$)/gi, ' ')
    .replace(/<[^>]*>?/g, ' ');
}

/** The seconds of a `Retry-After`, also with a fraction, a unit or quotation marks; of a list, the longest. */
const seconds = /^\s*"?\+?(\d+(?:\.\d*)?|\.\d+)\s*(?:s|secs?|seconds?)?"?\s*$/i;

/** What the answer asks to wait, in whole seconds rounded up; undefined where it says nothing that can be read. */
export function retryAfterMs(headers: IncomingHttpHeaders): number | undefined {
  const value = (headers['retry-after'] ?? '').slice(0, 40);
  const waits = value.split(',').map((one) => Number(seconds.exec(one)?.[1]));
  if (!waits.some(Number.isNaN)) return Math.ceil(Math.max(...waits)) * 1000;
  const until = httpDateMs(value);
  if (until === undefined) return undefined;
  return Math.max(0, Math.ceil((until - (dateMs(headers) ?? Date.now())) / 1000) * 1000);
}

/** The `Date` of an answer; undefined where it has none that can be read. */
export function dateMs({ date = '' }: IncomingHttpHeaders): number | undefined {
  return httpDateMs(date);
}

/** HTTP's three forms of a date (RFC 9110, 5.6.7), and ISO 8601. `Date.parse` alone takes `900, 900` for one. */
function httpDateMs(value: string): number | undefined {
  const text = value.trim().slice(0, 40);
  if (!/^(?:[a-z]{3,9}[, ]|\d{4}-\d\d-\d\dT.*Z)/i.test(text)) return undefined;
  const ms = Date.parse(/[a-z]$/i.test(text) ? text : `${text} GMT`);
  return Number.isNaN(ms) ? undefined : ms;
}
