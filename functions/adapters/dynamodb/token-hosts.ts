import { createHash } from 'node:crypto';
import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { TokenHosts } from '../../instances/ports.ts';
import { ownClient } from './client.ts';

/** A key that no instance can have, because of the `#`. */
const instance = '#token';

/**
 * Items in the cursors table that bind a token, by its hash, to a host. A binding never changes, so it is read once.
 */
export function tokenHosts(TableName: string, client: DynamoDBDocumentClient = ownClient): TokenHosts {
  const known = new Map<string, string>();
  return {
    async hostOf(stored, first) {
      const stream = createHash('sha256').update(stored).digest('hex');
      const bound = known.get(stream);
      if (bound !== undefined) return bound;
      const { Attributes } = await client.send(
        new UpdateCommand({
          TableName,
          Key: { instance, stream },
          UpdateExpression: 'SET #host = if_not_exists(#host, :host)',
          ExpressionAttributeNames: { '#host': 'host' },
          ExpressionAttributeValues: { ':host': await first() },
          ReturnValues: 'ALL_NEW',
        }),
      );
      const host = String(Attributes?.host);
      known.set(stream, host);
      return host;
    },
  };
}
