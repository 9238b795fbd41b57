import { Duration } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { type Code, Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { WidgetEnvironment } from '../../functions/environment.ts';
import { rulesText } from '../../functions/health/rules.ts';
import type { Settings } from '../settings.ts';
import type { Encryption } from '../storage/encryption.ts';
import { logGroup, platform, putIntoSubnets, wayOut } from './function.ts';
import { WidgetRole } from './role.ts';

interface WidgetProps {
  readonly settings: Settings;
  readonly encryption: Encryption;
  /** Holds `widget.mjs`, which exports `handler`. */
  readonly code: Code;
  readonly instances: Table;
  readonly cursors: Table;
}

/** Renders the tiles of all instances for the dashboard. It reads two tables, and may do nothing else. */
export class Widget extends Construct {
  readonly function: Lambda;

  constructor(scope: Construct, id: string, { settings, encryption, code, instances, cursors }: WidgetProps) {
    super(scope, id);
    const name = `${settings.stackName}-tiles`;
    const log = logGroup(this, name, settings, encryption);
    const environment: WidgetEnvironment = {
      INSTANCES_TABLE: instances.tableName,
      CURSORS_TABLE: cursors.tableName,
      HEALTH_RULES: rulesText(settings),
    };
    this.function = new Lambda(this, 'Function', {
      ...platform,
      functionName: name,
      description: 'Renders the tiles on the dashboard; reads only',
      code,
      handler: 'widget.handler',
      memorySize: 512,
      timeout: Duration.seconds(15),
      environment: { ...environment, ...wayOut(settings) },
      logGroup: log,
      role: new WidgetRole(this, 'Role', { settings, instances, cursors, logGroup: log }),
    });
    putIntoSubnets(this.function, settings);
  }
}
