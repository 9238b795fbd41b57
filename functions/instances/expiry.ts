import { at, type Json } from '../kit/json.ts';

/** When the token ends by its own account, ISO 8601: newer tokens are JWTs that say so. Undefined where it says nothing. */
export function expiryIn(token: string): string | undefined {
  const [, payload, signature] = token.split('.');
  if (payload === undefined || signature === undefined) return undefined;
  const seconds = at(parsed(Buffer.from(payload, 'base64url').toString()), 'exp');
  if (typeof seconds !== 'number' || !(Math.abs(seconds) <= latestSeconds)) return undefined;
  return new Date(seconds * 1000).toISOString();
}

/** Beyond this JavaScript has no dates. */
const latestSeconds = 8.64e12;

export const day = 24 * 60 * 60 * 1000;

/** With less left than this an operator is told: another token takes some time to get. */
export const expiryNoticeMs = 14 * day;

export const expiryRemedy = 'Make a new token in the console before then, and rotate it in.';

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
