import { type Json, parsed } from '../kit/json.ts';

/** The bytes of one value. */
export interface Span {
  readonly bytes: Buffer;
  /** The number of values in it, which determines the memory of its parsed form. */
  readonly values: number;
}

/** A parsed value takes up to 100 bytes. Real records have fewer than 1,000 values. */
const mostValues = 100_000;

/** A value with its text. Long numbers are rounded. */
export interface Parsed {
  readonly text: string;
  readonly value: Json;
}

/** Parses the value. Returns undefined if it is not JSON, or too complex. */
export function parsedSpan({ bytes, values }: Span): Parsed | undefined {
  if (values > mostValues) return undefined;
  try {
    const text = bytes.toString();
    return { text, value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** Real responses have less than 200 bytes in addition to `data`. */
export const longestEnvelope = 64 * 1024;

/** Why a response is not a page. The message quotes nothing of it. */
export class PageSyntaxError extends SyntaxError {}

export const tooMuch = () =>
  new PageSyntaxError(`it has more than ${longestEnvelope} bytes in addition to data`);

const [quote, comma, colon] = [0x22, 0x2c, 0x3a];

const [openBracket, backslash, closeBracket, openBrace, closeBrace] = [0x5b, 0x5c, 0x5d, 0x7b, 0x7d];

/** From the first byte to the one after the last. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

interface Lists {
  /** Where the first list named `data` at the top level starts. */
  readonly start: number;
  /**
   * The list that JSON.parse would return as `data`, which is the last of that name. Undefined if there is none, or
   * if its end is missing.
   */
  readonly whole: Range | undefined;
  /** The elements of `whole`, if they are at most as many as the limit and are separated by one comma each. */
  readonly spans: readonly Span[] | undefined;
}

export function findData(body: Buffer, limit: number): Lists {
  let first: number | undefined;
  let data: Range | undefined;
  let listed: Listed | undefined;
  const found = (problem: string): Lists => {
    if (first === undefined) throw new PageSyntaxError(problem);
    const isList =
      data !== undefined && body[data.start] === openBracket && body[data.end - 1] === closeBracket;
    return { start: first, whole: isList ? data : undefined, spans: isList ? listed?.spans : undefined };
  };
  let i = skipSpace(body, 0);
  if (body[i] !== openBrace) throw new PageSyntaxError('it is not a JSON object');
  for (i = skipSpace(body, i + 1); body[i] === quote; i = skipSpace(body, i + 1)) {
    const nameEnd = stringEnd(body, i);
    if (nameEnd < 0) return found('it is cut off');
    if (nameEnd - i > longestEnvelope) throw tooMuch();
    const isData = parsed(body.toString('utf8', i, nameEnd)) === 'data';
    i = skipSpace(body, nameEnd);
    if (body[i] !== colon) return found('it is not JSON');
    const start = skipSpace(body, i + 1);
    if (isData && body[start] === openBracket) first ??= start;
    const read = isData && body[start] === openBracket ? listAt(body, start, limit) : undefined;
    const { end } = read ?? valueEnd(body, start);
    if (isData) listed = read;
    if (isData) data = end < 0 ? undefined : { start, end };
    if (end < 0) return found('it is cut off');
    i = skipSpace(body, end);
    if (body[i] !== comma) break;
  }
  return found(data === undefined ? 'it has no data' : 'its data is not a list');
}

interface Listed {
  readonly end: number;
  readonly spans: readonly Span[];
}

/** Splits a list while its end is looked for, as nearly every list can be. Undefined for any other. */
function listAt(body: Buffer, start: number, limit: number): Listed | undefined {
  const spans: Span[] = [];
  let i = skipSpace(body, start + 1);
  if (body[i] === closeBracket) return { end: i + 1, spans };
  while (spans.length < limit) {
    const { end, values } = valueEnd(body, i);
    if (end <= i) return undefined;
    spans.push({ bytes: body.subarray(i, end), values });
    i = skipSpace(body, end);
    if (body[i] === closeBracket) return { end: i + 1, spans };
    if (body[i] !== comma) return undefined;
    i = skipSpace(body, i + 1);
  }
  return undefined;
}

/**
 * Returns undefined if a value is not followed by a comma or the end of the list. Commas without a value between them
 * are skipped.
 */
export function elements(body: Buffer, { start, end }: Range, limit: number): Span[] | undefined {
  const found: Span[] = [];
  for (let i = skipSpace(body, start + 1); i < end - 1; ) {
    if (body[i] !== comma) {
      if (found.length === limit) {
        // A malformed record can look like several records.
        if (limit === 1 || found.some((span) => parsedSpan(span) === undefined)) return undefined;
        throw new PageSyntaxError(`it has more than the ${limit} records requested`);
      }
      const value = valueEnd(body, i);
      if (value.end <= i || value.end > end - 1) return undefined;
      found.push({ bytes: body.subarray(i, value.end), values: value.values });
      i = skipSpace(body, value.end);
    }
    if (i === end - 1) break;
    if (body[i] !== comma) return undefined;
    i = skipSpace(body, i + 1);
  }
  return found;
}

/** Returns the offset after the value that starts at `start`, or -1, and the number of values in it. */
export function valueEnd(body: Buffer, start: number): { readonly end: number; readonly values: number } {
  let depth = 0;
  let values = 0;
  for (let i = start; i < body.length; i++) {
    switch (body[i]) {
      case quote:
        i = stringEnd(body, i) - 1;
        if (i < 0) return { end: -1, values };
        if (depth === 0) return { end: i + 1, values };
        break;
      case openBrace:
      case openBracket:
        depth++;
        values++;
        break;
      case closeBrace:
      case closeBracket:
        if (depth === 0) return { end: i, values };
        if (--depth === 0) return { end: i + 1, values };
        break;
      case comma:
        values++;
        if (depth === 0) return { end: i, values };
        break;
      case 0x20:
      case 0x0a:
      case 0x0d:
      case 0x09:
        if (depth === 0) return { end: i, values };
    }
  }
  return { end: -1, values };
}

/** Returns the offset after the closing quote of the string that starts at `start`, or -1. */
export function stringEnd(body: Buffer, start: number): number {
  for (let i = start + 1; i < body.length; i++) {
    const byte = body[i];
    if (byte === quote) return i + 1;
    if (byte === backslash) i++;
  }
  return -1;
}

export function skipSpace(body: Buffer, from: number): number {
  let i = from;
  for (let c = body[i]; c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09; ) c = body[++i];
  return i;
}
