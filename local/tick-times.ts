import { setTimeout as sleep } from 'node:timers/promises';
import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { cursorItems } from '../functions/adapters/dynamodb/cursors.ts';

/** The furthest from now that a poller takes a tick's time for, and a minute less. */
const furthestMs = 59 * 60 * 1000;

/**
 * Lets ticks be fired for times far from now. A poller takes the time of a tick for an hour from now at most, so beyond
 * that the tick is for now, and the next polls that are written in the cursors table are moved nearer instead.
 */
export class TickTimes {
  readonly #cursors: Pick<ReturnType<typeof cursorItems>, 'list'>;
  readonly #tables: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #now: () => number;
  /** By stream: how far its next polls are moved. */
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
   * Answers the time to fire the tick for, in milliseconds since 1970.
   * @param isIdle whether no poll of the stream is under way, which would write a next poll of its own
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
