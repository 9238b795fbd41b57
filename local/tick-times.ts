import { setTimeout as sleep } from 'node:timers/promises';
import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { cursorItems } from '../functions/adapters/dynamodb/cursors.ts';

/** A poller accepts a tick within an hour of the current time. This is one minute less. */
const furthestMs = 59 * 60 * 1000;

/**
 * Allows ticks at times far from the current time. A poller accepts a tick only within an hour. Further away, the
 * tick has the current time, and the next polls in the cursors table are moved instead.
 */
export class TickTimes {
  readonly #cursors: Pick<ReturnType<typeof cursorItems>, 'list'>;
  readonly #tables: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #now: () => number;
  readonly #moved = new Map<string, number>();

  constructor(
    cursors: Pick<ReturnType<typeof cursorItems>, 'list'>,
    tables: DynamoDBDocumentClient,
    table: string,
    now: () => number,
  ) {
    this.#cursors = cursors;
    this.#tables = tables;
    this.#table = table;
    this.#now = now;
  }

  /**
   * Returns the time for the tick, in milliseconds since 1970.
   * @param isIdle whether no poll of the stream is running, which would overwrite its next poll
   */
  async until(stream: string, time: number, isIdle: () => boolean): Promise<number> {
    const aheadMs = time - this.#now();
    const moved = Math.abs(aheadMs) > furthestMs ? aheadMs : 0;
    const by = moved - (this.#moved.get(stream) ?? 0);
    this.#moved.set(stream, moved);
    if (by !== 0) {
      while (!isIdle()) await sleep(5);
      await this.#move(stream, by);
    }
    return time - moved;
  }

  async #move(stream: string, ms: number): Promise<void> {
    for (const { instance, stream: own, nextPollAt = '' } of await this.#cursors.list()) {
      const at = Date.parse(nextPollAt);
      if (own !== stream || Number.isNaN(at)) continue;
      const move = new UpdateCommand({
        TableName: this.#table,
        Key: { instance, stream },
        UpdateExpression: 'SET nextPollAt = :next',
        ExpressionAttributeValues: { ':next': new Date(at - ms).toISOString() },
      });
      await this.#tables.send(move);
    }
  }
}
