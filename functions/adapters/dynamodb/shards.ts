import { type DynamoDBDocumentClient, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Offers, Place } from '../../collect/shards.ts';
import { ifHolds, ownClient } from './client.ts';

/** A key that no instance can have, because of the `#`. */
const instance = '#shard';

/** Items in the cursors table with the names of the instances of each shard of a stream, as of its latest tick. */
export function shardsTable(
  TableName: string,
  streamName: string,
  client: DynamoDBDocumentClient = ownClient,
): Offers {
  const keyOf = ({ number }: Place) => ({ instance, stream: `${streamName}#${number}` });
  return {
    async offer(place, names) {
      await client.send(new PutCommand({ TableName, Item: { ...keyOf(place), by: place.by, names } }));
    },

    async take(place) {
      const taken = client.send(
        new UpdateCommand({
          TableName,
          Key: keyOf(place),
          UpdateExpression: 'REMOVE #by',
          ConditionExpression: '#by = :by',
          ExpressionAttributeNames: { '#by': 'by' },
          ExpressionAttributeValues: { ':by': place.by },
          ReturnValues: 'ALL_NEW',
        }),
      );
      return (await ifHolds(taken))?.Attributes?.names;
    },
  };
}
