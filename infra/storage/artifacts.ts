import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket } from 'aws-cdk-lib/aws-s3';
import { Queue, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Encryption } from './encryption.ts';

const kept: QueueProps = {
  enforceSSL: true,
  // The longest that SQS keeps a message, counted from when it was first sent: the dead-letter queue adds nothing.
  retentionPeriod: Duration.days(14),
  // The cursors have moved past what is in a queue: what is lost with it is lost for good. Only a first deployment that
  // fails deletes it again.
  removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
};

/** Where artifacts go: a queue, its dead-letter queue, and a bucket for records that no message can hold. */
export class Artifacts extends Construct {
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;
  readonly overflow: Bucket;

  constructor(scope: Construct, id: string, encryption: Encryption) {
    super(scope, id);
    this.deadLetterQueue = new Queue(this, 'DeadLetterQueue', { ...kept, ...encryption.queue });
    this.queue = new Queue(this, 'Queue', {
      ...kept,
      ...encryption.queue,
      maxMessageSizeBytes: 1024 * 1024,
      // Six times the forwarder's timeout, as AWS advises: throttled batches are tried again before they reappear.
      visibilityTimeout: Duration.minutes(6),
      // Once in six minutes is 240 times a day: an outage of a day buries nothing. 1000 times are four days, so what
      // no consumer can take still has ten in the dead-letter queue.
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: 1000 },
    });
    this.overflow = new Bucket(this, 'Overflow', {
      ...encryption.bucket,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      // A record that is delivered again is stored again, which renews its expiry, so writes can't be refused where an
      // object exists. A version that was overwritten stays for a week.
      versioned: true,
      lifecycleRules: [
        {
          // A message lives 14 days, from when it was first sent, and 14 more once it is moved back from the dead-letter
          // queue: the record that it refers to outlives it by two days.
          expiration: Duration.days(30),
          noncurrentVersionExpiration: Duration.days(7),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
        // An expired object leaves a delete marker, which S3 does not let the rule above remove.
        { expiredObjectDeleteMarker: true },
      ],
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    Validations.of(this.overflow).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'Access logs would need a second bucket that outlives the first, for a few objects that only the functions write and that expire; CloudTrail data events can be enabled to record who reads them.',
    });
  }
}
