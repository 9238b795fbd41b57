import type { Instance } from './instance.ts';
import type { Record } from './record.ts';
import type { Metadata, Stream } from './stream.ts';
import { timestamp } from './time.ts';

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

export function artifactOf(record: Record, stream: Stream, instance: Instance): Artifact {
  const own = stream.metadata(record.value);
  const time = timestamp(own.startTimeUTC as string | undefined);
  const metadata: Metadata = {
    id: `${instance.instance}/${stream.name}/${record.version}`,
    instance: instance.instance,
    stream: stream.name,
    recordId: record.recordId,
    connector: 'signal-client.sentinelone',
    senderHost: instance.host,
  };
  for (const [key, value] of Object.entries(own)) metadata[key] = clipped(value);
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

function clipped(value: string | string[]): string | string[] {
  if (typeof value !== 'string') return value.slice(0, mostValues).map((one) => one.slice(0, longestValue));
  return value.slice(0, longestValue);
}
