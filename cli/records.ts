import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  PutItemCommand,
  paginateQuery,
  paginateScan,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { MisconfiguredError } from '../functions/errors.ts';
import type { Status } from '../functions/health/status.ts';
import { type Instance, type InstanceRules, readInstance } from '../functions/instances/instance.ts';
import type { CursorKey } from '../functions/instances/ports.ts';
import { streams } from '../functions/streams/list.ts';
import { CommandError } from './errors.ts';
import type { Stack } from './stack.ts';

/** An item of the instances table, as an operator wrote it. */
export type InstanceRecord = { readonly instance: string } & Readonly<Record<string, unknown>>;

/** The functions know which suffixes were deployed; here any host will do. */
export const anyHost: InstanceRules = {
  allowedHostSuffixes: [''],
  streams: streams.map(({ name }) => name),
};

/** Returns the record with its defaults. Throws CommandError that names the invalid attribute. */
export function readRecord(record: InstanceRecord): Instance {
  try {
    return readInstance(record, anyHost);
  } catch (error) {
    if (!(error instanceof MisconfiguredError)) throw error;
    throw new CommandError(`${record.instance}: ${error.message}`, error.remedy);
  }
}

/** Returns all records, sorted by name. */
export async function listRecords({ dynamodb, instancesTable }: Stack): Promise<InstanceRecord[]> {
  const records: InstanceRecord[] = [];
  const pages = paginateScan({ client: dynamodb }, { TableName: instancesTable, ConsistentRead: true });
  for await (const { Items = [] } of pages)
    records.push(...Items.map((item) => unmarshall(item, { wrapNumbers: Number }) as InstanceRecord));
  return records.sort((a, b) => (a.instance < b.instance ? -1 : 1));
}

/** Throws CommandError if there is no record with that name. */
export function recordOf(records: readonly InstanceRecord[], name: string): InstanceRecord {
  const found = records.find(({ instance }) => instance === name);
  if (found !== undefined) return found;
  const near = records
    .map(({ instance }) => instance)
    .filter((one) => one.includes(name) || name.includes(one));
  throw new CommandError(
    `there is no instance ${name}`,
    near.length > 0 ? `Did you mean ${near.slice(0, 3).join(' or ')}?` : 'Run list to see all instances.',
  );
}

/** Writes a new record. Throws CommandError if the name is taken. */
export async function createRecord(
  { dynamodb, instancesTable }: Stack,
  record: InstanceRecord,
): Promise<void> {
  try {
    await dynamodb.send(
      new PutItemCommand({
        TableName: instancesTable,
        Item: marshall(record),
        ConditionExpression: 'attribute_not_exists(instance)',
      }),
    );
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    throw taken(record.instance);
  }
}

export function taken(name: string): CommandError {
  return new CommandError(
    `the name ${name} is taken`,
    `Choose another name, or change that instance: set ${name}, rotate ${name}.`,
  );
}

/** Sets and removes attributes of a record; the others stay unchanged. */
export async function changeRecord(
  { dynamodb, instancesTable }: Stack,
  name: string,
  changes: Readonly<Record<string, unknown>>,
): Promise<void> {
  const entries = Object.entries(changes);
  const set = entries.filter(([, value]) => value !== undefined);
  const remove = entries.filter(([, value]) => value === undefined);
  try {
    await dynamodb.send(
      new UpdateItemCommand({
        TableName: instancesTable,
        Key: marshall({ instance: name }),
        UpdateExpression: [
          set.length > 0 ? `SET ${set.map(([key]) => `#${key} = :${key}`).join(', ')}` : '',
          remove.length > 0 ? `REMOVE ${remove.map(([key]) => `#${key}`).join(', ')}` : '',
        ].join(' '),
        ConditionExpression: 'attribute_exists(instance)',
        ExpressionAttributeNames: Object.fromEntries(entries.map(([key]) => [`#${key}`, key])),
        ...(set.length > 0 && {
          ExpressionAttributeValues: marshall(
            Object.fromEntries(set.map(([key, value]) => [`:${key}`, value])),
          ),
        }),
      }),
    );
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    throw recordOf([], name);
  }
}

export async function deleteRecord({ dynamodb, instancesTable }: Stack, name: string): Promise<void> {
  await dynamodb.send(
    new DeleteItemCommand({ TableName: instancesTable, Key: marshall({ instance: name }) }),
  );
}

