import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb';
import { type Code, EventSourceMapping, Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { ForwarderEnvironment } from '../../functions/forwarder-environment.ts';
import type { Settings } from '../settings.ts';
import type { Encryption } from '../storage/encryption.ts';
import { logGroup, platform, putIntoSubnets, wayOut } from './function.ts';
import { type ForwarderReach, ForwarderRole } from './role.ts';

interface ForwarderProps extends Omit<ForwarderReach, 'logGroup' | 'accepted'> {
  readonly analyticsUrl: string;
  /** Holds `forwarder.mjs`, which exports `handler`. */
  readonly code: Code;
  readonly settings: Settings;
  readonly encryption: Encryption;
}

/** Posts what is in the artifact queue to WitFoo Analytics: a function that the queue feeds, its role and its log group. */
export class Forwarder extends Construct {
  readonly function: Lambda;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: ForwarderProps) {
    super(scope, id);
    const { settings, queue, encryption } = props;
    const name = `${settings.stackName}-forwarder`;
    const accepted =
      settings.rememberAcceptedDays > 0 ? new AcceptedTable(this, 'Accepted', encryption) : undefined;
    this.logGroup = logGroup(this, name, settings, encryption);

    this.function = new Lambda(this, 'Function', {
      ...platform,
      functionName: name,
      description: 'Posts SentinelOne artifacts to WitFoo Analytics',
      code: props.code,
      handler: 'forwarder.handler',
      memorySize: settings.memoryMb,
      // Six of these and the batching window are what a queue should hide messages for (AWS's advice): six minutes.
      timeout: Duration.seconds(59),
      environment: {
        ...environment(props, accepted),
        ...wayOut(settings),
        POWERTOOLS_SERVICE_NAME: settings.stackName,
      },
      logGroup: this.logGroup,
      role: new ForwarderRole(this, 'Role', { ...props, accepted, logGroup: this.logGroup }),
    });
    putIntoSubnets(this.function, settings);
    // Not the function's own `addEventSource`, which would add rights to the role.
    new EventSourceMapping(this, 'Source', {
      target: this.function,
      eventSourceArn: queue.queueArn,
      batchSize: 100,
      maxBatchingWindow: Duration.seconds(5),
      reportBatchItemFailures: true,
      maxConcurrency: settings.analyticsConcurrency,
    });
  }
}

/** Ids of accepted artifacts, until they expire. */
class AcceptedTable extends Table {
  constructor(scope: Construct, id: string, { table }: Encryption) {
    super(scope, id, {
      ...table,
      partitionKey: { name: 'id', type: AttributeType.STRING },
      timeToLiveAttribute: 'expiresAt',
      billingMode: BillingMode.PAY_PER_REQUEST,
      // Without it repeats are posted again; no artifact is lost.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Validations.of(this).acknowledge({
      id: 'AwsSolutions-DDB3',
      reason:
        'What is in here only spares Analytics repeats, and expires within days: a backup would cost more than its loss.',
    });
  }
}

function environment(
  { analyticsUrl, settings, deadLetterQueue, cursors }: ForwarderProps,
  accepted: Table | undefined,
): ForwarderEnvironment {
  return {
    ANALYTICS_URL: analyticsUrl,
    ANALYTICS_SECRET: settings.analyticsSecretId,
    DEAD_LETTER_QUEUE_URL: deadLetterQueue.queueUrl,
    CURSORS_TABLE: cursors.tableName,
    ACCEPTED_TABLE: accepted?.tableName ?? '',
    ACCEPTED_DAYS: String(settings.rememberAcceptedDays),
    REQUEST_KIB: String(settings.analyticsRequestKib),
  };
}
