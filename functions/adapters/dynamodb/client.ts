import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  type DynamoDBClientConfig,
} from '@aws-sdk/client-dynamodb';
import { BatchGetCommand, DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type Clock, systemClock } from '../../kit/clock.ts';
import { inParallel } from '../../kit/concurrency.ts';
import { backoffMs } from '../../kit/pacing.ts';
import { clientConfig } from '../aws.ts';

/** Creates a client that accepts and returns plain values. */
export function documentClient(config: DynamoDBClientConfig = {}): DynamoDBDocumentClient {
  return DynamoDBDocumentClient.from(new DynamoDBClient({ ...clientConfig, ...config }), {
    // Rounds numbers that are too long for JavaScript. An error would hide all other items of the response.
    unmarshallOptions: { wrapNumbers: Number },
  });
}

/** A client with the region and credentials of the environment. */
export const ownClient = documentClient();

/** The maximum number of keys in one BatchGetItem. */
export const mostKeys = 100;
const batchesAtOnce = 8;
/** Full jitter of up to 50 ms, doubled each time: at most 13 s in all, 6 s on average. */
const [firstWaitMs, longestWaitMs, mostTries] = [50, 5_000, 9];

/**
 * Sends the items for one table in batches of `size`. `send` returns what DynamoDB did not process; that is sent
 * again. Throws if items remain after the last try.
 */
export async function inBatches<T>(
  TableName: string,
  items: readonly T[],
  size: number,
  send: (batch: T[]) => Promise<readonly T[] | undefined>,
  clock: Clock = systemClock,
): Promise<void> {
  const starts = Array.from({ length: Math.ceil(items.length / size) }, (_, i) => i * size);
  await inParallel(starts, batchesAtOnce, async (start) => {
    let left: readonly T[] = items.slice(start, start + size);
    for (let tries = 1; ; tries++) {
      left = (await send([...left])) ?? [];
      if (left.length === 0) return;
      if (tries === mostTries) throw new Error(throttled(TableName, left.length));
      await clock.sleep(backoffMs(tries, firstWaitMs, longestWaitMs, clock));
    }
  });
}

type Item = Record<string, unknown>;

/**
 * Reads the items with these keys, as far as they exist.
 * @param options of each request, such as its projection
 */
export async function readItems<Key extends object>(
  TableName: string,
  keys: readonly Key[],
  options: object,
  client: DynamoDBDocumentClient,
  clock?: Clock,
): Promise<(Key & Item)[]> {
  const items: (Key & Item)[] = [];
  const read = async (Keys: Key[]) => {
    const RequestItems = { [TableName]: { Keys: Keys as Item[], ...options } };
    const { Responses, UnprocessedKeys } = await client.send(new BatchGetCommand({ RequestItems }));
    items.push(...((Responses?.[TableName] ?? []) as (Key & Item)[]));
    return UnprocessedKeys?.[TableName]?.Keys as Key[] | undefined;
  };
  await inBatches(TableName, keys, mostKeys, read, clock);
  return items;
}

const throttled = (table: string, left: number) =>
  `DynamoDB throttles the table ${table}: ${left} items of a batch were not processed in ${mostTries} requests. Check its capacity: aws dynamodb describe-table --table-name ${table} --query "Table.[TableStatus,BillingModeSummary,OnDemandThroughput,ProvisionedThroughput]"`;

/** Returns the expressions of an UpdateCommand that sets some attributes and removes others. */
export function updateOf(set: Readonly<Record<string, unknown>>, remove: readonly string[]) {
  const names = Object.keys(set);
  const clause = (keyword: string, parts: readonly string[]) =>
    parts.length > 0 ? [`${keyword} ${parts.join(', ')}`] : [];
  return {
    UpdateExpression: [
      ...clause(
        'SET',
        names.map((name) => `#${name} = :${name}`),
      ),
      ...clause(
        'REMOVE',
        remove.map((name) => `#${name}`),
      ),
    ].join(' '),
    ExpressionAttributeNames: namesOf([...names, ...remove]),
    values: Object.fromEntries(Object.entries(set).map(([name, value]) => [`:${name}`, value])),
  };
}

/** Returns placeholders for attribute names, because some are reserved words. */
export function namesOf(attributes: readonly string[]): Record<string, string> {
  return Object.fromEntries(attributes.map((name) => [`#${name}`, name]));
}

/** Returns undefined if the condition of a write is false. */
export async function ifHolds<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined;
    throw error;
  }
}
