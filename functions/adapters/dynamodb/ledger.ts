import { type DynamoDBDocumentClient, GetCommand, paginateQuery, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Ledger } from '../../collect/ports.ts';
import type { AcceptedLedger } from '../../forward/ports.ts';
import type { Change } from '../../health/history.ts';
import type { AcceptedHour, LedgerHour, LedgerRow } from '../../health/receipt.ts';
import type { CursorKey } from '../../instances/ports.ts';
import { inParallel } from '../../kit/concurrency.ts';
import type { Timestamp } from '../../kit/time.ts';
import { namesOf, ownClient, updateOf } from './client.ts';

/** How long an item is kept after its day; DynamoDB deletes it some time after `expiresAt`, seconds since 1970. */
const keptDays = 35;

/**
 * The ledger table: key `instance`, sort key `stream` with the day, such as `threats#2026-03-01`. The attributes have the
 * hour at their end, such as `console14`: what the console counted, what the queue accepted, what was resent, when that
 * was checked, and what Analytics accepted. Changes of state have the sort key `history#<time>#<stream>`.
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

    async read({ instance, stream }, hour) {
      const Key = { instance, stream: `${stream}#${hour.slice(0, 10)}` };
      const { Item } = await client.send(new GetCommand({ TableName, Key, ConsistentRead: true }));
      return Item && rowsOf(Item).find((row) => row.hour === hour);
    },

    async append({ instance, stream: of, ...change }) {
      const expiresAt = expiryOf(change.at.slice(0, 10));
      const { values, ...update } = updateOf({ ...change, of, expiresAt }, []);
      const Key = { instance, stream: `history#${change.at}#${of}` };
      await client.send(new UpdateCommand({ TableName, Key, ...update, ExpressionAttributeValues: values }));
    },
  };
}

function attributesOf(hours: readonly LedgerHour[], checkedAt: number): Record<string, number> {
  return Object.fromEntries(
    hours.flatMap(({ hour, console, queue, resent, base }) => {
      const at = hour.slice(11, 13);
      return [
        [`console${at}`, console],
        [`queue${at}`, queue],
        [`resent${at}`, resent],
        ...(base === undefined ? [] : [[`base${at}`, base]]),
        [`checked${at}`, Math.floor(checkedAt / 1000)],
      ];
    }),
  );
}

function expiryOf(day: string): number {
  return Math.floor(Date.parse(day) / 1000) + (keptDays + 1) * 24 * 60 * 60;
}

const writesAtOnce = 8;

/** The ledger table for the forwarder. */
export function acceptedLedger(
  TableName: string,
  client: DynamoDBDocumentClient = ownClient,
): AcceptedLedger {
  return {
    async add(counts) {
      const items = Map.groupBy(counts, ({ instance, stream, hour }) =>
        JSON.stringify([instance, `${stream}#${hour.slice(0, 10)}`]),
      );
      await inParallel([...items], writesAtOnce, async ([key, hours]) => {
        const [instance, stream] = JSON.parse(key);
        await client.send(additionOf(TableName, { instance, stream }, hours));
      });
    },
  };
}

function additionOf(TableName: string, key: CursorKey, hours: readonly AcceptedHour[]): UpdateCommand {
  const names = hours.map(({ hour }) => `accepted${hour.slice(11, 13)}`);
  const [first] = hours;
  return new UpdateCommand({
    TableName,
    Key: key,
    UpdateExpression: `SET #expiresAt = :expiresAt ADD ${names.map((name) => `#${name} :${name}`).join(', ')}`,
    ExpressionAttributeNames: namesOf(['expiresAt', ...names]),
    ExpressionAttributeValues: {
      ':expiresAt': expiryOf(first?.hour.slice(0, 10) ?? ''),
      ...Object.fromEntries(hours.map(({ accepted }, i) => [`:${names[i]}`, accepted])),
    },
  });
}

/** The ledger table for operators. */
export function ledgerItems(TableName: string, client: DynamoDBDocumentClient) {
  return {
    /** The hours of these days (`2026-03-01`), oldest first. */
    async read({ instance, stream }: CursorKey, fromDay: string, toDay: string): Promise<LedgerRow[]> {
      const query = {
        TableName,
        KeyConditionExpression: 'instance = :instance AND #stream BETWEEN :from AND :to',
        ExpressionAttributeNames: namesOf(['stream']),
        ExpressionAttributeValues: {
          ':instance': instance,
          ':from': `${stream}#${fromDay}`,
          ':to': `${stream}#${toDay}`,
        },
      };
      const rows: LedgerRow[] = [];
      for await (const { Items = [] } of paginateQuery({ client }, query))
        for (const item of Items) rows.push(...rowsOf(item));
      return rows;
    },

    /** The changes of state of an instance from a time on, oldest first. */
    async changes(instance: string, from: Timestamp): Promise<Change[]> {
      const query = {
        TableName,
        KeyConditionExpression: 'instance = :instance AND #stream BETWEEN :from AND :to',
        ExpressionAttributeNames: namesOf(['stream']),
        ExpressionAttributeValues: { ':instance': instance, ':from': `history#${from}`, ':to': 'history#~' },
      };
      const changes: Change[] = [];
      for await (const { Items = [] } of paginateQuery({ client }, query))
        changes.push(
          ...Items.map(({ expiresAt: _, of, ...change }) => ({ ...change, stream: of }) as Change),
        );
      return changes;
    },
  };
}

const columns = {
  console: 'console',
  queue: 'queue',
  resent: 'resent',
  base: 'base',
  accepted: 'accepted',
  checkedAt: 'checked',
};

function rowsOf(item: Readonly<Record<string, unknown>>): LedgerRow[] {
  const day = String(item.stream).slice(-10);
  return Array.from({ length: 24 }, (_, i) => String(i).padStart(2, '0')).flatMap((at) => {
    const values = Object.entries(columns).flatMap(([name, column]) => {
      const value = item[`${column}${at}`];
      return typeof value === 'number' ? [[name, value]] : [];
    });
    return values.length === 0 ? [] : [{ hour: `${day}T${at}:00:00.000000Z`, ...Object.fromEntries(values) }];
  });
}
