import { boundHost, jsonIn, withToken } from './token.ts';

/** The parts of a secret id: the name or ARN of a secret, and the key of one token if it holds many. */
export function partsOf(secretId: string): { readonly name: string; readonly key: string | undefined } {
  const at = secretId.indexOf('#');
  return at < 0
    ? { name: secretId, key: undefined }
    : { name: secretId.slice(0, at), key: secretId.slice(at + 1) };
}

type Entries = Readonly<Record<string, unknown>>;

/** The entries of a shared secret. Undefined if its value is something else, such as the secret of one token. */
function entriesIn(value: string | undefined): Entries | undefined {
  if (value === undefined) return {};
  const entries = jsonIn(value);
  if (typeof entries !== 'object' || entries === null || Array.isArray(entries)) return undefined;
  const isOne = Object.hasOwn(entries, 'apiKey') && typeof (entries as Entries).apiKey !== 'object';
  return isOne ? undefined : (entries as Entries);
}

/** The value of one entry of a shared secret, in the form that a secret of one token has. Undefined if there is none. */
export function entryIn(value: string | undefined, key: string): string | undefined {
  const entries = entriesIn(value);
  const entry = entries !== undefined && Object.hasOwn(entries, key) ? entries[key] : undefined;
  const text = JSON.stringify(entry);
  return text?.startsWith('{') ? text : undefined;
}

/** A shared secret's value with another entry, or without it. Undefined if the value is no shared secret. */
export function withEntry(
  value: string | undefined,
  key: string,
  entry: string | undefined,
): string | undefined {
  const entries = entriesIn(value);
  if (entries === undefined) return undefined;
  const others = Object.entries(entries).filter(([name]) => name !== key);
  return JSON.stringify(Object.fromEntries(entry === undefined ? others : [...others, [key, jsonIn(entry)]]));
}

/**
 * A shared secret's value with another token under a key, bound to its host. Other entries, and other keys of the entry,
 * stay as they are. Undefined if the value is no shared secret.
 */
export function withTokenAt(
  value: string | undefined,
  key: string,
  token: string,
  host: string,
): string | undefined {
  return withEntry(value, key, withToken(entryIn(value, key), token, host));
}

/** The host that the token under a key is bound to; undefined if there is none. */
export const hostAt = (value: string | undefined, key: string) => boundHost(entryIn(value, key));
