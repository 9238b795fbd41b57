import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { MalformedPageError } from '../errors.ts';
import { at, type Json, text } from '../kit/json.ts';
import { type Timestamp, timestamp } from '../kit/time.ts';
import { metadataOf, type StreamMetadata } from '../streams/metadata.ts';
import type { Stream } from '../streams/stream.ts';
import type { ConsoleClock } from './console-clock.ts';
import { type Page, readPage } from './page.ts';
import { parsedSpan, type Span } from './split.ts';

/** What is needed of a record. Its parsed form is not kept, because it can take ten times as much memory. */
export interface Record {
  readonly raw: Buffer;
  readonly malformed: boolean;
  readonly isUtf8: boolean;
  readonly recordId: string;
  /** `recordId`, with `@<updatedAt>` if records of the stream have versions. */
  readonly version: string;
  /** The time that the stream is ordered by; undefined if the record has none that can be read. */
  readonly time: Timestamp | undefined;
  readonly metadata: StreamMetadata;
  /** When it was created; undefined where the ledger cannot count it: see `createdIn`. */
  readonly created?: Timestamp | undefined;
  /** What the stream's mapping does not know; absent if it knows all. */
  readonly drift?: readonly string[];
}

/**
 * SentinelOne's ids are digits, UUIDs or base64. They are shown in logs and errors, so any other text is not an id: it
 * could be a token, which is longer, or turn the text around it.
 */
const idForm = /^[\w.:=+/-]{1,64}$/;

export function readRecord(span: Span, stream: Stream): Record {
  const { bytes } = span;
  const { value, text: json } = parsedSpan(span) ?? {};
  const malformed = value === undefined;
  const time = timestamp(at(value, ...stream.time));
  const id = text(value, ...stream.id);
  const hasId = id !== undefined && idForm.test(id);
  const recordId = hasId ? id : hash(bytes);
  const version = stream.orderedBy === 'updatedAt' ? `${recordId}@${time ?? hash(bytes)}` : recordId;
  const metadata = metadataOf(stream, value, json ?? '');
  const created = createdIn(value, hasId, stream);
  const of = { raw: bytes, malformed, isUtf8: isUtf8(bytes), recordId, version, time, metadata };
  const drift = value === undefined ? undefined : stream.drift?.(value);
  if (drift !== undefined) return { ...of, created, drift };
  return created === undefined ? of : { ...of, created };
}

/**
 * The time of creation, where the record says it and the stream has a ledger. Versions of a record without an id cannot
 * be told from other records, so they are not counted.
 */
function createdIn(
  value: Json | undefined,
  hasId: boolean,
  { created, orderedBy }: Stream,
): Timestamp | undefined {
  if (created === undefined || !(hasId || orderedBy === 'createdAt')) return undefined;
  return timestamp(at(value, ...created));
}

/** Reads all records of a page. Throws as `readPage` does. */
export function readRecords(
  body: Buffer,
  limit: number,
  stream: Stream,
  request: string,
): Pick<PageRead, 'records' | 'next'> & { readonly isolated: boolean } {
  return recordsOf(readPage(body, limit, request), limit, stream);
}

/** Reads all records of a page that is split. Throws MalformedPageError as `readPage` does. */
export function recordsOf(
  { records: spans, next, split }: Page,
  limit: number,
  stream: Stream,
): ReturnType<typeof readRecords> {
  const records = spans.map((span) => readRecord(span, stream));
  const isAmbiguous = !split || records.some(mayHoldNeighbours);
  if (limit > 1 && isAmbiguous) throw new MalformedPageError();
  return { records, next, isolated: isAmbiguous };
}

/** Whether a malformed record may contain its neighbours: a missing bracket or quote joins records. */
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
  /** Set where one part of the listing ends and the next begins, because timestamps go back there. */
  readonly unordered?: boolean;
  /** Call it once, when the bytes of its records are no longer needed: their memory is given back. */
  readonly release?: () => void;
  readonly sentAt: ConsoleClock['sentAt'];
  readonly aheadMs?: ConsoleClock['aheadMs'];
  readonly skewMs?: ConsoleClock['skewMs'];
  /** Whether it was fast and small, so that a page of twice the size is safe. */
  readonly roomy: boolean;
  /** Whether it contains only one malformed record, so that later pages may be larger again. */
  readonly isolated?: boolean;
}
