import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { MalformedPageError } from '../errors.ts';
import { at, text } from '../kit/json.ts';
import { type Timestamp, timestamp } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';
import type { ConsoleClock } from './console-clock.ts';
import { readPage } from './page.ts';
import { parsedSpan, type Span } from './split.ts';

/** A record with what the cursor and the memory need to know of it. Its parsed form is not kept: it can take ten times as much. */
export interface Record {
  /** SentinelOne's own bytes. */
  readonly raw: Buffer;
  /** It is not JSON, or too complex to be parsed. */
  readonly malformed: boolean;
  readonly isUtf8: boolean;
  readonly recordId: string;
  /** `recordId`, and `@<updatedAt>` where records have versions: the same for the same version. */
  readonly version: string;
  /** The time that the stream is ordered by; undefined where the record has none that can be read. */
  readonly time: Timestamp | undefined;
}

/** SentinelOne's ids are 18 or 19 digits; anything far longer, or with half of a surrogate pair, is no id. */
const longestId = 200;

export function readRecord(span: Span, stream: Stream): Record {
  const { bytes } = span;
  const value = parsedSpan(span);
  const malformed = value === undefined;
  const time = timestamp(at(value, ...stream.time));
  const id = text(value, 'id');
  const recordId = id !== undefined && isId(id) ? id : hash(bytes);
  const version = stream.orderedBy === 'updatedAt' ? `${recordId}@${time ?? hash(bytes)}` : recordId;
  return { raw: bytes, malformed, isUtf8: isUtf8(bytes), recordId, version, time };
}

/** Bytes that are not UTF-8 are read as U+FFFD, so that two ids could become one. */
function isId(id: string): boolean {
  return id.length <= longestId && id.isWellFormed() && !id.includes('\uFFFD');
}

/** Reads all records of a page. Throws as `readPage` does. */
export function readRecords(
  body: Buffer,
  limit: number,
  stream: Stream,
  request: string,
): Pick<PageRead, 'records' | 'next'> & { readonly isolated: boolean } {
  const { records: spans, next, split } = readPage(body, limit, request);
  const records = spans.map((span) => readRecord(span, stream));
  const isAmbiguous = !split || records.some(mayHoldNeighbours);
  if (limit > 1 && isAmbiguous) throw new MalformedPageError();
  return { records, next, isolated: isAmbiguous };
}

/** Whether what is malformed may hold more than one record: a bracket or quote that is missing joins neighbours. */
function mayHoldNeighbours({ raw, malformed }: Record): boolean {
  return malformed && /\}\s*,\s*\{/.test(raw.toString('latin1'));
}

function hash(raw: Buffer): string {
  return createHash('sha256').update(raw).digest('hex');
}

/** What a listing learns from one page. */
export interface PageRead {
  readonly records: readonly Record[];
  readonly next: string | undefined;
  /** The listing goes back in time where one of its parts ends and the next begins. */
  readonly unordered?: boolean;
  /** Call it once its records are no longer needed. */
  readonly release?: () => void;
  readonly sentAt: ConsoleClock['sentAt'];
  readonly aheadMs?: ConsoleClock['aheadMs'];
  readonly skewMs?: ConsoleClock['skewMs'];
  /** It came quickly and was small: a page twice as large is no risk. */
  readonly roomy: boolean;
  /** A malformed record was alone on it: pages after it may be as large as before. */
  readonly isolated?: boolean;
}
