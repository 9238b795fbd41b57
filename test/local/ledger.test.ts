import { afterAll, beforeAll, expect, test } from 'vitest';
import { documentClient } from '../../functions/adapters/dynamodb/client.ts';
import { acceptedLedger, ledgerItems } from '../../functions/adapters/dynamodb/ledger.ts';
import { receiptLine, receiptOf } from '../../functions/health/receipt.ts';
import { activities } from '../../functions/streams/activities.ts';
import { faults } from '../../local/console/faults.ts';
import { activityText, ago, freshId, threatText } from '../fixtures/records.ts';
import { goodToken, startWorld, type World } from '../support/world.ts';

const host = 'usea1-ledger.sentinelone.net';

let world: World;
let ticks = 0;

/** One or two whole hours since the look-back can be checked. */
beforeAll(async () => {
  world = await startWorld({ hosts: { [host]: {} } });
  for (let minutes = 1; minutes < 170; minutes += 2) {
    console().put('activities', activityText(ago(minutes)));
    console().put('threats', threatText(ago(minutes)));
  }
  await world.collector.addInstance({ instance: 'ledger', host, lookbackHours: 3 }, goodToken);
});
afterAll(() => world.close());

const console = () => world.consoles.console(host);

async function tick(stream: string): Promise<void> {
  await world.tick(stream, 10 * ticks);
  ticks += 1;
}

const lines = (stream: string, start: RegExp) =>
  world.log.filter((line) => line.stream === stream && start.test(String(line.message)));
const counts = () => console().requests.filter(({ query }) => query.countOnly === 'true').length;

test('a record that became visible later than any overlap is found, and its hour is delivered again', async () => {
  // Without a count no hour is checked yet.
  console().faults = [({ query }) => (query.countOnly === 'true' ? faults.htmlWithStatus200 : undefined)];
  await tick('activities');
  expect(lines('activities', /not checked/)).toMatchObject([
    { level: 'WARN', errorName: 'UnreadableAnswerError' },
  ]);
  console().faults = [];
  const late = JSON.stringify({ id: freshId(), activityType: 27, createdAt: ago(100) });
  console().put('activities', late);
  await tick('activities');

  const [found, ...others] = lines('activities', /^sentinelone: missing/);
  expect(others).toEqual([]);
  expect(found?.level).toBe('ERROR');
  expect(found?.message).toMatch(
    /missing activities of ledger from .*: \d+ at the console, \d+ delivered: the hour was read again, 1 found, 0 left$/,
  );
  expect(Number(found?.atConsole) - Number(found?.delivered)).toBe(1);
  const artifacts = (await world.artifacts()).filter(({ metadata }) => metadata.stream === 'activities');
  expect(artifacts.map(({ raw }) => raw)).toContain(late);
  const repeated = artifacts.length - new Set(artifacts.map(({ metadata }) => metadata.id)).size;
  expect(repeated).toBe(found?.delivered);
});

test('an hour that is checked asks for no other count, and nothing is missing any more', async () => {
  const before = counts();
  for (let i = 0; i < 5; i++) await tick('activities');
  expect(counts()).toBe(before);
  expect(lines('activities', /^sentinelone: missing/)).toHaveLength(1);
  const [item] = (await world.collector.status()).filter(({ stream }) => stream === 'activities');
  expect(item?.checkedUntil).toMatch(/:00:00\.000000Z$/);
  expect(item?.completeUntil).toBe(item?.checkedUntil);
});

test('threats that changed are counted where they were created, once', async () => {
  await tick('threats');
  for (const text of console().texts('threats').slice(0, 40)) {
    const record = JSON.parse(text);
    record.threatInfo.updatedAt = ago(0);
    console().put('threats', JSON.stringify(record));
  }
  for (let i = 0; i < 3; i++) await tick('threats');
  expect(lines('threats', /^sentinelone: checked threats/)).toHaveLength(1);
  expect(lines('threats', /^sentinelone: missing/)).toEqual([]);
});

test('the receipt says of each hour what was where', async () => {
  const { aws, outputs, endpoints } = world.collector;
  const tables = documentClient({
    endpoint: endpoints.dynamodb,
    region: 'us-east-1',
    credentials: aws.credentials,
  });
  const table = outputs.LedgerTableName ?? '';
  const [status] = (await world.collector.status()).filter(({ stream }) => stream === 'activities');
  const to = status?.checkedUntil ?? '';
  const from = new Date(Date.parse(to) - 3_600_000).toISOString();
  const of = { instance: 'ledger', stream: activities };
  const read = () =>
    ledgerItems(table, tables).read(
      { instance: 'ledger', stream: 'activities' },
      from.slice(0, 10),
      to.slice(0, 10),
    );
  const range = { from: from.replace('Z', '000Z'), to };
  const before = receiptOf(of, await read(), range, false);
  expect(before.complete).toBe(1);
  expect(receiptLine(before)).toMatch(
    /^1 of 1 hours complete: (\d+) activities at the console, \1 in the queue$/,
  );

  const rows = await read();
  const wanted = rows.map(({ hour, queue = 0, resent = 0 }) => ({
    instance: 'ledger',
    stream: 'activities',
    hour,
    accepted: queue + resent,
  }));
  const ledger = acceptedLedger(table, tables);
  await ledger.add(wanted.map((one) => ({ ...one, accepted: one.accepted - 2 })));
  const short = receiptOf(of, await read(), range, true);
  expect(short.hours.map(({ state }) => state)).toEqual(['not accepted']);
  await ledger.add(wanted.map((one) => ({ ...one, accepted: 2 })));
  const whole = receiptOf(of, await read(), range, true);
  expect(receiptLine(whole)).toBe(`${receiptLine(before)}, ${before.queue} accepted by Analytics`);
});

test('the history has the first state of each stream, and no state twice', async () => {
  const { aws, outputs, endpoints } = world.collector;
  const { credentials } = aws;
  const tables = documentClient({ endpoint: endpoints.dynamodb, region: 'us-east-1', credentials });
  const ledger = ledgerItems(outputs.LedgerTableName ?? '', tables);
  const changes = await ledger.changes('ledger', '2026-01-01T00:00:00.000000Z');
  expect(changes.map(({ stream, from, to }) => [stream, from, to])).toEqual([
    ['activities', 'pending', 'ok'],
    ['threats', 'pending', 'ok'],
  ]);
  expect(changes[0]).toMatchObject({ instance: 'ledger', at: expect.stringMatching(/Z$/) });
  const [line, ...others] = lines('activities', /^sentinelone: state of/);
  expect(line).toMatchObject({
    message: 'sentinelone: state of activities of ledger: pending -> ok',
    to: 'ok',
  });
  expect(others).toEqual([]);
});
