import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle } from '../../infra/build/bundle.ts';
import { sizes } from './cold-start.ts';
import { backlog, bareDrain, drain, dynamoCalls } from './drain.ts';
import { forwarderPeaks, mostMib } from './forwarder.ts';
import { heavy } from './heavy-messages.ts';
import { lateness } from './neighbours.ts';
import { quietPoll } from './quiet.ts';
import { secretReads } from './secrets.ts';
import { type Stage, startStage } from './stage.ts';

/** What the benchmarks count is the same on every machine, so it is held here; times are not. */
let stage: Stage;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bench-test-'));
  stage = await startStage(30);
});
afterAll(async () => {
  await stage.close();
  await rm(folder, { recursive: true, force: true });
});

test('a drain of N records takes N/1000 + 1 requests, one for the names of types, and 4 SQS calls for 1,000 activities of 1.1 KB', async () => {
  const { console, counts } = await drain(stage, 'activities', 3000, 0);
  expect(console.requests).toBeLessThanOrEqual(5);
  expect(counts.calls['SQS.SendMessageBatch']).toBeLessThanOrEqual(12);
  expect(counts.sqsBytes / 3000).toBeGreaterThan(1100);
});

test('the bare loop makes the same calls with as many bytes', async () => {
  const ours = await drain(stage, 'activities', 3000, 0);
  const bare = join(folder, 'bare');
  bundle(bare, { entries: { index: 'test/bench/bare.ts' } });
  const loop = await bareDrain(stage, bare, 'activities', 3000, ours);
  // The loop reads no names of types.
  expect(loop.console.requests).toBe(ours.console.requests - 1);
  expect(loop.counts.calls['SQS.SendMessageBatch']).toBe(ours.counts.calls['SQS.SendMessageBatch']);
  const bytes = (loop.counts.wireBytes.SQS ?? 0) / (ours.counts.wireBytes.SQS ?? 0);
  expect(Math.abs(bytes - 1)).toBeLessThan(0.02);
});

test('what is remembered of a long backlog does not grow with it', async () => {
  const [short, long] = [
    await drain(stage, 'activities', 3000, 0),
    await drain(stage, 'activities', 9000, 0),
  ];
  expect(long.counts.largestItem).toBeLessThan(short.counts.largestItem * 1.1);
  expect(long.counts.largestItem).toBeLessThan(16 * 1024);
});

test('a drain of alerts takes a request for each 500, and a quiet poll of them is one request', async () => {
  const { console, counts } = await drain(stage, 'alerts', 1500, 0);
  expect(console.requests).toBe(4);
  expect(counts.sqsBytes / 1500).toBeGreaterThan(2000);
  expect((await quietPoll(20, 'alerts')).console.requests).toBe(20);
});

describe('a quiet poll', () => {
  test('takes a request, two DynamoDB calls and a share of two more, and nothing else', async () => {
    const measured = await quietPoll(20);
    expect(measured.console.requests).toBe(20);
    expect(measured.counts.calls).toEqual({
      'DynamoDB.Scan': 1,
      'DynamoDB.BatchGetItem': 1,
      'DynamoDB.UpdateItem': 40,
    });
    expect(measured.counts.writeUnits).toBe(40);
  });

  test('loads 650 KiB at most of a bundle of 880', async () => {
    const { all, quiet } = await sizes(stage, folder);
    expect(all).toBeLessThanOrEqual(880);
    expect(quiet).toBeLessThanOrEqual(650);
  });
});

test('many instances are polled in one invocation, each once', async () => {
  await stage.give({ ladders: { activities: backlog(5) } });
  const collector = await stage.collector('activities');
  await stage.addInstances(30);
  const measured = await collector.invoke();
  collector.stop();
  expect(measured.counts.artifacts).toBe(150);
  // The second is for the names of types, once a day.
  expect(measured.console.requests).toBe(30 * 2);
  // The fifth is the history's, and the sixth ends the report: each state is new.
  expect(dynamoCalls(measured)).toBe(2 + 30 * 6);
});

test('of further runs none reads the secret of an instance that another process polled before', async () => {
  expect(await secretReads(3, 4, 3)).toBe(0);
});

test('all that are well are polled while their neighbours are not', async () => {
  expect(await lateness(stage, 30, 1)).toHaveLength(1);
});

test('a forwarder is done with records of 31 MiB, and outlives an answer that is all brackets', async () => {
  const shapes = heavy.filter((shape) => /^100 records|^an answer/.test(shape().name));
  const peaks = await forwarderPeaks(shapes);
  expect(peaks.map(({ left }) => left)).toEqual([0, 1]);
  for (const { mib } of peaks) expect(mib).toBeLessThan(mostMib);
});
