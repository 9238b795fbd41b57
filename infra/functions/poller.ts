import { Duration } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { PollerEnvironment } from '../../functions/environment.ts';
import { changeStream } from '../../functions/health/history.ts';
import { countsAccepted } from '../../functions/health/receipt.ts';
import type { Stream } from '../../functions/streams/stream.ts';
import {
  allocator,
  type Collecting,
  collectingEnvironment,
  collectingRights,
  collectingWildcards,
} from './collecting.ts';
import { addFunction, type CollectorFunction } from './function.ts';
import { arnOf, may } from './rights.ts';

interface PollerProps extends Collecting {
  readonly stream: Stream;
  readonly ledger: Table;
}

/** Polls one stream: a function, and a rule that invokes it at the stream's cadence. */
export class Poller extends Construct implements CollectorFunction {
  readonly function: Lambda;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: PollerProps) {
    super(scope, id);
    const { stream, settings } = props;
    const { reservedConcurrency } = settings;
    const cadence = Duration.minutes(stream.cadenceMinutes);
    const added = addFunction(this, props, {
      name: stream.name,
      entry: 'poller',
      description: `Polls SentinelOne ${stream.name} every ${cadence.toHumanString()}`,
      timeout: Duration.seconds(stream.timeoutSeconds),
      environment: environment(props),
      variables: allocator,
      policy: 'poll',
      rights: rights(this, props),
      acknowledgements: collectingWildcards(props),
      more: {
        ...(reservedConcurrency && { reservedConcurrentExecutions: reservedConcurrency }),
        // A failed or delayed event is not run again, because the next tick continues from the cursor.
        retryAttempts: 0,
        maxEventAge: Duration.minutes(Math.min(stream.cadenceMinutes, longestEventAgeMinutes)),
      },
    });
    this.function = added.function;
    this.logGroup = added.logGroup;
    new Rule(this, 'Schedule', {
      description: `Starts ${settings.stackName}-${stream.name}`,
      schedule: Schedule.rate(cadence),
      // Retries of the delivery to Lambda. By default they would continue for a day.
      targets: [new LambdaFunction(this.function, { retryAttempts: 3, maxEventAge: cadence })],
    });
  }
}

/** The maximum age that Lambda accepts for an event: six hours. */
const longestEventAgeMinutes = 6 * 60;

/** With a concurrency of 1, a further run would only wait for the first run to end. */
const mayStartFurtherRuns = ({ reservedConcurrency }: PollerProps['settings']) => reservedConcurrency !== 1;

function environment(props: PollerProps): PollerEnvironment {
  const { stream, settings, ledger } = props;
  const quietHours = settings.quietHours[stream.name];
  return {
    ...collectingEnvironment(props),
    stream: stream.name,
    ...(stream.name in settings.cadenceMinutes && { cadenceMinutes: stream.cadenceMinutes }),
    ledgerTable: ledger.tableName,
    ...(settings.analyticsUrl !== undefined && { forwards: true }),
    ...(settings.optionalStreams.includes(changeStream) && { healthArtifacts: true }),
    requestsPerSecond: settings.requestsPerSecond[stream.name] ?? stream.requestsPerSecond,
    furtherRuns: mayStartFurtherRuns(settings),
    metrics: settings.metrics,
    alarmLagSeconds: settings.alarmLagMinutes * 60,
    ...(quietHours !== undefined && { quietMs: quietHours * 3_600_000 }),
  };
}

/** What Analytics accepted of past hours is in the ledger. */
const readsLedger = ({ stream, settings }: PollerProps) =>
  settings.analyticsUrl !== undefined && countsAccepted(stream);

function rights(scope: Construct, props: PollerProps) {
  const { stream, settings, ledger } = props;
  // The ARN is made from the name, because the role is created before the function.
  const itself = arnOf(scope, 'lambda', 'function', `${settings.stackName}-${stream.name}`);
  const cursorActions = ['GetItem', 'BatchGetItem', 'PutItem', 'UpdateItem'].map(
    (name) => `dynamodb:${name}`,
  );
  return [
    ...collectingRights(scope, props, cursorActions, ['dynamodb:BatchGetItem', 'dynamodb:Scan']),
    may([...(readsLedger(props) ? ['dynamodb:GetItem'] : []), 'dynamodb:UpdateItem'], ledger.tableArn),
    ...(mayStartFurtherRuns(settings) ? [may(['lambda:InvokeFunction'], itself)] : []),
  ];
}
