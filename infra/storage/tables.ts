import { RemovalPolicy } from 'aws-cdk-lib';
import { type Attribute, AttributeType, BillingMode, Table, type TableProps } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import type { Encryption } from './encryption.ts';

const text = (name: string): Attribute => ({ name, type: AttributeType.STRING });

const kept: Partial<TableProps> = {
  billingMode: BillingMode.PAY_PER_REQUEST,
  pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
  // Operators write instance records by hand, and without its cursor a stream starts again from the look-back.
  removalPolicy: RemovalPolicy.RETAIN,
  deletionProtection: true,
};

/** The instances, cursors and ledger tables. All are kept when the stack is deleted. */
export class Tables extends Construct {
  readonly instances: Table;
  readonly cursors: Table;
  readonly ledger: Table;

  constructor(scope: Construct, id: string, { table }: Encryption) {
    super(scope, id);
    this.instances = new Table(this, 'Instances', { ...kept, ...table, partitionKey: text('instance') });
    this.cursors = new Table(this, 'Cursors', {
      ...kept,
      ...table,
      partitionKey: text('instance'),
      sortKey: text('stream'),
    });
    this.ledger = new Table(this, 'Ledger', {
      ...kept,
      ...table,
      partitionKey: text('instance'),
      sortKey: text('stream'),
      timeToLiveAttribute: 'expiresAt',
    });
  }
}
