import type { Overflow } from '../deliver/ports.ts';
import type { OverflowObjects } from '../forward/ports.ts';
import { clientConfig } from './aws.ts';

/** Its client is large and rarely needed, so it is loaded with the first record. */
async function load() {
  const { GetObjectCommand, PutObjectCommand, S3Client } = await import('@aws-sdk/client-s3');
  return { client: new S3Client(clientConfig), GetObjectCommand, PutObjectCommand };
}

let loaded: ReturnType<typeof load> | undefined;

function s3(): ReturnType<typeof load> {
  loaded ??= load();
  return loaded;
}

/** The overflow bucket, to write to. */
export function overflowBucket(Bucket: string): Overflow {
  return {
    async put(Key, Body) {
      const { client, PutObjectCommand } = await s3();
      await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentType: 'application/json' }));
      return `s3://${Bucket}/${Key}`;
    },
  };
}

/** Overflow objects, to read wherever an artifact says that they are. */
export const overflowObjects: OverflowObjects = {
  async get(location) {
    const { client, GetObjectCommand } = await s3();
    const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.+)$/s.exec(location) ?? [];
    try {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
      return await Body?.transformToString();
    } catch (error) {
      if ((error as Error).name === 'NoSuchKey') return undefined;
      throw error;
    }
  },
};
