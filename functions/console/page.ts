import { UnreadableAnswerError } from '../errors.ts';
import { at, type Json } from '../kit/json.ts';

/** One page: the exact text and the parsed value of each record, and the token of the next page. */
export interface Page {
  readonly records: readonly { readonly raw: string; readonly value: Json }[];
  /** Undefined at the true end of the listing. */
  readonly next: string | undefined;
}

/** Reads the body of a response. Throws UnreadableAnswerError, with the reason, if it is not a page. */
export function readPage(body: string): Page {
  try {
    return split(body.charCodeAt(0) === byteOrderMark ? body.slice(1) : body);
  } catch (error) {
    if (error instanceof SyntaxError) throw new UnreadableAnswerError(`not a page: ${problem(body, error)}`);
    throw error;
  }
}

/** Describes the error without text from the body: JSON.parse quotes its input, which must not be logged. */
function problem(body: string, error: SyntaxError): string {
  if (body.trimStart().startsWith('<')) return 'it is HTML or XML';
  return error instanceof PageSyntaxError ? error.message : 'it is not JSON';
}

class PageSyntaxError extends SyntaxError {}

const byteOrderMark = 0xfeff;

const [quote, comma, colon] = [0x22, 0x2c, 0x3a];

const [openBracket, backslash, closeBracket, openBrace, closeBrace] = [0x5b, 0x5c, 0x5d, 0x7b, 0x7d];

function split(body: string): Page {
  const data = findData(body);
  // With the records cut out, JSON.parse judges the rest; each record is judged by itself.
  const envelope: Json = JSON.parse(`${body.slice(0, data.start)}null${body.slice(data.end)}`);
  const errors = at(envelope, 'errors');
  if (Array.isArray(errors) && errors.length > 0)
    throw new PageSyntaxError('it has errors in addition to data');
  const records = elements(body, data).map((raw) => ({ raw, value: JSON.parse(raw) as Json }));
  return { records, next: nextToken(at(envelope, 'pagination')) };
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where the array lies that JSON.parse would show as `data`: the last of that name at the top level. */
function findData(body: string): Span {
  let data: Span | undefined;
  let i = skipSpace(body, 0);
  if (body.charCodeAt(i) !== openBrace) throw new PageSyntaxError('it is not a JSON object');
  for (i = skipSpace(body, i + 1); body.charCodeAt(i) === quote; i = skipSpace(body, i + 1)) {
    const nameEnd = stringEnd(body, i);
    const name: unknown = JSON.parse(body.slice(i, nameEnd));
    i = skipSpace(body, nameEnd);
    if (body.charCodeAt(i) !== colon) throw new PageSyntaxError('it is not JSON');
    const start = skipSpace(body, i + 1);
    const end = valueEnd(body, start);
    if (name === 'data') data = { start, end };
    i = skipSpace(body, end);
    if (body.charCodeAt(i) !== comma) break;
  }
  if (data === undefined) throw new PageSyntaxError('it has no data');
  if (body.charCodeAt(data.start) !== openBracket) throw new PageSyntaxError('its data is not a list');
  if (body.charCodeAt(data.end - 1) !== closeBracket) throw new PageSyntaxError('it is not JSON');
  return data;
}

function elements(body: string, array: Span): string[] {
  const texts: string[] = [];
  let i = skipSpace(body, array.start + 1);
  if (i === array.end - 1) return texts;
  for (;;) {
    const end = valueEnd(body, i);
    texts.push(body.slice(i, end));
    i = skipSpace(body, end);
    if (i === array.end - 1) return texts;
    if (body.charCodeAt(i) !== comma) throw new PageSyntaxError('it is not JSON');
    i = skipSpace(body, i + 1);
  }
}

/** One past the end of the value that starts at `start`; text within strings is hopped over, not looked at. */
function valueEnd(body: string, start: number): number {
  let depth = 0;
  for (let i = start; i < body.length; i++) {
    switch (body.charCodeAt(i)) {
      case quote:
        i = stringEnd(body, i) - 1;
        if (depth === 0) return i + 1;
        break;
      case openBrace:
      case openBracket:
        depth++;
        break;
      case closeBrace:
      case closeBracket:
        if (depth === 0) return i;
        if (--depth === 0) return i + 1;
        break;
      case comma:
      case 0x20:
      case 0x0a:
      case 0x0d:
      case 0x09:
        if (depth === 0) return i;
    }
  }
  throw new PageSyntaxError('it is cut off');
}

/** One past the closing quote of the string that opens at `start`. */
function stringEnd(body: string, start: number): number {
  for (let end = start; ; ) {
    end = body.indexOf('"', end + 1);
    if (end < 0) throw new PageSyntaxError('it is cut off');
    let escapes = end;
    while (body.charCodeAt(escapes - 1) === backslash) escapes--;
    if ((end - escapes) % 2 === 0) return end + 1;
  }
}

function skipSpace(body: string, from: number): number {
  let i = from;
  for (let c = body.charCodeAt(i); c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09; )
    c = body.charCodeAt(++i);
  return i;
}

/**
 * The page token is percent-encoded or not; null, missing, empty and the text "null" all mean the end (recorded
 * answers). Anything else that is not text could be a page that is never asked for, so it is an error.
 */
function nextToken(pagination: Json | undefined): string | undefined {
  if (pagination === undefined || pagination === null) return undefined;
  if (typeof pagination !== 'object' || Array.isArray(pagination)) {
    throw new PageSyntaxError('its pagination is not an object');
  }
  const value = at(pagination, 'nextCursor');
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new PageSyntaxError('its nextCursor is not text');
  const token = decoded(value.trim());
  return token === '' || token === 'null' ? undefined : token;
}

function decoded(token: string): string {
  if (!token.includes('%')) return token;
  try {
    return decodeURIComponent(token);
  } catch {
    return token;
  }
}
