import { MalformedPageError, UnreadableAnswerError } from '../errors.ts';
import { at, type Json, parsed } from '../kit/json.ts';
import {
  elements,
  findData,
  longestEnvelope,
  PageSyntaxError,
  type Range,
  type Span,
  skipSpace,
  tooMuch,
} from './split.ts';

/** One page: the bytes of each record, as views on the response, and the token of the next page. */
export interface Page {
  readonly records: readonly Span[];
  /** Undefined at the true end of the listing. */
  readonly next: string | undefined;
  /** False if the list could not be split: all that is in it is one record. */
  readonly split: boolean;
}

/** Real page tokens have less than 200 characters; a cursor item must not grow by them. */
const longestToken = 4096;

/**
 * Reads the body of a response to `request`, which was for `limit` records. Throws UnreadableAnswerError, with the reason, if it is
 * not a page; MalformedPageError if only its list can't be split, and a smaller page shows which record is at fault.
 */
export function readPage(body: Buffer, limit: number, request = 'the response'): Page {
  const text = body.subarray(0, byteOrderMark.length).equals(byteOrderMark)
    ? body.subarray(byteOrderMark.length)
    : body;
  try {
    return pageOf(text, limit);
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new UnreadableAnswerError(`${request}: not a page: ${problem(text, error)}`);
    throw error;
  }
}

/** Describes the error without text from the body: JSON.parse quotes its input, which must not be logged. */
function problem(body: Buffer, error: SyntaxError): string {
  if (body[skipSpace(body, 0)] === lessThan) return 'it is HTML or XML';
  return error instanceof PageSyntaxError ? error.message : 'it is not JSON';
}

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

const [lessThan, closeBracket] = [0x3c, 0x5d];

function pageOf(body: Buffer, limit: number): Page {
  const { start, whole } = findData(body);
  const around = whole && envelopeOf(body, whole);
  if (whole !== undefined && around !== undefined) {
    const records = elements(body, whole, limit);
    if (records !== undefined) return { records, next: nextOf(around), split: true };
  }
  const { list, envelope } = unsplitList(body, start);
  const next = nextOf(envelope);
  if (limit > 1) throw new MalformedPageError();
  const bytes = body.subarray(list.start + 1, list.end - 1);
  return { records: [{ bytes, values: Number.POSITIVE_INFINITY }], next, split: false };
}

/** The response with null for its list; undefined where that is not JSON. Each record is parsed by itself. */
function envelopeOf(body: Buffer, { start, end }: Range): Json | undefined {
  if (body.length - (end - start) > longestEnvelope) throw tooMuch();
  const envelope = parsed(`${body.subarray(0, start)}null${body.subarray(end)}`);
  const errors = at(envelope, 'errors');
  if (Array.isArray(errors) && errors.length > 0)
    throw new PageSyntaxError('it has errors in addition to data');
  return envelope;
}

/** More are tried by nobody: each costs the parsing of an envelope. */
const mostAttempts = 100;

/**
 * A list that holds something malformed, which starts at `start`: it ends where the rest of the response is valid JSON
 * and has a page token, so that no wrong guess can skip a record.
 */
function unsplitList(body: Buffer, start: number): { readonly list: Range; readonly envelope: Json } {
  const ends: number[] = [];
  const first = Math.max(start, start + body.length - longestEnvelope);
  for (let i = body.length; ends.length < mostAttempts; ) {
    i = body.lastIndexOf(closeBracket, i - 1);
    if (i < first) break;
    ends.push(i + 1);
  }
  for (const end of ends.reverse()) {
    const list = { start, end };
    const envelope = envelopeOf(body, list);
    const isLast = at(envelope, 'data') === null;
    if (isLast && envelope !== undefined && at(envelope, 'pagination', 'nextCursor') !== undefined)
      return { list, envelope };
  }
  throw new PageSyntaxError('it is cut off, or not JSON');
}

/**
 * The page token is percent-encoded or not; null, missing, empty and the text "null" all mean the end (recorded
 * answers). Anything else that is not text could be a page that is never asked for, so it is an error.
 */
function nextOf(envelope: Json | undefined): string | undefined {
  const pagination = at(envelope, 'pagination');
  if (pagination === undefined || pagination === null) return undefined;
  if (typeof pagination !== 'object' || Array.isArray(pagination)) {
    throw new PageSyntaxError('its pagination is not an object');
  }
  const value = at(pagination, 'nextCursor');
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new PageSyntaxError('its nextCursor is not text');
  if (value.length > longestToken)
    throw new PageSyntaxError(`its nextCursor has more than ${longestToken} characters`);
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
