import { MisconfiguredError } from '../errors.ts';
import { at, type Json, text } from '../kit/json.ts';

/**
 * The token in a secret's value: the value itself, or `apiKey` of a JSON object. Throws MisconfiguredError where
 * there is none; the message never quotes the value.
 */
export function readToken(value: string | undefined, secretId: string): string {
  const refuse = (problem: string) =>
    new MisconfiguredError(
      'secretId',
      `the secret ${shown(secretId)} ${problem}`,
      `Put the API token into the secret ${shown(secretId)}, as it is or as {"apiKey": "…"}.`,
    );
  if (value === undefined) throw refuse('does not exist or may not be read');
  const token = (value.trimStart().startsWith('{') ? text(parsed(value), 'apiKey') : value)?.trim();
  if (token === undefined) throw refuse('is JSON without apiKey');
  if (token === '') throw refuse('is empty');
  if (!/^[\x21-\x7e]+$/.test(token)) throw refuse('holds characters that no API token has');
  return token;
}

/** The host that a secret's value binds its token to: `host` of a JSON object. Undefined where it says none. */
export function boundHost(value: string): string | undefined {
  const host = value.trimStart().startsWith('{') ? at(parsed(value), 'host') : undefined;
  // As an instance record may have it.
  return host === undefined
    ? undefined
    : String(host)
        .toLowerCase()
        .replace(/^https:\/\/|\/$/g, '');
}

/**
 * A secret's value with another token: JSON keeps its other keys, each number as it was written.
 * @param host to bind the token to, where the value binds it to none
 */
export function withToken(value: string | undefined, token: string, host?: string): string {
  const keys = value?.trimStart().startsWith('{') ? parsed(value, asWritten) : undefined;
  if (keys === undefined && host === undefined) return token;
  return JSON.stringify({ ...(host !== undefined && { host }), ...Object(keys), apiKey: token });
}

/** `JSON.parse` rounds what has more than 15 digits. */
const asWritten: Reviver = (_, value, { source }) =>
  typeof value === 'number' && source !== undefined ? rawJSON(source) : value;

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

const { rawJSON } = JSON as JSON & { rawJSON(text: string): unknown };

/** A path or an ARN is a name; anything else could be the token itself, written into the wrong attribute. */
function shown(secretId: string): string {
  return secretId.includes('/') || secretId.includes(':') ? secretId : `${secretId.slice(0, 4)}…`;
}

function parsed(value: string, reviver?: Reviver): Json | undefined {
  try {
    return JSON.parse(value, reviver as Parameters<typeof JSON.parse>[1]);
  } catch {
    return undefined;
  }
}
