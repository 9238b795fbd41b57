import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  paginateQuery,
  paginateScan,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import type { CursorItem, Cursors, Save } from '../../collect/ports.ts';
import { ClaimLostError } from '../../errors.ts';
import type { Status } from '../../health/status.ts';
import type { CursorKey } from '../../instances/ports.ts';
import type { Clock } from '../../kit/clock.ts';
import { present } from '../../kit/json.ts';
import { fromMs } from '../../kit/time.ts';
import { ifHolds, namesOf, ownClient, readItems, updateOf } from './client.ts';

type Item = Readonly<Record<string, unknown>>;

export const statusAttributes = Object.keys({
  state: true,
  lastPollAt: true,
  lastSuccessAt: true,
  lastError: true,
  remedy: true,
  failures: true,
  failingSince: true,
  nextPollAt: true,
  lastCount: true,
  position: true,
  configVersion: true,
  secretVersion: true,
  checkedUntil: true,
  completeUntil: true,
  lastRecordAt: true,
  tokenExpiresAt: true,
  tokenCheckedAt: true,
  notice: true,
  noticeDetail: true,
  noticeSince: true,
  unreported: true,
  killedRuns: true,
  spentDay: true,
  spentArtifacts: true,
  spentBytes: true,
  learned: true,
  coverage: true,
  lateness: true,
  drift: true,
} satisfies Record<keyof Status, true>) as (keyof Status)[];

/**
 * The cursors table: key `instance`, sort key `stream`. An item contains the cursor (`cursor`), the claim (`claim`,
 * `claimUntil`) and the status. The memory is a separate item, whose sort key is the stream with the suffix
 * `#memory`.
 */
export function cursorsTable(
  TableName: string,
  client: DynamoDBDocumentClient = ownClient,
  clock?: Clock,
): Cursors {
  return {
    async read(stream, instances) {
      const keys = instances.map((instance) => ({ instance, stream }));
      const items = await readItems(TableName, keys, {}, client, clock);
      return new Map(items.map((item) => [item.instance, cursorItem(item)]));
    },

    async claim({ instance, stream, run }, now, until, killedRuns = 0) {
      const counted = killedRuns > 0;
      const claimed = client.send(
        new UpdateCommand({
          TableName,
          Key: { instance, stream },
          UpdateExpression: `SET claim = :run, claimUntil = :until, firstSeenAt = if_not_exists(firstSeenAt, :seen), #state = if_not_exists(#state, :pending)${counted ? ', killedRuns = :killed' : ''}`,
          ConditionExpression: 'attribute_not_exists(claim) OR claimUntil < :now OR claim = :run',
          ExpressionAttributeNames: namesOf(['state']),
          ExpressionAttributeValues: {
            ':run': run,
            ':now': now,
            ':until': until,
            ':seen': fromMs(now),
            ':pending': 'pending',
            ...(counted && { ':killed': killedRuns }),
          },
          ReturnValues: 'ALL_NEW',
        }),
      );
      const answer = await ifHolds(claimed);
      return answer && cursorItem(answer.Attributes ?? {});
    },

    async save({ instance, stream, run }, save) {
      const { values, ...update } = changes(save);
      const saved = client.send(
        new UpdateCommand({
          TableName,
          Key: { instance, stream },
          ...update,
          ConditionExpression: 'claim = :run',
          ExpressionAttributeValues: { ...values, ':run': run },
        }),
      );
      if ((await ifHolds(saved)) === undefined) throw claimLost({ instance, stream });
    },

    async readMemory(key, lineage) {
      const read = new GetCommand({ TableName, Key: memoryKey(key), ConsistentRead: true });
      const { Item } = await client.send(read);
      if (Item?.lineage !== lineage) return undefined;
      const { memory, counts, writer } = Item;
      const { untimed: _, ...others } = counts ?? {};
      return { memory, counts: others, writer };
    },

    async writeMemory(key, lineage, { memory, counts }, writer) {
      const { run } = key;
      // Earlier versions of this program, after a rollback, fail where there is no `untimed`.
      const stored = { ...present({ ...counts }), untimed: 0 };
      const Item = { ...memoryKey(key), lineage, memory, counts: stored, writer: run };
      const written = client.send(
        new PutCommand({
          TableName,
          Item,
          ConditionExpression:
            'attribute_not_exists(writer) OR writer IN (:run, :writer) OR lineage <> :lineage',
          ExpressionAttributeValues: { ':run': run, ':writer': writer ?? run, ':lineage': lineage },
        }),
      );
      if ((await ifHolds(written)) === undefined) throw claimLost(key);
    },
  };
}

