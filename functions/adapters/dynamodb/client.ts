import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  type DynamoDBClientConfig,
} from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type Clock, systemClock } from '../../kit/clock.ts';
import { inParallel } from '../../kit/concurrency.ts';
import { backoffMs } from '../../kit/pacing.ts';
import { clientConfig } from '../aws.ts';

/** A client that takes and returns plain values. */
export function documentClient(config: DynamoDBClientConfig = {}): DynamoDBDocumentClient {
  return DynamoDBDocumentClient.from(new DynamoDBClient({ ...clientConfig, ...config }), {
    // A number too long for JavaScript is rounded, not thrown: one odd item must not hide the others.
    unmarshallOptions: { wrapNumbers: Number },
  });
}

/** With the region and the credentials of the environment. */
export const ownClient = documentClient();

/** DynamoDB takes this many keys in one BatchGetItem. */
export const mostKeys = 100;
const batchesAtOnce = 8;
/** Full jitter of up to 50 ms, doubled each time: 13 s in all at most, 6 s on average. */
const [firstWaitMs, longestWaitMs, mostTries] = [50, 5_000, 9];

/**
 * Sends the items of one table in batches of `size`. `send` returns what DynamoDB did not process, which is sent again
 * later; throws where something is left in the end.
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

const throttled = (table: string, left: number) =>
  `DynamoDB throttles the table ${table}: ${left} items of a batch were not processed in ${mostTries} requests. Check its capacity: aws dynamodb describe-table --table-name ${table} --query "Table.[TableStatus,BillingModeSummary,OnDemandThroughput,ProvisionedThroughput]"`;

/** The expressions of an UpdateCommand that sets some attributes and removes others. */
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

/** Placeholders, since some attributes are reserved words. */
export function namesOf(attributes: readonly string[]): Record<string, string> {
  return Object.fromEntries(attributes.map((name) => [`#${name}`, name]));
}

/** Undefined where the condition of a write does not hold. */
export async function ifHolds<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined;
    throw error;
  }
}
