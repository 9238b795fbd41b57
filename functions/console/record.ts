import { createHash } from 'node:crypto';
import { at, type Json, text } from '../kit/json.ts';
import { type Timestamp, timestamp } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';
import type { ConsoleClock } from './console-clock.ts';
import type { Page } from './page.ts';

/** A record with what the cursor and the memory need to know of it. */
export interface Record {
  /** SentinelOne's own bytes. */
  readonly raw: string;
  /** Its parsed form, with rounded numbers. */
  readonly value: Json;
  readonly recordId: string;
  /** `recordId`, and `@<updatedAt>` where records have versions: the same for the same version. */
  readonly version: string;
  /** The time that the stream is ordered by; undefined where the record has none that can be read. */
  readonly time: Timestamp | undefined;
}

/** SentinelOne's ids are 18 or 19 digits; anything far longer, or with half of a surrogate pair, is no id. */
const longestId = 200;

export function readRecord({ raw, value }: Page['records'][number], stream: Stream): Record {
  const time = timestamp(at(value, ...stream.time));
  const id = text(value, 'id');
  const recordId = id !== undefined && id.length <= longestId && id.isWellFormed() ? id : hash(raw);
  const version = stream.orderedBy === 'updatedAt' ? `${recordId}@${time ?? hash(raw)}` : recordId;
  return { raw, value, recordId, version, time };
}

function hash(raw: string): string {
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
}
