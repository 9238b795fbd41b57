import { createHash } from 'node:crypto';
import {
  type AttributeValue,
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  type KeysAndAttributes,
  PutItemCommand,
  paginateScan,
  UpdateItemCommand,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { Claim, CursorItem, Cursors, KeptMemory, Save } from '../collect/cursors.ts';
import { ClaimLostError } from '../errors.ts';
import type { AcceptedIds } from '../forward/ports.ts';
import type { Status } from '../health/status.ts';
import { forwarderKey } from '../health/status.ts';
import type { CursorKey, Instances } from '../instances/ports.ts';
import { inParallel } from '../kit/concurrency.ts';
import { fromMs } from '../kit/time.ts';
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
  lastRecordAt: true,
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

/** The forwarder's status, beside those of the streams. */
export function forwarderStatus(TableName: string) {
  return {
    async write(status: Partial<Status>): Promise<void> {
      const set = Object.entries(status);
      // A function that has just started does not know when the last success was.
      const gone = statusAttributes.filter((name) => !(name in status) && name !== 'lastSuccessAt');
      await client.send(
        new UpdateItemCommand({
          TableName,
          Key: marshall(forwarderKey),
          UpdateExpression: `SET ${set.map(([name]) => `#${name} = :${name}`).join(', ')} REMOVE ${gone.map((name) => `#${name}`).join(', ')}`,
          ExpressionAttributeNames: Object.fromEntries(
            [...set.map(([name]) => name), ...gone].map((name) => [`#${name}`, name]),
          ),
          ExpressionAttributeValues: marshall(
            Object.fromEntries(set.map(([name, value]) => [`:${name}`, value])),
          ),
        }),
      );
    },
  };
}

/** DynamoDB takes this many in one BatchWriteItem. */
const batchWrites = 25;
const batchesAtOnce = 8;
/** What is left over so often is only posted again. */
const mostTries = 3;
/** DynamoDB takes keys of up to 2048 bytes. */
const longestKey = 1024;

/** The table of accepted ids: key `id`; DynamoDB deletes them some time after `expiresAt`, seconds since 1970. */
export function acceptedIds(TableName: string, days: number, now: () => number): AcceptedIds {
  return {
    async known(ids) {
      const found = new Set<string | undefined>();
      await inBatches(ids, batchKeys, async (batch) => {
        const all: Batch<KeysAndAttributes> = {
          [TableName]: { Keys: batch.map((id) => marshall({ id: keyOf(id) })), ProjectionExpression: 'id' },
        };
        await untilDone(all, async (left) => {
          const answer = await client.send(new BatchGetItemCommand({ RequestItems: left }));
          for (const { id } of answer.Responses?.[TableName] ?? []) found.add(id?.S);
          return answer.UnprocessedKeys;
        });
      });
      return new Set(ids.filter((id) => found.has(keyOf(id))));
    },

    async mark(ids) {
      const expiresAt = Math.floor(now() / 1000) + days * 24 * 60 * 60;
      await inBatches(ids, batchWrites, async (batch) => {
        const all: Batch<WriteRequest[]> = {
          [TableName]: batch.map((id) => ({ PutRequest: { Item: marshall({ id: keyOf(id), expiresAt }) } })),
        };
        await untilDone(all, async (left) => {
          const answer = await client.send(new BatchWriteItemCommand({ RequestItems: left }));
          return answer.UnprocessedItems;
        });
      });
    },
  };
}

function keyOf(id: string): string {
  return Buffer.byteLength(id) <= longestKey ? id : createHash('sha256').update(id).digest('hex');
}

async function inBatches<T>(
  items: readonly T[],
  size: number,
  each: (batch: readonly T[]) => Promise<void>,
): Promise<void> {
  const starts = Array.from({ length: Math.ceil(items.length / size) }, (_, i) => i * size);
  await inParallel(starts, batchesAtOnce, (start) => each(items.slice(start, start + size)));
}

/** By table. */
type Batch<T> = Record<string, T>;

/** Does `some` of a batch until nothing is left over. */
async function untilDone<T>(
  all: Batch<T>,
  some: (left: Batch<T>) => Promise<Batch<T> | undefined>,
): Promise<void> {
  let left = all;
  for (let tries = 1; Object.keys(left).length > 0; tries++) {
    if (tries > mostTries) throw new Error('the table is too busy');
    left = (await some(left)) ?? {};
  }
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
