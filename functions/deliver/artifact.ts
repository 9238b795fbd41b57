import type { Record } from '../console/record.ts';
import type { Instance } from '../instances/instance.ts';
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

/** An artifact to deliver: its JSON is `head`, the bytes of `raw` as a JSON text, and the end of that text and of the object. */
export interface ArtifactJson {
  readonly head: string;
  readonly raw: Uint8Array;
}

export function artifactOf(record: Record, stream: Stream, instance: Instance): ArtifactJson {
  const { raw, malformed, isUtf8, metadata } = record;
  const ids = JSON.stringify({
    id: `${instance.instance}/${stream.name}/${record.version}`,
    instance: instance.instance,
    stream: stream.name,
    recordId: record.recordId,
    connector: 'signal-client.sentinelone',
    senderHost: instance.host,
    ...(malformed && { malformed: 'true' }),
    ...(!isUtf8 && { rawEncoding: 'base64' }),
  }).slice(0, -1);
  const time = metadata.startTime === undefined ? '' : `"timestamp":"${metadata.startTime}",`;
  const members = metadata.members === '' ? '' : `,${metadata.members}`;
  return {
    head: `{"source":"sentinelone",${time}"metadata":${ids}${members}},"raw":"`,
    raw: isUtf8 ? raw : Buffer.from(raw.toString('base64')),
  };
}

/** Everything but the record. */
type Described = Omit<Artifact, 'raw'>;

export function describedBy({ head }: ArtifactJson): Described {
  const { raw: _, ...described } = JSON.parse(`${head}"}`);
  return described;
}

/** The record that the artifact holds. */
export function recordBytes(artifact: ArtifactJson): Uint8Array {
  const isBase64 = describedBy(artifact).metadata.rawEncoding === 'base64';
  return isBase64 ? Buffer.from(Buffer.from(artifact.raw).toString('latin1'), 'base64') : artifact.raw;
}

/** Returns the artifact without its record, whose bytes are stored at `rawLocation`. */
export function elsewhere(artifact: ArtifactJson, rawLocation: string): ArtifactJson {
  const { metadata, ...others } = describedBy(artifact);
  const { rawEncoding: _, ...kept } = metadata;
  return withoutRecord({ ...others, metadata: { ...kept, rawLocation } });
}

/** Reduces an artifact to its ids and the location of its record, for when SQS refuses the full metadata. */
export function bare(artifact: ArtifactJson): ArtifactJson {
  const kept = ['id', 'instance', 'stream', 'recordId', 'rawLocation'];
  const { metadata } = describedBy(artifact);
  return withoutRecord({
    source: 'sentinelone',
    metadata: Object.fromEntries(Object.entries(metadata).filter(([key]) => kept.includes(key))),
  });
}

const nothing = Buffer.from('{}');

function withoutRecord(described: Described): ArtifactJson {
  return { head: `${JSON.stringify(described).slice(0, -1)},"raw":"`, raw: nothing };
}
