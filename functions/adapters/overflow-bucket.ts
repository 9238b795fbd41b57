import type { Readable } from 'node:stream';
import type { Overflow } from '../deliver/ports.ts';
import type { OverflowObjects } from '../forward/ports.ts';
import { clientConfig } from './aws.ts';

/** The S3 client is large and rarely needed, so it is loaded with the first record. */
async function load() {
  const { GetObjectCommand, PutObjectCommand, S3Client } = await import('@aws-sdk/client-s3');
  return { client: new S3Client(clientConfig), GetObjectCommand, PutObjectCommand };
}

let loaded: ReturnType<typeof load> | undefined;

function s3(): ReturnType<typeof load> {
  loaded ??= load();
  return loaded;
}

/** The overflow bucket, for writing. */
export function overflowBucket(Bucket: string): Overflow {
  return {
    async put(Key, Body) {
      const { client, PutObjectCommand } = await s3();
      await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentType: 'application/json' }));
      return `s3://${Bucket}/${Key}`;
    },
  };
}

/** Overflow objects, for reading. The location is that in an artifact. */
export const overflowObjects: OverflowObjects = {
  async get(location, maxBytes) {
    const { client, GetObjectCommand } = await s3();
    const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.+)$/s.exec(location) ?? [];
    try {
      const { Body, ContentLength = 0 } = await client.send(new GetObjectCommand({ Bucket, Key }));
      const stream = Body as Readable;
      if (ContentLength <= maxBytes) return await read(stream, ContentLength);
      stream.destroy();
      return 'too large';
    } catch (error) {
      if ((error as Error).name === 'NoSuchKey') return 'expired';
      throw error;
    }
  },
};

/** Reads into one buffer, because joining parts would take twice the memory. */
async function read(stream: Readable, bytes: number): Promise<Uint8Array> {
  const object = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for await (const part of stream as AsyncIterable<Uint8Array>) {
    if (at + part.length > bytes) throw new Error(`more than the ${bytes} bytes that S3 announced`);
    object.set(part, at);
    at += part.length;
  }
  if (at < bytes) throw new Error(`only ${at} of ${bytes} bytes arrived`);
  return object;
}
