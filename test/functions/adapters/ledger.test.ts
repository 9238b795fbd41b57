import { BatchWriteItemCommand, paginateScan, type WriteRequest } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readReceipts } from '../../../cli/commands/receipt.ts';
import { documentClient } from '../../../functions/adapters/dynamodb/client.ts';
import { acceptedLedger, ledgerItems, ledgerTable } from '../../../functions/adapters/dynamodb/ledger.ts';
import { shift } from '../../../functions/kit/time.ts';
import { defaultStreams } from '../../../functions/streams/list.ts';
import type { LocalAws } from '../../../local/aws/aws.ts';
import { prices } from '../../bench/prices.ts';
import { startStandIns } from '../../support/stand-ins.ts';

const first = '2026-03-01T00:00:00.000000Z';
const hourMs = 3_600_000;
const checkedAt = Date.parse('2026-03-31T00:30:00Z');
const acme = { instance: 'acme', stream: 'activities' };

let aws: LocalAws;
let client: ReturnType<typeof documentClient>;
/** What DynamoDB says of each call: its name and its capacity units. */
const calls: { readonly name: string; readonly units: number }[] = [];

beforeAll(async () => {
  aws = await startStandIns();
  const endpoint = aws.environment.AWS_ENDPOINT_URL_DYNAMODB ?? '';
  client = documentClient({ endpoint, region: 'us-east-1', credentials: aws.credentials });
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        Object.assign(args.input, { ReturnConsumedCapacity: 'TOTAL' });
        const result = await next(args);
        const { ConsumedCapacity } = result.output as { ConsumedCapacity?: unknown };
        const units = [ConsumedCapacity]
          .flat()
          .map((one) => (one as { CapacityUnits?: number })?.CapacityUnits);
        calls.push({ name: commandName, units: units.reduce<number>((sum, one) => sum + (one ?? 0), 0) });
        return result;
      },
    { step: 'initialize' },
  );
});
afterAll(() => aws.close());

const hours = (count: number, from = first) =>
  Array.from({ length: count }, (_, i) => ({
    hour: shift(from, i * hourMs),
    console: 123_456,
    queue: 123_456,
    resent: 0,
  }));

describe('the ledger table', () => {
  const items = () => ledgerItems('Ledger', client);

  test('has of each hour what was counted, accepted and resent, with what Analytics accepted', async () => {
    const ledger = ledgerTable('Ledger', client);
    const [one, two] = [first, shift(first, hourMs)];
    await ledger.write(acme, [{ hour: one, console: 5, queue: 4, resent: 4 }], checkedAt);
    await acceptedLedger('Ledger', client).add([
      { ...acme, hour: one, accepted: 7 },
      { ...acme, hour: two, accepted: 1 },
    ]);
    const row = { hour: one, console: 5, queue: 4, resent: 4, accepted: 7, checkedAt: checkedAt / 1000 };
    expect(await items().read(acme, '2026-03-01', '2026-03-01')).toEqual([row, { hour: two, accepted: 1 }]);
    expect(await ledger.read(acme, one)).toEqual(row);
    expect(await ledger.read(acme, shift(first, 2 * hourMs))).toBeUndefined();
  });

  test('adds what was resent by each check, and starts again from what Analytics has', async () => {
    const ledger = ledgerTable('Ledger', client);
    const check = { hour: shift(first, 5 * hourMs), console: 5, queue: 5 };
    const known = { ...check, checkedAt: checkedAt / 1000 };
    for (const resent of [5, 0, 3]) await ledger.write(acme, [{ ...check, resent }], checkedAt);
    expect(await ledger.read(acme, check.hour)).toEqual({ ...known, resent: 8 });
    await ledger.write(acme, [{ ...check, resent: 0, base: 9 }], checkedAt);
    expect(await ledger.read(acme, check.hour)).toEqual({ ...known, resent: 0, base: 9 });
    await ledger.write(acme, [{ ...check, resent: 2 }], checkedAt);
    expect(await ledger.read(acme, check.hour)).toEqual({ ...known, resent: 2, base: 9 });
  });

  test('costs one write unit for each hour that is checked, however full the day is', async () => {
    const long = { instance: 'n'.repeat(64), stream: 'activities' };
    const ledger = ledgerTable('Ledger', client);
    await acceptedLedger('Ledger', client).add(
      hours(24).map(({ hour }) => ({ ...long, hour, accepted: 123_456 })),
    );
    calls.length = 0;
    // As the second check does, a day later.
    for (const row of hours(24)) await ledger.write(long, [row], Date.parse(row.hour) + 25.5 * hourMs);
    expect(calls).toEqual(Array.from({ length: 24 }, () => ({ name: 'UpdateItemCommand', units: 1 })));
  });

  test('loses all hours and changes of an instance, and nothing of another, when it is removed', async () => {
    const ledger = ledgerTable('Ledger', client);
    const change = { stream: 'threats', at: '2026-03-01T00:00:00.000Z', from: 'ok', to: 'failed' };
    for (const instance of ['gone', 'gone-not']) {
      await ledger.write({ instance, stream: 'threats' }, hours(30), checkedAt);
      await ledger.append({ instance, ...change });
    }
    expect(await items().delete('gone')).toBe(3);
    const left = async (instance: string) => [
      ...(await items().read({ instance, stream: 'threats' }, '2026-03-01', '2026-03-31')),
      ...(await items().changes(instance, first)),
    ];
    expect(await left('gone')).toEqual([]);
    expect(await left('gone-not')).toHaveLength(31);
    expect(await items().delete('gone')).toBe(0);
  });
});

