import { MalformedPageError, UnreadableAnswerError } from '../errors.ts';
import { at, errorsIn, type Json, parsed } from '../kit/json.ts';
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
  /** Undefined at the end of the listing. */
  readonly next: string | undefined;
  /** False if the list could not be split; then the whole list is one record. */
  readonly split: boolean;
}

/** Real page tokens have less than 200 characters. The limit bounds the size of a cursor item. */
export const longestToken = 4096;

/**
 * Reads the body of a response to `request`, which was for `limit` records. Throws UnreadableAnswerError, with the
 * reason, if it is not a page. Throws MalformedPageError if only its list cannot be split; smaller pages then show
 * which record is the cause.
 */
export function readPage(body: Buffer, limit: number, request = 'the response'): Page {
  return readBody(body, request, (text) => pageOf(text, limit));
}

/** Reads a body without its byte order mark. A SyntaxError of `read` becomes an UnreadableAnswerError with the reason. */
export function readBody<T>(body: Buffer, request: string, read: (text: Buffer) => T): T {
  const text = body.subarray(0, byteOrderMark.length).equals(byteOrderMark)
    ? body.subarray(byteOrderMark.length)
    : body;
  try {
    return read(text);
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new UnreadableAnswerError(`${request}: not a page: ${problem(text, error)}`);
    throw error;
  }
}

/** Describes the error without text from the body. JSON.parse quotes its input, which must not be logged. */
function problem(body: Buffer, error: SyntaxError): string {
  if (body[skipSpace(body, 0)] === lessThan) return 'it is HTML or XML';
  return error instanceof PageSyntaxError ? error.message : 'it is not JSON';
}

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

const [lessThan, closeBracket] = [0x3c, 0x5d];

function pageOf(body: Buffer, limit: number): Page {
  const { start, whole, spans } = findData(body, limit);
  const around = whole && envelopeOf(body, whole);
  if (whole !== undefined && around !== undefined) {
    const records = spans ?? elements(body, whole, limit);
    if (records !== undefined) return { records, next: nextOf(around), split: true };
  }
  const { list, envelope } = unsplitList(body, start);
  const next = nextOf(envelope);
  if (limit > 1) throw new MalformedPageError();
  const bytes = body.subarray(list.start + 1, list.end - 1);
  return { records: [{ bytes, values: Number.POSITIVE_INFINITY }], next, split: false };
}

/**
 * Returns the response with null for its list, or undefined if that is not JSON. Each record is parsed separately.
 */
function envelopeOf(body: Buffer, { start, end }: Range): Json | undefined {
  if (body.length - (end - start) > longestEnvelope) throw tooMuch();
  const envelope = parsed(`${body.subarray(0, start)}null${body.subarray(end)}`);
  if (errorsIn(envelope).length > 0) throw new PageSyntaxError('it has errors in addition to data');
  return envelope;
}

/** Each attempt parses an envelope, so their number is limited. */
const mostAttempts = 100;

/**
 * Finds the end of a malformed list that starts at `start`: where the rest of the response is valid JSON and has a
 * page token, so that a wrong guess cannot skip a record.
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
 * Returns the page token, which may be percent-encoded. null, missing, empty and the text "null" mean the end of the
 * listing. Any other value that is not text is an error, because it could be a page that would be skipped.
 */
export function nextOf(envelope: Json | undefined): string | undefined {
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
