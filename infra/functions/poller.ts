import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { type Code, Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Environment } from '../../functions/environment.ts';
import type { streams } from '../../functions/streams/list.ts';
import type { Settings } from '../settings.ts';
import type { Encryption } from '../storage/encryption.ts';
import { allocator } from './allocator.ts';
import { logGroup, platform, putIntoSubnets, wayOut } from './function.ts';
import { PollerRole, type Reach } from './role.ts';

/** What is known of a stream. */
export type Stream = (typeof streams)[number];

interface PollerProps extends Omit<Reach, 'logGroup' | 'functionName'> {
  readonly stream: Stream;
  /** Holds `poller.mjs`, which exports `handler`. */
  readonly code: Code;
  readonly settings: Settings;
  readonly encryption: Encryption;
}

/** Polls one stream: a rule that fires at its cadence, a function, its role and its log group. */
export class Poller extends Construct {
  readonly logGroup: LogGroup;
  readonly function: Lambda;

  constructor(scope: Construct, id: string, props: PollerProps) {
    super(scope, id);
    const { stream, settings } = props;
    const name = `${settings.stackName}-${stream.name}`;
    const cadence = Duration.minutes(stream.cadenceMinutes);

    this.logGroup = logGroup(this, name, settings, props.encryption);
    const poll = new Lambda(this, 'Function', {
      ...platform,
      functionName: name,
      description: `Polls SentinelOne ${stream.name} every ${stream.cadenceMinutes} minutes`,
      code: props.code,
      handler: 'poller.handler',
      memorySize: settings.memoryMb,
      timeout: Duration.seconds(stream.timeoutSeconds),
      // The library's own variable: two stacks in one account stay apart in logs and metrics.
      environment: {
        ...environment(props),
        ...wayOut(settings),
        ...allocator,
        POWERTOOLS_SERVICE_NAME: settings.stackName,
      },
      logGroup: this.logGroup,
      role: new PollerRole(this, 'Role', { ...props, functionName: name, logGroup: this.logGroup }),
      ...(settings.reservedConcurrency && { reservedConcurrentExecutions: settings.reservedConcurrency }),
      // The next tick goes on from the cursor: a failed one is not run again, and one that waited is stale by then.
      retryAttempts: 0,
      maxEventAge: Duration.minutes(Math.min(stream.cadenceMinutes, longestEventAgeMinutes)),
    });
    putIntoSubnets(poll, settings);
    this.function = poll;
    new Rule(this, 'Schedule', {
      description: `Starts ${name}`,
      schedule: Schedule.rate(cadence),
      // These are tries to hand the tick over, not to run it: by default they would go on for a day.
      targets: [new LambdaFunction(poll, { retryAttempts: 3, maxEventAge: cadence })],
    });
  }
}

/** Lambda keeps an event for six hours at most. */
const longestEventAgeMinutes = 6 * 60;

function environment({ stream, settings, instances, cursors, queue, overflow }: PollerProps): Environment {
  return {
    STREAM: stream.name,
    INSTANCES_TABLE: instances.tableName,
    CURSORS_TABLE: cursors.tableName,
    ARTIFACT_QUEUE_URL: queue.queueUrl,
    OVERFLOW_BUCKET: overflow.bucketName,
    ALLOWED_HOST_SUFFIXES: settings.allowedHostSuffixes.join(','),
    MESSAGE_KIB: String(settings.messageKib),
    OVERLAP_MINUTES: String(settings.overlapMinutes),
    MEMORY_ENTRIES: String(settings.memoryEntries),
    REQUESTS_PER_SECOND: String(settings.requestsPerSecond[stream.name] ?? stream.requestsPerSecond),
    INSTANCES_PER_RUN: String(
      settings.reservedConcurrency === 1 ? Number.POSITIVE_INFINITY : settings.instancesPerRun,
    ),
    INSTANCES_AT_ONCE: String(settings.instancesAtOnce),
    PAGES_PER_TURN: String(settings.pagesPerTurn),
    PAGES_PER_RUN: String(settings.pagesPerRun),
    PAGE_TIMEOUT_SECONDS: String(settings.pageTimeoutSeconds),
    AUDIT_HOURS: String(settings.auditHours),
    QUIET_HOURS: String(settings.quietHours[stream.name] ?? 0),
    PER_INSTANCE_METRICS: String(settings.perInstanceMetrics),
  };
}
