import * as v from 'valibot';
import type { Listing } from '../console/query.ts';
import { CollectorError } from '../errors.ts';
import { type Instance, scopeOf } from '../instances/instance.ts';
import { present } from '../kit/json.ts';
import { epoch, shift, type Timestamp, timestamp } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';

/** The state that is kept between runs for one instance and stream. */
export interface Cursor {
  /** Host and filters. A cursor with another scope is not continued. */
  readonly scope: string;
  /** Every record before `position − overlap` was delivered. */
  readonly position: Timestamp;
  /**
   * Records per page. It is kept after the listing, so that a slow console does not start with large pages each time.
   */
  readonly limit: number;
  /** The number of successive pages, at a reduced limit, that were small and fast. */
  readonly roomyPages: number;
  /** The listing in progress; undefined if the last one reached its end. */
  readonly listing: Listing | undefined;
}

/** The API's maximum number of records per page. */
export const largestLimit = 1000;

/** Where an instance's first listing starts. It does not change if the first polls fail. */
export function firstCursor(instance: Instance, stream: Stream, firstSeenAt: Timestamp): Cursor {
  const position = stream.wholeInventory ? epoch : shift(firstSeenAt, -instance.lookbackHours * 3_600_000);
  return { scope: scopeOf(instance), position, limit: largestLimit, roomyPages: 0, listing: undefined };
}

const schemaVersion = 1;

const time = v.custom<Timestamp>(
  (value) => typeof value === 'string' && timestamp(value) === value,
  'is not a timestamp',
);

const schema = v.object(
  {
    schemaVersion: v.literal(
      schemaVersion,
      `is not ${schemaVersion}, which this version of the collector reads`,
    ),
    scope: v.string('is not a text'),
    position: time,
    limit: v.pipe(
      v.number('is not a number'),
      v.integer('is not whole'),
      v.minValue(1, 'is less than 1'),
      v.maxValue(largestLimit, `is more than ${largestLimit}`),
    ),
    roomyPages: v.number('is not a number'),
    listing: v.optional(
      v.object(
        {
          from: time,
          createdBefore: v.exactOptional(time),
          began: v.optional(time),
          read: time,
          token: v.optional(v.pipe(v.string('is not a text'), v.nonEmpty('is empty'))),
          ordered: v.boolean('is not true or false'),
          sorted: v.boolean('is not true or false'),
          idle: v.exactOptional(
            v.object({
              pages: v.number('is not a number'),
              read: time,
              ordered: v.boolean('is not true or false'),
              sorted: v.boolean('is not true or false'),
            }),
          ),
        },
        'is not a map',
      ),
    ),
  },
  'is not a map',
);

/** The attribute as it is stored: plain values without undefined ones. */
export type StoredCursor = v.InferInput<typeof schema>;

export function encodeCursor(cursor: Cursor): StoredCursor {
  const { listing, ...rest } = cursor;
  return { schemaVersion, ...rest, ...(listing && { listing: present({ ...listing }) }) };
}

/** The item is not changed. */
export function unreadableCursor(problem: string): CollectorError {
  return new CollectorError('unreadable', `the cursor item can't be read: ${problem}`, {
    name: 'UnreadableCursorError',
    remedy:
      'Nothing was overwritten: restore the item from a backup, or delete it to collect again from the look-back.',
  });
}

/** Throws an UnreadableCursorError that names the invalid attribute. */
export function decodeCursor(stored: unknown): Cursor {
  const result = v.safeParse(schema, stored, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    const path = ['cursor', ...(issue.path ?? []).map(({ key }) => String(key))].join('.');
    throw unreadableCursor(`${path} ${issue.message}`);
  }
  const { schemaVersion: _, listing, ...rest } = result.output;
  return { ...rest, listing: listing && { ...listing, began: listing.began, token: listing.token } };
}
