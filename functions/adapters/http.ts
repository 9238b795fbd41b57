import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import https from 'node:https';
import got, { type ExtendOptions, type Got, type Request, RequestError } from 'got';
import { type Obstacle, UnreachableError } from '../errors.ts';
import './addresses.ts';

/** Shorter than the timeout of a response, so that an unreachable host is detected early. */
export const connectMs = 10_000;

// Node would give a proxy five seconds to connect to a host.
https.globalAgent.options.timeout = connectMs;

/**
 * The HTTP client for all requests outside AWS. Node applies HTTPS_PROXY, if NODE_USE_ENV_PROXY is set, and
 * NODE_EXTRA_CA_CERTS. got's errors contain the request with its secrets, so no adapter throws one, even as a cause.
 */
export const client = got.extend({
  followRedirect: false,
  throwHttpErrors: false,
  retry: { limit: 0 },
  headers: {
    accept: 'application/json',
    // Servers disagree about what deflate means, so it is not offered.
    'accept-encoding': 'gzip, br',
    'user-agent': 'sentinelone-collector',
  },
});

/** A response whose body is read up to a limit. */
interface Bounded {
  /** Undefined if the connection ended without a response. */
  readonly response: IncomingMessage | undefined;
  /** Undefined if the body is larger than the limit. For a status other than 200, the beginning of the body. */
  readonly body: Buffer | undefined;
}

/** Enough for the JSON of an error. */
export const refusalBytes = 64 * 1024;

/** The part of a response that every connection of a run may hold at once. Real pages are smaller. */
const unheldBytes = 1024 * 1024;

/** More are joined, because even a chunk of one byte takes the memory of an object. */
const mostChunks = 1024;

/** The rest of an answer that others wait for did not come in time. */
export class HeldTooLongError extends Error {}

/** What reading more than `unheldBytes` takes. */
export interface Holding {
  /** Awaited first. */
  readonly whenLarge: () => Promise<void>;
  /** The rest of the answer has to come in this time; else HeldTooLongError is thrown. */
  readonly timeoutMs: number;
}

/**
 * Reads a response up to a limit. If `by` decompresses, the limit applies to the decompressed size. Throws got's
 * errors, unless the status is known and is not 200.
 * @param maxBytes for a response with the status 200
 */
export async function exchange(
  by: Got,
  url: string | URL,
  options: ExtendOptions,
  maxBytes: number,
  holding?: Holding,
): Promise<Bounded> {
  let response: IncomingMessage | undefined;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const stream = streamOf(by, url, options);
  stream.once('response', (answer: IncomingMessage) => {
    response = answer;
  });
  let timer: NodeJS.Timeout | undefined;
  let isLate = false;
  const hold = async ({ whenLarge, timeoutMs }: Holding) => {
    await whenLarge();
    timer = setTimeout(() => {
      isLate = true;
      stream.destroy();
    }, timeoutMs);
  };
  const isRefusal = () => response !== undefined && response.statusCode !== 200;
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (!isRefusal() && bytes > maxBytes) return { response, body: undefined };
      if (bytes > unheldBytes && holding && timer === undefined) await hold(holding);
      if (chunks.push(chunk) === mostChunks) chunks.splice(0, mostChunks, Buffer.concat(chunks));
      if (isRefusal() && bytes >= refusalBytes) break;
    }
  } catch (error) {
    if (!isRefusal() && !isLate) throw error;
  } finally {
    clearTimeout(timer);
  }
  if (isLate) throw new HeldTooLongError();
  const body = Buffer.concat(chunks);
  return { response, body: isRefusal() ? body.subarray(0, refusalBytes) : body };
}

/**
 * A request whose errors reach only its reader. got can also emit an error after a response was read completely, if
 * its signal fires late.
 */
export function streamOf(by: Got, url: string | URL, options: ExtendOptions): Request {
  const stream = by.stream(url, options);
  stream.on('error', () => undefined);
  return stream;
}

type Remedies = Readonly<Record<Exclude<Obstacle, 'console'>, string>>;

const tls = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|EPROTO$|HOSTNAME_MISMATCH$)/;

/** Converts a connection error into an error for operators. */
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

/** The text of an error page, without markup. */
export function plainWords(body: string): string {
  return body
    .slice(0, 8 * 1024)
    .replace(/<(script|style)\b[\s\S]*?(?:<\/\1>|$)/gi, ' ')
    .replace(/<[^>]*>?/g, ' ');
}

/** A wait in a `Retry-After`, which may have a fraction, a unit or a sign. */
const span = /^\s*\+?(\d+(?:\.\d*)?|\.\d+)\s*(ms|m|h|s)?[a-z]*\s*$/i;

const unitMs: Readonly<Record<string, number>> = { ms: 1, m: 60_000, h: 3_600_000 };

/** Some servers send when the wait ends, as a Unix time: later than 2001, in seconds or milliseconds. */
const [unixSeconds, unixMs] = [1e9, 1e12];

function spanMs(text: string, now: number): number {
  const [, count, unit = ''] = span.exec(text) ?? [];
  const value = Number(count);
  if (unit === '' && value >= unixSeconds && value < 4 * unixMs)
    return Math.max(0, (value < unixMs ? value * 1000 : value) - now);
  return value * (unitMs[unit.toLowerCase()] ?? 1000);
}

/**
 * Returns the wait that a response asks for, in whole seconds rounded up; undefined if it has none that can be read.
 * Of a list, the longest counts.
 */
export function retryAfterMs(headers: IncomingHttpHeaders): number | undefined {
  const value = (headers['retry-after'] ?? '').slice(0, 40).replaceAll('"', '');
  const now = dateMs(headers) ?? Date.now();
  const wholeSeconds = (ms: number) => Math.max(0, Math.ceil(ms / 1000) * 1000);
  const waits = value.split(',').map((one) => spanMs(one, now));
  if (!waits.some(Number.isNaN)) return wholeSeconds(Math.max(...waits));
  const until = httpDateMs(value);
  return until === undefined ? undefined : wholeSeconds(until - now);
}

/** Returns the `Date` of a response; undefined if it has none that can be read. */
export function dateMs({ date = '' }: IncomingHttpHeaders): number | undefined {
  return httpDateMs(date);
}

/**
 * Reads the three date formats of HTTP (RFC 9110, 5.6.7), and ISO 8601, also with an offset. A zone without an offset or
 * a known name is GMT. `Date.parse` alone would accept `900, 900`.
 */
function httpDateMs(value: string): number | undefined {
  const text = value.trim().slice(0, 40);
  if (!/^(?:[a-z]{3,9}[, ]|\d{4}-\d\d-\d\d[T ]).*\d:\d\d/i.test(text)) return undefined;
  const inGmt = `${text.replace(/ [a-z]{2,5}$/i, '')} GMT`;
  const forms = /[+-]\d\d:?\d\d$|[a-z]$/i.test(text) ? [text, inGmt] : [inGmt];
  return forms.map((form) => Date.parse(form)).find((ms) => !Number.isNaN(ms));
}
