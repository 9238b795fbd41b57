import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  ListTablesCommand,
  PutItemCommand,
  paginateScan,
} from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';

/** DynamoDB's tables as they were: what a read may still find that does not ask for consistency. */
export interface Replica {
  readonly endpoint: string;
  close(): unknown;
}

/** Copies all tables, and what is in them now. */
export async function replicaOf(original: DynamoDBClient): Promise<Replica> {
  const server = dynalite({ createTableMs: 0 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const copy = new DynamoDBClient({ endpoint, region: 'us-east-1', credentials });
  const { TableNames = [] } = await original.send(new ListTablesCommand());
  for (const TableName of TableNames) {
    const { Table } = await original.send(new DescribeTableCommand({ TableName }));
    const { KeySchema, AttributeDefinitions } = Table ?? {};
    await copy.send(
      new CreateTableCommand({
        TableName,
        KeySchema,
        AttributeDefinitions,
        BillingMode: 'PAY_PER_REQUEST',
      }),
    );
    for await (const { Items = [] } of paginateScan({ client: original }, { TableName }))
      for (const Item of Items) await copy.send(new PutItemCommand({ TableName, Item }));
  }
  copy.destroy();
  return {
    endpoint,
    close: () => server.close(),
  };
}
