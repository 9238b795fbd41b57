import type { Overflow } from '../core/ports.ts';
import { clientConfig } from './aws.ts';

/** The overflow bucket. Its client is large and rarely needed, so it is loaded with the first record. */
export function overflowBucket(Bucket: string): Overflow {
  const loading = async () => {
    const { PutObjectCommand, S3Client } = await import('@aws-sdk/client-s3');
    return { client: new S3Client(clientConfig), PutObjectCommand };
  };
  let loaded: ReturnType<typeof loading> | undefined;
  return {
    async put(Key, Body) {
      loaded ??= loading();
      const { client, PutObjectCommand } = await loaded;
      await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentType: 'application/json' }));
      return `s3://${Bucket}/${Key}`;
    },
  };
}
