import { MisconfiguredError } from '../errors.ts';
import { at, type Json, parsed, text } from '../kit/json.ts';

/**
 * Returns the token in a secret's value: the value itself, or `apiKey` of a JSON object. Throws MisconfiguredError if
 * there is none; the message never quotes the value.
 */
export function readToken(value: string | undefined, secretId: string): string {
  const refuse = (problem: string) =>
    new MisconfiguredError(
      'secretId',
      `the secret ${shown(secretId)} ${problem}`,
      `Put the API token into the secret ${shown(secretId)}, as it is or as {"apiKey": "…", "host": "…"}.`,
    );
  if (value === undefined) throw refuse('does not exist or may not be read');
  const written = unwrapped(value);
  const json = isJson(written) ? parsed(written) : undefined;
  if (isJson(written) && json === undefined) throw refuse('is not valid JSON with an apiKey');
  const token = json === undefined ? written : unwrapped(text(json, 'apiKey') ?? '');
  const problem = problemWith(token);
  if (json !== undefined && token === '') throw refuse('is JSON without apiKey');
  if (problem !== undefined) throw refuse(problem);
  return token;
}

/** Returns undefined if the token can be sent in a header. */
function problemWith(token: string): string | undefined {
  if (token === '') return 'is empty';
  if (/^bearer\s/i.test(token)) return 'starts with "Bearer", which is not part of an API token';
  if (/[\r\n]/.test(token)) return 'contains more than one line';
  if (/\s/.test(token)) return 'contains a space';
  if (/^["'“”‘’]|["'“”‘’]$/.test(token)) return 'has a quotation mark at one end only';
  return /^[\x21-\x7e]+$/.test(token) ? undefined : 'contains characters that no API token has';
}

/** Returns the host that a secret's value binds its token to: `host` of a JSON object. Undefined if it names none. */
export function boundHost(value: string | undefined): string | undefined {
  const host = at(parsed(unwrapped(value ?? '')), 'host');
  // It may have any form that an instance record accepts.
  return host === undefined
    ? undefined
    : String(host)
        .trim()
        .toLowerCase()
        .replace(/^https:\/\/|\/$/g, '');
}

/**
 * Returns a secret's value with another token, bound to its host. JSON keeps its other keys, and each number as it
 * was written. Returns undefined if the value is JSON that cannot be read, so that it is not overwritten.
 */
export function withToken(value: string | undefined, token: string, host: string): string | undefined {
  const written = unwrapped(value ?? '');
  if (!isJson(written)) return JSON.stringify({ apiKey: token, host });
  const keys = jsonIn(written);
  if (typeof keys !== 'object' || keys === null || Array.isArray(keys)) return undefined;
  return JSON.stringify({ ...keys, apiKey: token, host });
}

/** Returns the text of a binary secret or a file: UTF-8, or UTF-16, which PowerShell writes, with or without a BOM. */
export function textOf(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const isLittleEndian = (first === 0xff && second === 0xfe) || second === 0;
  const isBigEndian = (first === 0xfe && second === 0xff) || first === 0;
  const encoding = isLittleEndian ? 'utf-16le' : isBigEndian ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding).decode(bytes);
}

/** What shells, editors, configuration files and copied headers put around a value. */
const wrappings = [
  /^(?:["'`]|[“‘„‚«])(.*)(?:["'`]|[”’“‘»])$/s,
  /^(?:authorization:\s*)?apitoken(?:\s+|$)(.*)$/is,
  // A line of a .env or YAML file.
  /^(?:export\s+)?\w*(?:key|token)\s*[:=]\s*(?!=)(\S.*)$/is,
  // A line feed that was not understood as one.
  /^(.*?)(?:\\r)?\\n$/s,
];

/** More are not removed, because each takes time. */
const mostWrappings = 8;

/** Removes white space, a BOM and what else is around a value. */
function unwrapped(value: string): string {
  // `trim` also removes a BOM.
  let written = value.trim();
  for (let i = 0; i < mostWrappings; i++) {
    const json = written.startsWith('"') ? parsed(written) : undefined;
    const inner =
      typeof json === 'string'
        ? json
        : wrappings.map((one) => one.exec(written)?.[1]).find((one) => one !== undefined);
    if (inner === undefined) break;
    written = inner.trim();
  }
  return written;
}

/** The JSON in a secret's value, each number as it was written. Undefined if it is no JSON. */
export const jsonIn = (value: string) => parsed(unwrapped(value), asWritten);

const isJson = (written: string) => /^[{[]/.test(written);

/** `JSON.parse` rounds numbers with more than 15 digits. */
const asWritten = ((_: string, value: unknown, { source }: { readonly source?: string }) =>
  typeof value === 'number' && source !== undefined ? rawJSON(source) : value) as Reviver;

type Reviver = (this: unknown, key: string, value: Json) => Json;

const { rawJSON } = JSON as JSON & { rawJSON(text: string): unknown };

/** A path or an ARN is a name. Anything else could be the token itself, written into the wrong attribute. */
function shown(secretId: string): string {
  return secretId.includes('/') || secretId.includes(':') ? secretId : `${secretId.slice(0, 4)}…`;
}
