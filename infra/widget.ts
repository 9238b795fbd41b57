import { join } from 'node:path';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as Lambda, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Environment } from '../functions/environment.ts';
import { bundle } from './bundle.ts';
import type { Settings } from './settings.ts';

interface WidgetProps {
  readonly settings: Pick<Settings, 'stackName' | 'logRetentionDays'>;
  readonly instances: Table;
  readonly cursors: Table;
}

const root = join(import.meta.dirname, '..');

/** Renders the tiles of all instances for the dashboard. It reads two tables, and may do nothing else. */
export class Widget extends Construct {
  readonly function: Lambda;

  constructor(scope: Construct, id: string, { settings, instances, cursors }: WidgetProps) {
    super(scope, id);
    const name = `${settings.stackName}-tiles`;
    const logGroup = new LogGroup(this, 'Log', {
      logGroupName: `/aws/lambda/${name}`,
      retention: settings.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const may = (actions: string[], resource: string) =>
      new PolicyStatement({ actions, resources: [resource] });
    // The memories lie beside the cursors and are large: the cursors are read by key.
    const rights = [
      may(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroup.logGroupArn),
      may(['dynamodb:Scan'], instances.tableArn),
      may(['dynamodb:BatchGetItem'], cursors.tableArn),
    ];
    const environment: Pick<Environment, 'INSTANCES_TABLE' | 'CURSORS_TABLE'> = {
      INSTANCES_TABLE: instances.tableName,
      CURSORS_TABLE: cursors.tableName,
    };
    this.function = new Lambda(this, 'Function', {
      functionName: name,
      description: 'Renders the tiles on the dashboard; reads only',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(bundle(join(root, 'functions', 'widget.ts'), join(root, '.build', 'widget'))),
      handler: 'index.handler',
      memorySize: 512,
      timeout: Duration.seconds(15),
      environment: { ...environment },
      logGroup,
      role: new Role(this, 'Role', {
        assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
        inlinePolicies: { read: new PolicyDocument({ statements: rights }) },
      }),
    });
  }
}
