import { at, parsed } from '../kit/json.ts';
import { dayMs } from '../kit/time.ts';

/** Returns the expiry of a token that is a JWT, in ISO 8601; undefined for other tokens. */
export function expiryIn(token: string): string | undefined {
  const [, payload, signature] = token.split('.');
  if (payload === undefined || signature === undefined) return undefined;
  const seconds = at(parsed(Buffer.from(payload, 'base64url').toString()), 'exp');
  if (typeof seconds !== 'number' || !(Math.abs(seconds) <= latestSeconds)) return undefined;
  return new Date(seconds * 1000).toISOString();
}

/** The latest date that JavaScript supports. */
const latestSeconds = 8.64e12;

/** With less time left, a warning is shown, so that there is time to get a new token. */
export const expiryNoticeMs = 14 * dayMs;

export const expiryRemedy = 'Make a new token in the console before then, and rotate it in.';
