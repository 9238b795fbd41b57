import { createHash } from 'node:crypto';
import { BatchGetCommand, BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import type { AcceptedIds } from '../../forward/ports.ts';
import { type Clock, systemClock } from '../../kit/clock.ts';
import { inBatches, mostKeys, ownClient } from './client.ts';

/** The maximum number of writes in one BatchWriteItem. */
const mostWrites = 25;
/** DynamoDB accepts keys of up to 2048 bytes. */
const longestKey = 1024;

/**
 * The table of accepted ids: key `id`. DynamoDB deletes an item some time after `expiresAt`, in seconds since 1970.
 */
export function acceptedIds(TableName: string, days: number, clock: Clock = systemClock): AcceptedIds {
  return {
    async known(ids) {
      const found = new Set<unknown>();
      const read = async (batch: string[]) => {
        const Keys = batch.map((id) => ({ id }));
        const RequestItems = { [TableName]: { Keys, ProjectionExpression: 'id' } };
        const answer = await ownClient.send(new BatchGetCommand({ RequestItems }));
        for (const { id } of answer.Responses?.[TableName] ?? []) found.add(id);
        return answer.UnprocessedKeys?.[TableName]?.Keys?.map(({ id }) => String(id));
      };
      await inBatches(TableName, ids.map(keyOf), mostKeys, read, clock);
      return new Set(ids.filter((id) => found.has(keyOf(id))));
    },

    async mark(ids) {
      const expiresAt = Math.floor(clock.now() / 1000) + days * 24 * 60 * 60;
      const write = async (batch: string[]) => {
        const RequestItems = {
          [TableName]: batch.map((id) => ({ PutRequest: { Item: { id, expiresAt } } })),
        };
        const { UnprocessedItems } = await ownClient.send(new BatchWriteCommand({ RequestItems }));
        return UnprocessedItems?.[TableName]?.map(({ PutRequest }) => String(PutRequest?.Item?.id));
      };
      await inBatches(TableName, ids.map(keyOf), mostWrites, write, clock);
    },
  };
}

function keyOf(id: string): string {
  return Buffer.byteLength(id) <= longestKey ? id : createHash('sha256').update(id).digest('hex');
}
