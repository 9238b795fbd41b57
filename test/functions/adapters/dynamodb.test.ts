import { type AttributeValue, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { acceptedIds } from '../../../functions/adapters/dynamodb/accepted-ids.ts';
import type { cursorItems, cursorsTable } from '../../../functions/adapters/dynamodb/cursors.ts';
import type { instanceRecords } from '../../../functions/adapters/dynamodb/instances.ts';
import type { LocalAws } from '../../../local/aws/aws.ts';
import { type AwsFault, type AwsProxy, befallAws, startAwsProxy } from '../../support/aws-proxy.ts';
import { replicaOf } from '../../support/replica.ts';
import { startStandIns } from '../../support/stand-ins.ts';

let aws: LocalAws;
/** Between the adapters and DynamoDB. */
let proxy: AwsProxy;
let cursors: ReturnType<typeof cursorsTable>;
let items: ReturnType<typeof cursorItems>;
let instances: ReturnType<typeof instanceRecords>;
let accepted: ReturnType<typeof acceptedIds>;

/** What was waited for, in milliseconds. */
let waits: number[] = [];
const clock = {
  now: () => 1_700_000_000_000,
  random: () => 0.5,
  sleep: async (ms: number) => {
    waits.push(ms);
  },
};

beforeAll(async () => {
  aws = await startStandIns();
  proxy = await startAwsProxy();
  proxy.leadTo(aws.environment);
  process.env.AWS_ENDPOINT_URL_DYNAMODB = proxy.environment.AWS_ENDPOINT_URL_DYNAMODB;
  const { ownClient } = await import('../../../functions/adapters/dynamodb/client.ts');
  const module = await import('../../../functions/adapters/dynamodb/cursors.ts');
  cursors = module.cursorsTable('Cursors', ownClient, clock);
  items = module.cursorItems('Cursors', ownClient);
  const records = await import('../../../functions/adapters/dynamodb/instances.ts');
  instances = records.instanceRecords('Instances', ownClient);
  const ids = await import('../../../functions/adapters/dynamodb/accepted-ids.ts');
  accepted = ids.acceptedIds('Accepted', 7, clock);
});

beforeEach(() => {
  waits = [];
  proxy.calls.length = 0;
});

afterEach(() => {
  proxy.faults = [];
  proxy.staleReadsFrom = undefined;
});

afterAll(async () => {
  proxy.close();
  await aws.close();
});

describe('what DynamoDB leaves over of a batch', () => {
  const names = Array.from({ length: 60 }, (_, i) => `left-over-${i}`);
  const batches = (fault: AwsFault, times?: number) =>
    befallAws({ which: ({ operation }) => operation.startsWith('Batch'), ...(times && { times }) }, fault);

  test('for a while is read and written in the end', async () => {
    for (const instance of names) await cursors.claim({ instance, stream: 'threats', run: 'one' }, 1, 2);
    proxy.faults = [batches({ processed: 7 }, 1), batches({ processed: 0 }, 4)];
    expect([...(await cursors.read('threats', names)).keys()].sort()).toEqual([...names].sort());
    proxy.faults = [batches({ processed: 7 }, 3), batches({ processed: 0 }, 6)];
    await accepted.mark(names);
    proxy.faults = [batches({ processed: 7 }, 1), batches({ processed: 0 }, 4)];
    expect(await accepted.known([...names, 'unknown'])).toEqual(new Set(names));
    expect(waits).toHaveLength(5 + 9 + 5);
  });

  test.each<[what: string, table: string, does: () => Promise<unknown>]>([
    ['a read of cursors', 'Cursors', () => cursors.read('threats', names)],
    ['a read of accepted ids', 'Accepted', () => accepted.known(names)],
    ['a write of accepted ids', 'Accepted', () => accepted.mark(names.slice(0, 20))],
  ])('for ever ends %s with an error that names the table and what to type', async (_, table, does) => {
    proxy.faults = [batches({ processed: 0 })];
    await expect(does()).rejects.toThrow(
      new RegExp(`throttles the table ${table}: .* aws dynamodb describe-table --table-name ${table} `),
    );
    expect(proxy.calls).toHaveLength(9);
    expect(waits).toEqual([25, 50, 100, 200, 400, 800, 1600, 2500]);
  });
});

describe('instances', () => {
  test('are read as they are, where another read may be a moment old', async () => {
    await instances.put({ instance: 'before', host: 'a' });
    const replica = await replicaOf(aws.dynamodb);
    proxy.staleReadsFrom = replica.endpoint;
    await instances.put({ instance: 'after', host: 'b' });
    await instances.change('before', { enabled: false });
    await cursors.claim({ instance: 'after', stream: 'threats', run: 'one' }, 1, 2);
    expect(await instances.list()).toEqual(
      expect.arrayContaining([
        { instance: 'before', host: 'a', enabled: false },
        { instance: 'after', host: 'b' },
      ]),
    );
    expect(await cursors.read('threats', ['after'])).toEqual(new Map());
    replica.close();
  });

  test('with a number too long for JavaScript, or with nothing in an attribute, hide no others', async () => {
    const Item: Record<string, AttributeValue> = {
      instance: { S: 'odd' },
      long: { N: '12345678901234567890123456789' },
      lists: { L: [{ N: '9007199254740993' }] },
      text: { S: '' },
      list: { L: [] },
      map: { M: {} },
      nothing: { NULL: true },
    };
    await aws.dynamodb.send(new PutItemCommand({ TableName: 'Instances', Item }));
    await instances.put({ instance: 'plain', text: '', list: [], map: {}, nothing: null });
    const listed = new Map((await instances.list()).map((record) => [record.instance, record]));
    const empty = { text: '', list: [], map: {}, nothing: null };
    expect(listed.get('odd')).toEqual({
      instance: 'odd',
      long: Number('12345678901234567890123456789'),
      lists: [9007199254740992],
      ...empty,
    });
    expect(listed.get('plain')).toEqual({ instance: 'plain', ...empty });
  });

  test('are created once, changed where they exist, and deleted', async () => {
    const named = async () => (await instances.list()).find(({ instance }) => instance === 'acme');
    expect(await instances.change('acme', { host: 'a' })).toBe(false);
    expect(await instances.create({ instance: 'acme', host: 'a', siteIds: ['1'] })).toBe(true);
    expect(await instances.create({ instance: 'acme', host: 'b' })).toBe(false);
    expect(await named()).toEqual({ instance: 'acme', host: 'a', siteIds: ['1'] });
    expect(await instances.change('acme', { siteIds: undefined, lookbackHours: 3 })).toBe(true);
    expect(await named()).toEqual({ instance: 'acme', host: 'a', lookbackHours: 3 });
    expect(await instances.change('acme', { lookbackHours: undefined })).toBe(true);
    expect(await named()).toEqual({ instance: 'acme', host: 'a' });
    await instances.delete('acme');
    expect(await named()).toBeUndefined();
  });
});

test('cursor items show their status, without cursor and claim, until they are deleted', async () => {
  const key = { instance: 'shown', stream: 'threats' };
  await cursors.claim({ ...key, run: 'one' }, 1_700_000_000_123, 1_700_000_060_000);
  const counts = { since: '2026-01-02T03:00:00.000000Z', delivered: {} };
  const claim = { ...key, run: 'one' };
  await cursors.writeMemory(claim, 'first', { memory: new Uint8Array(9), counts }, undefined);
  const status = { ...key, state: 'pending', firstSeenAt: '2023-11-14T22:13:20.123000Z' };
  expect(await items.status([key, { ...key, stream: 'agents' }])).toEqual([status]);
  expect((await items.list()).filter(({ instance }) => instance === 'shown')).toEqual([status]);
  expect(await items.keysOf('shown')).toEqual(['threats', 'threats#memory']);
  await items.delete({ ...key, stream: 'threats#memory' });
  expect(await items.keysOf('shown')).toEqual(['threats']);
});
