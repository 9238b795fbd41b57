import type { Record } from '../console/record.ts';
import type { Instance } from '../instances/instance.ts';
import { timestamp } from '../kit/time.ts';
import type { Metadata, Stream } from '../streams/stream.ts';

/** One record in the form that Analytics takes. */
export interface Artifact {
  readonly source: 'sentinelone';
  /** The record's own bytes; `{}` where `metadata.rawLocation` says where they are. */
  readonly raw: string;
  /** The event's time, ISO 8601; absent where the record has none. */
  readonly timestamp?: string;
  readonly metadata: Metadata;
}

/** Longer values are no search terms; the whole is in `raw`. */
const longestValue = 4096;

const mostValues = 300;

/** Of all values together. A character takes 6 bytes of JSON at most: 900 of the 1,024 KB that a message holds. */
const mostCharacters = 150_000;

export function artifactOf(record: Record, stream: Stream, instance: Instance): Artifact {
  const own = stream.metadata(record.value, record.raw);
  const time = timestamp(own.startTimeUTC as string | undefined);
  const metadata: Metadata = {
    id: `${instance.instance}/${stream.name}/${record.version}`,
    instance: instance.instance,
    stream: stream.name,
    recordId: record.recordId,
    connector: 'signal-client.sentinelone',
    senderHost: instance.host,
  };
  addClipped(metadata, own);
  return { source: 'sentinelone', raw: record.raw, ...(time !== undefined && { timestamp: time }), metadata };
}

/** The same artifact with its record elsewhere, at `rawLocation`. */
export function elsewhere(artifact: Artifact, rawLocation: string): Artifact {
  return { ...artifact, raw: '{}', metadata: { ...artifact.metadata, rawLocation } };
}

/** What is left when even the metadata is refused: who it is and where its record lies. */
export function bare(artifact: Artifact): Artifact {
  const kept = ['id', 'instance', 'stream', 'recordId', 'rawLocation'];
  const metadata = Object.fromEntries(
    Object.entries(artifact.metadata).filter(([key]) => kept.includes(key)),
  );
  return { source: 'sentinelone', raw: '{}', metadata };
}

/** Adds the values, each clipped, as long as there is room: texts first, then lists. */
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

/** Well-formed, and cut between characters: a consumer that writes half of a surrogate pair as UTF-8 fails. */
function clip(value: string): string {
  const cut =
    value.length > longestValue ? value.slice(0, longestValue).replace(/[\uD800-\uDBFF]$/, '') : value;
  return cut.toWellFormed();
}
