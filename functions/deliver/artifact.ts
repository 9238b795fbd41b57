import type { Record } from '../console/record.ts';
import type { Instance } from '../instances/instance.ts';
import { parsed } from '../kit/json.ts';
import { timestamp } from '../kit/time.ts';
import type { Metadata, Stream } from '../streams/stream.ts';

/** One record in Analytics format. */
export interface Artifact {
  readonly source: 'sentinelone';
  /**
   * The unmodified record, or `{}` if the record is stored at `metadata.rawLocation`. A record that is not UTF-8 is in
   * base64, and `metadata.rawEncoding` says so.
   */
  readonly raw: string;
  /** The time of the event, ISO 8601; absent if the record has none. */
  readonly timestamp?: string;
  readonly metadata: Metadata;
}

/** Longer values are cut, because they are not useful for search. `raw` has the whole value. */
const longestValue = 4096;

const mostValues = 300;

/** The limit for all values together. A character takes at most 6 bytes of JSON, so this is 900 of the 1,024 KB of a message. */
const mostCharacters = 150_000;

export function artifactOf(record: Record, stream: Stream, instance: Instance): Artifact {
  const { raw, malformed, isUtf8 } = record;
  const text = raw.toString();
  const own = malformed
    ? { ...stream.metadata({}), message: 'The record is not valid JSON.' }
    : stream.metadata(parsed(text) ?? null, text);
  const time = timestamp(own.startTimeUTC as string | undefined);
  const metadata: Metadata = {
    id: `${instance.instance}/${stream.name}/${record.version}`,
    instance: instance.instance,
    stream: stream.name,
    recordId: record.recordId,
    connector: 'signal-client.sentinelone',
    senderHost: instance.host,
    ...(malformed && { malformed: 'true' }),
    ...(!isUtf8 && { rawEncoding: 'base64' }),
  };
  addClipped(metadata, own);
  const held = isUtf8 ? text : raw.toString('base64');
  return { source: 'sentinelone', raw: held, ...(time !== undefined && { timestamp: time }), metadata };
}

/** The record that the artifact holds. */
export function recordBytes({ raw, metadata }: Artifact): Buffer {
  return Buffer.from(raw, metadata.rawEncoding === 'base64' ? 'base64' : 'utf8');
}

/** Returns the artifact without its record, whose bytes are stored at `rawLocation`. */
export function elsewhere(artifact: Artifact, rawLocation: string): Artifact {
  const { rawEncoding: _, ...metadata } = artifact.metadata;
  return { ...artifact, raw: '{}', metadata: { ...metadata, rawLocation } };
}

/** Reduces an artifact to its ids and the location of its record, for when SQS refuses the full metadata. */
export function bare(artifact: Artifact): Artifact {
  const kept = ['id', 'instance', 'stream', 'recordId', 'rawLocation'];
  const metadata = Object.fromEntries(
    Object.entries(artifact.metadata).filter(([key]) => kept.includes(key)),
  );
  return { source: 'sentinelone', raw: '{}', metadata };
}

/** Adds the values, each cut to its limit, until the total limit is reached: texts first, then lists. */
function addClipped(metadata: Metadata, own: Metadata): void {
  let room = mostCharacters;
  const fits = (value: string): boolean => {
    if (value === '' || value.length > room) return false;
    room -= value.length;
    return true;
  };
  for (const key of Object.keys(own)) {
    const value = own[key];
    if (typeof value !== 'string') continue;
    const text = clip(value);
    if (fits(text)) metadata[key] = text;
  }
  for (const key of Object.keys(own)) {
    const values = own[key];
    if (!Array.isArray(values)) continue;
    const texts = values.slice(0, mostValues).map(clip).filter(fits);
    if (texts.length > 0) metadata[key] = texts;
  }
}

/** Cuts a text without splitting a surrogate pair, which some consumers cannot write as UTF-8. */
function clip(value: string): string {
  const cut =
    value.length > longestValue ? value.slice(0, longestValue).replace(/[\uD800-\uDBFF]$/, '') : value;
  return cut.toWellFormed();
}
