import { Duration } from 'aws-cdk-lib';
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import {
  allocator,
  type Collecting,
  collectingEnvironment,
  collectingRights,
  collectingWildcards,
} from './collecting.ts';
import { addFunction, type CollectorFunction } from './function.ts';

/**
 * Answers the command line: checks instances and replays time ranges. It has no schedule and reserves no concurrency,
 * so that a check does not wait for a replay.
 */
export class Operator extends Construct implements CollectorFunction {
  readonly function: Lambda;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: Collecting) {
    super(scope, id);
    const added = addFunction(this, props, {
      name: 'operator',
      entry: 'operator',
      description: 'Checks instances and replays ranges for the command line',
      // The command line keeps its connection open this long. A NAT gateway drops a connection that is idle for 350
      // seconds.
      timeout: Duration.minutes(5),
      environment: {
        ...collectingEnvironment(props),
        requestsPerSecondByStream: props.settings.requestsPerSecond,
      },
      variables: allocator,
      policy: 'operate',
      rights: collectingRights(this, props, ['dynamodb:UpdateItem']),
      acknowledgements: collectingWildcards(props),
      // The caller waits for the answer and retries.
      more: { retryAttempts: 0 },
    });
    this.function = added.function;
    this.logGroup = added.logGroup;
  }
}
