import { TableEncryption, type TableProps } from 'aws-cdk-lib/aws-dynamodb';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { BucketEncryption, type BucketProps } from 'aws-cdk-lib/aws-s3';
import { QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Settings } from '../settings.ts';

/** How what is stored is encrypted: by AWS's own keys, or by the operator's. */
export interface Encryption {
  readonly queue: Pick<QueueProps, 'encryption' | 'encryptionMasterKey'>;
  readonly table: Pick<TableProps, 'encryption' | 'encryptionKey'>;
  readonly bucket: Pick<BucketProps, 'encryption' | 'encryptionKey' | 'bucketKeyEnabled'>;
  /** Undefined where logs are encrypted by CloudWatch's own key. */
  readonly logKey: IKey | undefined;
}

/** @param scope where the operator's key is known under the id `Key` */
export function encryptionOf(scope: Construct, { keyArn }: Pick<Settings, 'keyArn'>): Encryption {
  if (keyArn === undefined) return byAws;
  const encryptionKey = Key.fromKeyArn(scope, 'Key', keyArn);
  return {
    queue: { encryption: QueueEncryption.KMS, encryptionMasterKey: encryptionKey },
    table: { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey },
    // One data key for many objects, not a call for each.
    bucket: { encryption: BucketEncryption.KMS, encryptionKey, bucketKeyEnabled: true },
    logKey: encryptionKey,
  };
}

const byAws: Encryption = {
  queue: { encryption: QueueEncryption.SQS_MANAGED },
  // With the key that AWS owns, as every table is: no secret is in there, and any other key costs KMS calls.
  table: {},
  bucket: { encryption: BucketEncryption.S3_MANAGED },
  logKey: undefined,
};
