import type { IncomingHttpHeaders } from 'node:http';
import got, { RequestError } from 'got';
import { UnreachableError } from '../core/errors.ts';

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

/** What to do about each way in which a host can't be reached. */
export interface NetworkRemedies {
  readonly dns: string;
  readonly tls: string;
  readonly proxy: string;
  readonly network: string;
}

const tls = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|EPROTO$|HOSTNAME_MISMATCH$)/;

/** Why no answer came, in an operator's words. */
export function networkError(error: unknown, host: string, remedies: NetworkRemedies): UnreachableError {
  const code = error instanceof RequestError ? error.code : 'unknown';
  const unreachable = (what: string, remedy: string) =>
    new UnreachableError(`${host} ${what} (${code})`, remedy);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return unreachable('has no address in DNS', remedies.dns);
  if (tls.test(code)) return unreachable('has a certificate that is not trusted, or TLS fails', remedies.tls);
  if (code.startsWith('ERR_PROXY')) return unreachable("can't be reached through the proxy", remedies.proxy);
  if (code === 'ETIMEDOUT') return unreachable("can't be connected to in time", remedies.network);
  return unreachable("can't be reached, or the connection broke", remedies.network);
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
