import { TableEncryption, type TableProps } from 'aws-cdk-lib/aws-dynamodb';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { BucketEncryption, type BucketProps } from 'aws-cdk-lib/aws-s3';
import { QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Settings } from '../settings.ts';

/** How stored data is encrypted: with AWS's keys, or with the operator's key. */
export interface Encryption {
  readonly queue: Pick<QueueProps, 'encryption' | 'encryptionMasterKey'>;
  readonly table: Pick<TableProps, 'encryption' | 'encryptionKey'>;
  readonly bucket: Pick<BucketProps, 'encryption' | 'encryptionKey' | 'bucketKeyEnabled'>;
  /** Undefined if CloudWatch encrypts logs with its own key. */
  readonly logKey: IKey | undefined;
}

/** @param scope where the operator's key is created with the id `Key` */
export function encryptionOf(scope: Construct, { keyArn }: Pick<Settings, 'keyArn'>): Encryption {
  if (keyArn === undefined) return byAws;
  const encryptionKey = Key.fromKeyArn(scope, 'Key', keyArn);
  return {
    queue: { encryption: QueueEncryption.KMS, encryptionMasterKey: encryptionKey },
    table: { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey },
    // One data key for many objects saves KMS calls.
    bucket: { encryption: BucketEncryption.KMS, encryptionKey, bucketKeyEnabled: true },
    logKey: encryptionKey,
  };
}

const byAws: Encryption = {
  queue: { encryption: QueueEncryption.SQS_MANAGED },
  // The tables contain no secret, and the key that AWS owns causes no KMS calls.
  table: {},
  bucket: { encryption: BucketEncryption.S3_MANAGED },
  logKey: undefined,
};
