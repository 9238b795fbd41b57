import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  paginateScan,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import type { Instances } from '../../instances/ports.ts';
import { ifHolds, ownClient, readItems, updateOf } from './client.ts';

/** An item of the instances table, as an operator wrote it. */
export type InstanceRecord = { readonly instance: string } & Readonly<Record<string, unknown>>;

/** With their cursors, the items of a whole page of DynamoDB's, which has a megabyte, take 80 MiB more. */
const pageSize = 500;

/** The instances table: key `instance`. */
export function instancesTable(TableName: string, client: DynamoDBDocumentClient = ownClient) {
  async function* pages(): AsyncGenerator<InstanceRecord[], void> {
    const scan = paginateScan({ client, pageSize }, { TableName, ConsistentRead: true });
    for await (const { Items = [] } of scan) yield Items as InstanceRecord[];
  }
  return {
    pages,

    // Reads are consistent, so that a poll which a command triggers sees what the command wrote.
    async list(names?: readonly string[]): Promise<InstanceRecord[]> {
      if (names !== undefined) {
        const keys = [...new Set(names)].map((instance) => ({ instance }));
        return readItems(TableName, keys, { ConsistentRead: true }, client);
      }
      const records: InstanceRecord[] = [];
      for await (const page of pages()) records.push(...page);
      return records;
    },

    async read(instance: string): Promise<InstanceRecord | undefined> {
      const get = new GetCommand({ TableName, Key: { instance }, ConsistentRead: true });
      return (await client.send(get)).Item as InstanceRecord | undefined;
    },
  } satisfies Instances;
}

/** The instances table with write access. */
export function instanceRecords(TableName: string, client: DynamoDBDocumentClient) {
  return {
    ...instancesTable(TableName, client),

    async put(record: InstanceRecord): Promise<void> {
      await client.send(new PutCommand({ TableName, Item: record }));
    },

    /** Returns false if the name is taken. */
    async create(record: InstanceRecord): Promise<boolean> {
      const ConditionExpression = 'attribute_not_exists(instance)';
      const created = client.send(new PutCommand({ TableName, Item: record, ConditionExpression }));
      return (await ifHolds(created)) !== undefined;
    },

    /** Sets attributes, and removes those that are undefined. Returns false if the record does not exist. */
    async change(instance: string, changes: Readonly<Record<string, unknown>>): Promise<boolean> {
      const names = Object.keys(changes);
      const isSet = (name: string) => changes[name] !== undefined;
      const set = Object.fromEntries(names.filter(isSet).map((name) => [name, changes[name]]));
      const { values, ...update } = updateOf(
        set,
        names.filter((name) => !isSet(name)),
      );
      const command = new UpdateCommand({
        TableName,
        Key: { instance },
        ...update,
        ConditionExpression: 'attribute_exists(instance)',
        ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
      });
      return (await ifHolds(client.send(command))) !== undefined;
    },

    async delete(instance: string): Promise<void> {
      await client.send(new DeleteCommand({ TableName, Key: { instance } }));
    },
  };
}
