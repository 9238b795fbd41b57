import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  paginateQuery,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import type { Ledger } from '../../collect/ports.ts';
import type { AcceptedLedger } from '../../forward/ports.ts';
import type { AcceptedHour, LedgerHour, LedgerRow } from '../../health/receipt.ts';
import type { Change } from '../../health/status.ts';
import type { CursorKey } from '../../instances/ports.ts';
import { inParallel } from '../../kit/concurrency.ts';
import { type Timestamp, toMs } from '../../kit/time.ts';
import { namesOf, ownClient, updateOf } from './client.ts';

/** How long an item is kept after its day; DynamoDB deletes it some time after `expiresAt`, seconds since 1970. */
const keptDays = 35;

/**
 * The ledger table: key `instance`, sort key `stream` with the day, such as `threats#2026-03-01`. The attributes have the
 * hour at their end. `h14` is one text, so that the item of a day stays below 1 KB: what the console counted, what
 * the queue accepted, and how many seconds after its start the hour was checked. `accepted14` is what Analytics accepted. `resent14`
 * and `base14` are absent if nothing was resent. Changes of state have the sort key `history#<time>#<stream>`.
 */
export function ledgerTable(TableName: string, client: DynamoDBDocumentClient = ownClient): Ledger {
  return {
    async write({ instance, stream }, hours, checkedAt) {
      const days = Map.groupBy(hours, ({ hour }) => hour.slice(0, 10));
      for (const [day, ofDay] of days) {
        const Key = { instance, stream: `${stream}#${day}` };
        await client.send(new UpdateCommand({ TableName, Key, ...checksOf(ofDay, checkedAt) }));
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

function checksOf(hours: readonly LedgerHour[], checkedAt: number) {
  const set: Record<string, unknown> = { expiresAt: expiryOf(hours[0]?.hour.slice(0, 10) ?? '') };
  const add: Record<string, number> = {};
  for (const { hour, console, queue, resent, base } of hours) {
    const at = hour.slice(11, 13);
    set[`h${at}`] = `${console} ${queue} ${Math.floor((checkedAt - toMs(hour)) / 1000)}`;
    if (base !== undefined) Object.assign(set, { [`base${at}`]: base, [`resent${at}`]: 0 });
    else if (resent > 0) add[`resent${at}`] = resent;
  }
  const { values, UpdateExpression } = updateOf(set, []);
  const added = Object.keys(add).map((name) => `#${name} :${name}`);
  return {
    UpdateExpression: added.length === 0 ? UpdateExpression : `${UpdateExpression} ADD ${added.join(', ')}`,
    ExpressionAttributeNames: namesOf(Object.keys({ ...set, ...add })),
    ExpressionAttributeValues: { ...values, ...updateOf(add, []).values },
  };
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
    async add(counts, added = () => {}) {
      const items = Map.groupBy(counts, ({ instance, stream, hour }) =>
        JSON.stringify([instance, `${stream}#${hour.slice(0, 10)}`]),
      );
      await inParallel([...items], writesAtOnce, async ([key, hours]) => {
        const [instance, stream] = JSON.parse(key);
        await client.send(additionOf(TableName, { instance, stream }, hours));
        added(hours);
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

    /** Deletes all hours and changes of an instance. Returns the number of items. */
    async delete(instance: string): Promise<number> {
      const query = {
        TableName,
        KeyConditionExpression: 'instance = :instance',
        ExpressionAttributeNames: namesOf(['instance', 'stream']),
        ExpressionAttributeValues: { ':instance': instance },
        ProjectionExpression: '#instance, #stream',
      };
      let deleted = 0;
      for await (const { Items = [] } of paginateQuery({ client }, query)) {
        await inParallel(Items, writesAtOnce, async (Key) => {
          await client.send(new DeleteCommand({ TableName, Key }));
        });
        deleted += Items.length;
      }
      return deleted;
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

function rowsOf(item: Readonly<Record<string, unknown>>): LedgerRow[] {
  const day = String(item.stream).slice(-10);
  return Array.from({ length: 24 }, (_, i) => String(i).padStart(2, '0')).flatMap((at) => {
    const hour = `${day}T${at}:00:00.000000Z`;
    const number = (name: string) =>
      item[`${name}${at}`] === undefined ? {} : { [name]: Number(item[`${name}${at}`]) };
    const row = { ...number('resent'), ...number('base'), ...number('accepted') };
    const [console, queue, seconds] = String(item[`h${at}`] ?? '').match(/\d+/g) ?? [];
    const checkedAt = toMs(hour) / 1000 + Number(seconds);
    if (seconds !== undefined)
      return [{ hour, console: Number(console), queue: Number(queue), checkedAt, ...row }];
    return Object.keys(row).length === 0 ? [] : [{ hour, ...row }];
  });
}
