import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Ledger } from '../../collect/cursors.ts';
import type { LedgerHour } from '../../health/receipt.ts';
import { ownClient, updateOf } from './client.ts';

/** How long an item is kept after its day; DynamoDB deletes it some time after `expiresAt`, seconds since 1970. */
const keptDays = 35;

/**
 * The ledger table: key `instance`, sort key `stream` with the day, such as `threats#2026-03-01`. The attributes have the
 * hour at their end, such as `console14`: what the console counted, what the queue accepted, what was resent, and when
 * that was checked.
 */
export function ledgerTable(TableName: string, client: DynamoDBDocumentClient = ownClient): Ledger {
  return {
    async write({ instance, stream }, hours, checkedAt) {
      const days = Map.groupBy(hours, ({ hour }) => hour.slice(0, 10));
      for (const [day, ofDay] of days) {
        const { values, ...update } = updateOf(
          { ...attributesOf(ofDay, checkedAt), expiresAt: expiryOf(day) },
          [],
        );
        const Key = { instance, stream: `${stream}#${day}` };
        await client.send(
          new UpdateCommand({ TableName, Key, ...update, ExpressionAttributeValues: values }),
        );
      }
    },
  };
}

function attributesOf(hours: readonly LedgerHour[], checkedAt: number): Record<string, number> {
  return Object.fromEntries(
    hours.flatMap(({ hour, console, queue, resent }) => {
      const at = hour.slice(11, 13);
      return [
        [`console${at}`, console],
        [`queue${at}`, queue],
        [`resent${at}`, resent],
        [`checked${at}`, Math.floor(checkedAt / 1000)],
      ];
    }),
  );
}

function expiryOf(day: string): number {
  return Math.floor(Date.parse(day) / 1000) + (keptDays + 1) * 24 * 60 * 60;
}
