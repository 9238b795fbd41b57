import { Duration } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { addFunction, type Shared } from './function.ts';
import { may, through } from './rights.ts';

interface WidgetProps extends Shared {
  readonly instances: Table;
  readonly cursors: Table;
}

/** Renders the tiles of all instances for the dashboard. It may only read two tables. */
export class Widget extends Construct {
  readonly function: Lambda;

  constructor(scope: Construct, id: string, props: WidgetProps) {
    super(scope, id);
    const { settings, instances, cursors } = props;
    this.function = addFunction(this, props, {
      name: 'tiles',
      entry: 'widget',
      description: 'Renders the tiles on the dashboard; reads only',
      timeout: Duration.seconds(15),
      environment: {
        instancesTable: instances.tableName,
        cursorsTable: cursors.tableName,
        allowedHostSuffixes: settings.allowedHostSuffixes,
        quietHours: settings.quietHours,
        ...(settings.optionalStreams.length > 0 && { optionalStreams: settings.optionalStreams }),
        ...(Object.keys(settings.cadenceMinutes).length > 0 && { cadenceMinutes: settings.cadenceMinutes }),
      },
      policy: 'read',
      rights: [
        may(['dynamodb:Scan'], instances.tableArn),
        // The memories are large items in the same table, so the cursors are read by key.
        may(['dynamodb:BatchGetItem'], cursors.tableArn),
        ...through(settings, ['dynamodb'], 'kms:Decrypt', 'kms:DescribeKey'),
      ],
      acknowledgements: [],
    }).function;
  }
}
