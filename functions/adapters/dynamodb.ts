import {
  type AttributeValue,
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  paginateScan,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { ClaimLostError } from '../core/errors.ts';
import type {
  Claim,
  CursorItem,
  CursorKey,
  Cursors,
  Instances,
  KeptMemory,
  Save,
  Status,
} from '../core/ports.ts';
import { fromMs } from '../core/time.ts';
import { clientConfig } from './aws.ts';

type Item = Record<string, AttributeValue>;

const client = new DynamoDBClient(clientConfig);

/** The instances table: key `instance`. */
export function instancesTable(TableName: string): Instances {
  return {
    async list() {
      const items: Record<string, unknown>[] = [];
      for await (const { Items = [] } of paginateScan({ client }, { TableName })) {
        items.push(...Items.map((item) => plain(item)));
      }
      return items;
    },
  };
}

const statusAttributes = Object.keys({
  state: true,
  lastPollAt: true,
  lastSuccessAt: true,
  lastError: true,
  remedy: true,
  failures: true,
  nextPollAt: true,
  lastCount: true,
  position: true,
  configVersion: true,
  secretVersion: true,
  lastAuditAt: true,
  tokenExpiresAt: true,
  tokenCheckedAt: true,
} satisfies Record<keyof Status, true>) as (keyof Status)[];

/** DynamoDB takes this many keys in one BatchGetItem. */
const batchKeys = 100;

/**
 * The cursors table: key `instance`, sort key `stream`. An item holds the cursor (`cursor`), the claim (`claim`,
 * `claimUntil`) and the status; the memory is an item of its own, with `#memory` behind the stream.
 */
export function cursorsTable(TableName: string): Cursors {
  return {
    async read(stream, instances) {
      const found = new Map<string, CursorItem>();
      for (let i = 0; i < instances.length; i += batchKeys) {
        let Keys: Item[] = instances
          .slice(i, i + batchKeys)
          .map((instance) => marshall({ instance, stream }));
        while (Keys.length > 0) {
          const answer = await client.send(
            new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys } } }),
          );
          for (const item of answer.Responses?.[TableName] ?? [])
            found.set(item.instance?.S ?? '', cursorItem(item));
          Keys = answer.UnprocessedKeys?.[TableName]?.Keys ?? [];
        }
      }
      return found;
    },

    async claim({ instance, stream, run }, now, until) {
      const answer = await orUndefined(
        client.send(
          new UpdateItemCommand({
            TableName,
            Key: marshall({ instance, stream }),
            UpdateExpression:
              'SET claim = :run, claimUntil = :until, firstSeenAt = if_not_exists(firstSeenAt, :seen), #state = if_not_exists(#state, :pending)',
            ConditionExpression: 'attribute_not_exists(claim) OR claimUntil < :now OR claim = :run',
            ExpressionAttributeNames: { '#state': 'state' },
            ExpressionAttributeValues: marshall({
              ':run': run,
              ':now': now,
              ':until': until,
              ':seen': fromMs(now),
              ':pending': 'pending',
            }),
            ReturnValues: 'ALL_NEW',
          }),
        ),
      );
      return answer && cursorItem(answer.Attributes ?? {});
    },

    async save(claim, save) {
      const { instance, stream, run } = claim;
      const { set, remove } = changes(save);
      const names = [...Object.keys(set), ...remove];
      const setting = Object.keys(set).map((name) => `#${name} = :${name}`);
      const removing = remove.map((name) => `#${name}`);
      const answer = await orUndefined(
        client.send(
          new UpdateItemCommand({
            TableName,
            Key: marshall({ instance, stream }),
            UpdateExpression: [
              setting.length > 0 ? `SET ${setting.join(', ')}` : '',
              removing.length > 0 ? `REMOVE ${removing.join(', ')}` : '',
            ].join(' '),
            ConditionExpression: '#claim = :run',
            ExpressionAttributeNames: Object.fromEntries(
              [...names, 'claim'].map((name) => [`#${name}`, name]),
            ),
            ExpressionAttributeValues: marshall({
              ':run': run,
              ...Object.fromEntries(Object.entries(set).map(([name, value]) => [`:${name}`, value])),
            }),
          }),
        ),
      );
      if (answer === undefined) throw claimLost(claim);
    },

    async readMemory(key, lineage) {
      const { Item } = await client.send(
        new GetItemCommand({ TableName, Key: memoryKey(key), ConsistentRead: true }),
      );
      if (Item?.lineage?.S !== lineage) return undefined;
      const { memory, counts } = plain(Item);
      return { memory, counts } as KeptMemory;
    },

    async writeMemory(key, lineage, { memory, counts }) {
      const Item = { ...memoryKey(key), ...marshall({ lineage, memory, counts }) };
      await client.send(new PutItemCommand({ TableName, Item }));
    },
  };
}

/** A number too long for JavaScript is rounded, not thrown: one odd record must not hide the others. */
function plain(item: Item): Record<string, unknown> {
  return unmarshall(item, { wrapNumbers: Number });
}

function cursorItem(item: Item): CursorItem {
  const { firstSeenAt, cursor, ...attributes } = plain(item);
  const status = Object.fromEntries(
    statusAttributes.flatMap((name) => (name in attributes ? [[name, attributes[name]]] : [])),
  );
  return { firstSeenAt: String(firstSeenAt), cursor, status };
}

function changes({ cursor, status, claimUntil }: Save): { set: Record<string, unknown>; remove: string[] } {
  const set = { ...(cursor && { cursor }), ...status, ...(claimUntil !== undefined && { claimUntil }) };
  const remove = [
    ...(status === undefined ? [] : statusAttributes.filter((name) => !(name in status))),
    ...(claimUntil === undefined ? ['claim', 'claimUntil'] : []),
  ];
  return { set, remove };
}

function memoryKey({ instance, stream }: CursorKey): Item {
  return marshall({ instance, stream: `${stream}#memory` });
}

function claimLost({ instance, stream }: Claim): ClaimLostError {
  return new ClaimLostError(
    `another run took over ${stream} of ${instance}, or its cursor was removed: nothing is lost`,
  );
}

async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined;
    throw error;
  }
}