const claimLost = ({ instance, stream }: CursorKey) =>
  new ClaimLostError(
    `another run took over ${stream} of ${instance}, or its cursor was removed: nothing is lost`,
  );

export type StatusItem = CursorKey & Partial<Status> & { readonly firstSeenAt?: string };

/** The cursors table for operators: the status of each stream, without cursors and memories. */
export function cursorItems(TableName: string, client: DynamoDBDocumentClient) {
  const attributes = ['instance', 'stream', 'firstSeenAt', ...statusAttributes];
  const projection = {
    ProjectionExpression: attributes.map((name) => `#${name}`).join(', '),
    ExpressionAttributeNames: namesOf(attributes),
  };
  return {
    async status(keys: readonly CursorKey[]): Promise<StatusItem[]> {
      return (await readItems(TableName, keys, projection, client)) as StatusItem[];
    },

    async list(): Promise<StatusItem[]> {
      const items: StatusItem[] = [];
      for await (const { Items = [] } of paginateScan({ client }, { TableName, ...projection }))
        items.push(...(Items as StatusItem[]));
      return items.filter(({ state }) => state !== undefined);
    },

    /** Returns the sort keys of all items of an instance: cursors, memories and replays. */
    async keysOf(instance: string): Promise<string[]> {
      const keys: string[] = [];
      const query = {
        TableName,
        KeyConditionExpression: 'instance = :instance',
        ExpressionAttributeNames: namesOf(['stream']),
        ExpressionAttributeValues: { ':instance': instance },
        ProjectionExpression: '#stream',
      };
      for await (const { Items = [] } of paginateQuery({ client }, query))
        keys.push(...Items.map(({ stream }) => String(stream)));
      return keys;
    },

    /** Returns the scope of each cursor of an instance, or undefined if there is no cursor yet. */
    async scopesOf(instance: string): Promise<{ scope: string | undefined; firstSeenAt: string }[]> {
      const query = {
        TableName,
        KeyConditionExpression: 'instance = :instance',
        ExpressionAttributeNames: namesOf(['stream', 'firstSeenAt', 'cursor', 'scope']),
        ExpressionAttributeValues: { ':instance': instance },
        ProjectionExpression: '#stream, #firstSeenAt, #cursor.#scope',
      };
      const scopes: { scope: string | undefined; firstSeenAt: string }[] = [];
      for await (const { Items = [] } of paginateQuery({ client }, query))
        for (const { stream, cursor, firstSeenAt } of Items)
          if (!String(stream).includes('#'))
            scopes.push({ scope: cursor?.scope, firstSeenAt: String(firstSeenAt) });
      return scopes;
    },

    async delete({ instance, stream }: CursorKey): Promise<void> {
      await client.send(new DeleteCommand({ TableName, Key: { instance, stream } }));
    },
  };
}

function cursorItem({ firstSeenAt, cursor, ...attributes }: Item): CursorItem {
  const status = Object.fromEntries(
    statusAttributes.flatMap((name) => (name in attributes ? [[name, attributes[name]]] : [])),
  );
  const { claimUntil } = attributes;
  return {
    firstSeenAt: String(firstSeenAt),
    cursor,
    status,
    ...(typeof claimUntil === 'number' && { claimUntil }),
  };
}

function changes({ cursor, status, claimUntil }: Save): ReturnType<typeof updateOf> {
  const set = { ...(cursor && { cursor }), ...status, ...(claimUntil !== undefined && { claimUntil }) };
  return updateOf(set, [
    ...(status === undefined ? [] : statusAttributes.filter((name) => !(name in status))),
    ...(claimUntil === undefined ? ['claim', 'claimUntil'] : []),
  ]);
}

function memoryKey({ instance, stream }: CursorKey): CursorKey {
  return { instance, stream: `${stream}#memory` };
}