/** Deletes the cursor items of an instance, or only the one with the given key. Returns how many. */
export async function deleteCursors(
  { dynamodb, cursorsTable: TableName }: Stack,
  instance: string,
  only?: string,
): Promise<number> {
  const keys =
    only === undefined ? await cursorKeys({ dynamodb, cursorsTable: TableName }, instance) : [only];
  for (const stream of keys)
    await dynamodb.send(new DeleteItemCommand({ TableName, Key: marshall({ instance, stream }) }));
  return keys.length;
}

/** Returns the sort keys of all cursor items of an instance. */
export async function cursorKeys(
  { dynamodb, cursorsTable }: Pick<Stack, 'dynamodb' | 'cursorsTable'>,
  instance: string,
): Promise<string[]> {
  const keys: string[] = [];
  const query = {
    TableName: cursorsTable,
    KeyConditionExpression: 'instance = :instance',
    ExpressionAttributeNames: { '#stream': 'stream' },
    ExpressionAttributeValues: marshall({ ':instance': instance }),
    ProjectionExpression: '#stream',
  };
  for await (const { Items = [] } of paginateQuery({ client: dynamodb }, query))
    keys.push(...Items.map(({ stream }) => stream?.S ?? ''));
  return keys;
}

/** DynamoDB takes this many keys in one BatchGetItem. */
const batchKeys = 100;
const statusAttributes =
  'instance,stream,state,lastPollAt,lastSuccessAt,lastError,remedy,failures,nextPollAt,lastCount,position,tokenExpiresAt,firstSeenAt'.split(
    ',',
  );

/** The status at each of these keys, by `instance stream`. Memories, which are large, are not read. */
export async function readStatus(
  { dynamodb, cursorsTable }: Stack,
  keys: readonly CursorKey[],
): Promise<Map<string, Partial<Status>>> {
  const found = new Map<string, Partial<Status>>();
  const all = keys.map((key) => marshall(key));
  const names = Object.fromEntries(statusAttributes.map((name) => [`#${name}`, name]));
  for (let i = 0; i < all.length; i += batchKeys) {
    let Keys = all.slice(i, i + batchKeys);
    while (Keys.length > 0) {
      const asked = {
        Keys,
        ProjectionExpression: Object.keys(names).join(', '),
        ExpressionAttributeNames: names,
      };
      const answer = await dynamodb.send(
        new BatchGetItemCommand({ RequestItems: { [cursorsTable]: asked } }),
      );
      for (const item of answer.Responses?.[cursorsTable] ?? []) {
        const { instance, stream, ...status } = unmarshall(item, { wrapNumbers: Number });
        found.set(`${instance} ${stream}`, status);
      }
      Keys = answer.UnprocessedKeys?.[cursorsTable]?.Keys ?? [];
    }
  }
  return found;
}

const filters = ['accountIds', 'siteIds', 'groupIds'] as const;

/** Finds an instance of the same console whose filters overlap, so that both would collect the same records. */
export function overlapping(
  record: InstanceRecord,
  records: readonly InstanceRecord[],
): InstanceRecord | undefined {
  const mine = readRecord(record);
  return records.find((other) => {
    if (other.instance === record.instance) return false;
    let theirs: Instance;
    try {
      theirs = readInstance(other, anyHost);
    } catch {
      // Nothing is collected for an invalid record.
      return false;
    }
    const collects = (instance: Instance) => instance.streams ?? anyHost.streams;
    return (
      theirs.host === mine.host &&
      collects(theirs).some((stream) => collects(mine).includes(stream)) &&
      filters.every((filter) => {
        const [a, b] = [mine[filter], theirs[filter]];
        return a.length === 0 || b.length === 0 || a.some((id) => b.includes(id));
      })
    );
  });
}

/** Throws CommandError if another instance collects the same records. */
export function refuseOverlap(record: InstanceRecord, records: readonly InstanceRecord[]): void {
  const other = overlapping(record, records);
  if (other === undefined) return;
  throw new CommandError(
    `the scope overlaps with ${other.instance}, which collects ${readRecord(record).host}`,
    'Records would be collected twice. Narrow one of them (--accounts, --sites, --groups, --streams), or use --another-scope if the tokens have different scopes.',
  );
}
