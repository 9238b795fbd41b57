import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Artifact } from '../deliver/artifact.ts';
import { UnreachableError } from '../errors.ts';
import { within } from '../kit/pacing.ts';
import { StuckMessageError } from './errors.ts';
import { isOftenReceived, type Posted } from './queued-artifacts.ts';
import { type Ingestion, type Result, requestMs, send } from './request.ts';

/**
 * Larger records are posted as a pointer. Three copies exist at the most: the record, the request body and its encrypted
 * form, together about a tenth of the memory that a forwarder has by default.
 */
const maxRecordBytes = 8 * 1024 * 1024;

const maxBodyBytes = 2 * maxRecordBytes;

/**
 * Posts an artifact together with its record from the overflow bucket. Returns whether it was accepted; if not, it is
 * to be posted without its record.
 */
export async function* postWithRecord(
  item: Posted,
  tries: number,
  ingestion: Ingestion,
): AsyncGenerator<Result, boolean> {
  const { artifact } = item.packed;
  const location = String(artifact.metadata.rawLocation);
  const without = (why: string): Result => ({
    warning: `${item.id} is posted without its record, which is at ${location}: ${why}`,
  });
  const record = await readRecord(location, ingestion);
  if (typeof record === 'string') {
    yield without(record);
    return false;
  }
  const body = bodyWithRecord(artifact, record, maxBodyBytes);
  if (body === undefined) {
    yield without('the request would be too large');
    return false;
  }
  try {
    const { accepted, message } = await send(body, 1, tries, ingestion);
    yield accepted > 0 ? { accepted: item } : without(`Analytics refuses it: ${message}`);
    return accepted > 0;
  } catch (error) {
    if (!isOftenReceived(item) || !(error instanceof UnreachableError)) throw error;
    yield without(error.message);
    return false;
  }
}

/** Returns the record, or why it is not posted. Throws StuckMessageError if that is not known. */
async function readRecord(location: string, ingestion: Ingestion): Promise<Uint8Array | string> {
  const { ports } = ingestion;
  const timeoutMs = requestMs(ingestion);
  const object = await within(
    timeoutMs,
    () => ports.overflow.get(location, maxRecordBytes),
    ports.clock,
  ).catch((error: unknown) => {
    throw new StuckMessageError(`${location} can't be read: ${String(error)}`, { cause: error });
  });
  if (object === 'expired') return 'it is no longer in the bucket';
  if (object === 'too large') return `it has more than ${maxRecordBytes / 1024 / 1024} MiB`;
  if (!isUtf8(object)) return 'it is not UTF-8';
  if (!isUnchanged(location, object))
    return 'it was changed after it was stored: its SHA-256 is not its name';
  return object;
}

/** The name of a record is its SHA-256. */
function isUnchanged(location: string, record: Uint8Array): boolean {
  const [, sha256] = /\/([0-9a-f]{64})\.json$/.exec(location) ?? [];
  return sha256 === undefined || createHash('sha256').update(record).digest('hex') === sha256;
}

const [quote, backslash, space] = [0x22, 0x5c, 0x20];

/** The escapes of control characters, by code. */
const escapes = Array.from({ length: space }, (_, code) =>
  Buffer.from(JSON.stringify(String.fromCharCode(code)).slice(1, -1)),
);

/**
 * The body of an ingest request with one artifact, whose `raw` is the UTF-8 text `record`; undefined if it has more than
 * `maxBytes`. Written byte by byte into one buffer, because each string of a large record takes up to twice its size.
 */
export function bodyWithRecord(
  { raw: _, ...others }: Artifact,
  record: Uint8Array,
  maxBytes: number,
): Buffer | undefined {
  const head = Buffer.from('{"artifacts":[{"raw":"');
  const tail = Buffer.from(`",${JSON.stringify(others).slice(1)}]}`);
  const bytes = head.length + escapedBytes(record) + tail.length;
  if (bytes > maxBytes) return undefined;
  const body = Buffer.allocUnsafeSlow(bytes);
  body.set(head);
  body.set(tail, writeEscaped(record, body, head.length));
  return body;
}

function escapedBytes(text: Uint8Array): number {
  let bytes = text.length;
  for (const byte of text) {
    if (byte === quote || byte === backslash) bytes += 1;
    else if (byte < space) bytes += (escapes[byte] as Buffer).length - 1;
  }
  return bytes;
}

/** Returns the offset after the text. */
function writeEscaped(text: Uint8Array, into: Buffer, offset: number): number {
  let at = offset;
  for (const byte of text) {
    if (byte < space) {
      const escaped = escapes[byte] as Buffer;
      into.set(escaped, at);
      at += escaped.length;
      continue;
    }
    if (byte === quote || byte === backslash) into[at++] = backslash;
    into[at++] = byte;
  }
  return at;
}