test('receipts of 30 days for 100 instances take two queries each, and less than a cent', async () => {
  const names = Array.from({ length: 100 }, (_, i) => `fleet-${i}`);
  const days = 30;
  const [name = ''] = names;
  for (const stream of ['threats', 'activities']) {
    await ledgerTable('Ledger', client).write({ instance: name, stream }, hours(24 * days), checkedAt);
    await acceptedLedger('Ledger', client).add(
      hours(24 * days).map(({ hour }) => ({ instance: name, stream, hour, accepted: 123_456 })),
    );
  }
  await copy(name, names.slice(1));
  const stack = {
    rules: { allowedHostSuffixes: [], quietHours: {}, forwards: true },
    ledger: () => ledgerItems('Ledger', client),
    streams: defaultStreams,
  };
  const records = names.map((instance) => ({ instance, host: 'usea1-acme.sentinelone.net' }));
  calls.length = 0;
  const range = { from: first, to: shift(first, days * 24 * hourMs) };
  const receipts = await readReceipts(stack, records, range);
  expect(receipts).toHaveLength(200);
  for (const { complete } of receipts) expect(complete).toBe(720);
  const queries = calls.filter((call) => call.name === 'QueryCommand');
  expect(queries).toHaveLength(200);
  expect(calls).toHaveLength(200);
  const units = queries.reduce((sum, query) => sum + query.units, 0);
  expect(units).toBeLessThan(2_000);
  expect(units * prices.dynamodbReadUnit).toBeLessThan(0.01);
});

/** Gives other instances the items of one. */
async function copy(from: string, to: readonly string[]): Promise<void> {
  const requests: WriteRequest[] = [];
  for await (const { Items = [] } of paginateScan({ client: aws.dynamodb }, { TableName: 'Ledger' }))
    for (const item of Items.filter(({ instance }) => instance?.S === from))
      requests.push(
        ...to.map((instance) => ({ PutRequest: { Item: { ...item, ...marshall({ instance }) } } })),
      );
  for (let i = 0; i < requests.length; i += 25)
    await aws.dynamodb.send(
      new BatchWriteItemCommand({ RequestItems: { Ledger: requests.slice(i, i + 25) } }),
    );
}
