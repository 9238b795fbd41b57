import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket } from 'aws-cdk-lib/aws-s3';
import { Queue, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Encryption } from './encryption.ts';

const kept: QueueProps = {
  enforceSSL: true,
  // The SQS maximum, counted from when a message was first sent. The dead-letter queue does not extend it.
  retentionPeriod: Duration.days(14),
  // Artifacts in a queue are not collected again, because the cursors have moved past them. Only a first deployment
  // that fails deletes a queue.
  removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
};

/** The artifact queue, its dead-letter queue, and a bucket for records that are too large for a message. */
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
      // Six times the forwarder's timeout, as AWS recommends.
      visibilityTimeout: Duration.minutes(6),
      // Received every six minutes, a message reaches 240 receives a day, so an outage of a day moves none to the
      // dead-letter queue. A message that no consumer can process moves after about four days, and has ten days left
      // there.
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: 1000 },
    });
    this.overflow = new Bucket(this, 'Overflow', {
      ...encryption.bucket,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      // A repeated delivery overwrites its object, which renews the expiry. Overwritten versions are kept for a week.
      versioned: true,
      lifecycleRules: [
        {
          // A message lives up to 14 days, and 14 more if it is moved back from the dead-letter queue. Its record is
          // kept two days longer.
          expiration: Duration.days(30),
          noncurrentVersionExpiration: Duration.days(7),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
        // An expired object leaves a delete marker, which the rule above cannot remove.
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
