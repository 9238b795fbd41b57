import { Duration } from 'aws-cdk-lib';
import { type Code, Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { OperatorEnvironment } from '../../functions/operator-environment.ts';
import type { Settings } from '../settings.ts';
import type { Encryption } from '../storage/encryption.ts';
import { allocator } from './allocator.ts';
import { logGroup, platform, putIntoSubnets, wayOut } from './function.ts';
import { type CollectReach, OperatorRole } from './role.ts';

interface OperatorProps extends Omit<CollectReach, 'logGroup'> {
  /** Holds `operator.mjs`, which exports `handler`. */
  readonly code: Code;
  readonly settings: Settings;
  readonly encryption: Encryption;
}

/**
 * Answers the command line: checks instances and replays ranges. No rule starts it. It reserves no concurrency, so that a
 * check does not wait for a replay.
 */
export class Operator extends Construct {
  readonly logGroup: LogGroup;
  readonly function: Lambda;

  constructor(scope: Construct, id: string, props: OperatorProps) {
    super(scope, id);
    const { settings } = props;
    const name = `${settings.stackName}-operator`;
    this.logGroup = logGroup(this, name, settings, props.encryption);
    this.function = new Lambda(this, 'Function', {
      ...platform,
      functionName: name,
      description: 'Checks instances and replays ranges for the command line',
      code: props.code,
      handler: 'operator.handler',
      memorySize: settings.memoryMb,
      // A NAT gateway forgets a connection that is idle for 350 seconds: the command line waits that long for an answer.
      timeout: Duration.minutes(5),
      environment: {
        ...environment(props),
        ...wayOut(settings),
        ...allocator,
        POWERTOOLS_SERVICE_NAME: settings.stackName,
      },
      logGroup: this.logGroup,
      role: new OperatorRole(this, 'Role', { ...props, logGroup: this.logGroup }),
      // Whoever asks waits for the answer and asks again.
      retryAttempts: 0,
    });
    putIntoSubnets(this.function, settings);
  }
}

function environment({ settings, instances, cursors, queue, overflow }: OperatorProps): OperatorEnvironment {
  return {
    INSTANCES_TABLE: instances.tableName,
    CURSORS_TABLE: cursors.tableName,
    ARTIFACT_QUEUE_URL: queue.queueUrl,
    OVERFLOW_BUCKET: overflow.bucketName,
    ALLOWED_HOST_SUFFIXES: settings.allowedHostSuffixes.join(','),
    MESSAGE_KIB: String(settings.messageKib),
    OVERLAP_MINUTES: String(settings.overlapMinutes),
    REQUESTS_PER_SECOND: JSON.stringify(settings.requestsPerSecond),
    PAGE_TIMEOUT_SECONDS: String(settings.pageTimeoutSeconds),
  };
}
