import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { activityText } from '../../fixtures/records.ts';
import { awsFaults, befallAws } from '../../support/aws-proxy.ts';
import { asks, exactlyOnce, putAll, type Stage, series, startStage } from './stage.ts';

/** Codes that pass; SQS says `SenderFault: true` with the first four. */
const passing = [
  'KMS.ThrottlingException',
  'KmsThrottled',
  'RequestThrottled',
  'AnyCodeToCome',
  'KMS.KeyUnavailableException',
  'InternalError',
];

/** Codes of a queue that takes nothing, and what its remedy speaks of. */
const ofTheQueue = [
  ['AccessDenied', 'policy'],
  ['KmsDisabled', 'KMS key'],
  ['KMS.NotFoundException', 'KMS key'],
  ['KMS.KMSInvalidStateException', 'KMS key'],
  ['UnauthorizedOperation', 'policy'],
  ['AWS.SimpleQueueService.NonExistentQueue', 'Deploy'],
] as const;

const nameOf = (code: string) => code.toLowerCase().replaceAll('.', '-').slice(0, 40);

let stage: Stage;

beforeAll(async () => {
  const codes = [...passing, ...ofTheQueue.map(([code]) => code), 'whole'];
  stage = await startStage(codes.map(nameOf));
});
afterEach(() => stage.clear());
afterAll(() => stage.world.close());

/** Messages and calls until one poll of an instance with 300 records has ended. */
async function poll(name: string) {
  const texts = series(300, (at) => activityText(at));
  putAll(await stage.add(name), 'activities', texts);
  await stage.tick('activities');
  return texts;
}

const calls = (name: string) => stage.aws.calls.filter(asks.send(name)).length;
const elsewhere = async (name: string) =>
  (await stage.delivered(name)).filter(({ metadata }) => metadata.rawLocation !== undefined).length;

describe('a queue that refuses entries, with SenderFault, for a reason that passes', () => {
  test.each(passing)('gets the same messages again, each with its record: %s', async (code) => {
    const name = nameOf(code);
    const rule = befallAws({ which: asks.send(name), times: 2 }, awsFaults.entriesRefusedWith(code));
    stage.aws.faults = [rule];
    const texts = await poll(name);
    expect(await stage.world.status(name, 'activities')).toMatchObject({ state: 'ok' });
    expect(await stage.judge(name, 'activities', texts)).toEqual(exactlyOnce);
    expect(await elsewhere(name)).toBe(0);
    expect(calls(name)).toBe(3);
  });
});

describe('a queue that takes no message at all', () => {
  test.each(ofTheQueue)('is asked once, and the status says what to do: %s', async (code, word) => {
    const name = nameOf(code);
    stage.aws.faults = [befallAws({ which: asks.send(name) }, awsFaults.entriesRefusedWith(code))];
    const texts = await poll(name);
    expect(await stage.world.status(name, 'activities')).toMatchObject({
      state: 'undelivered',
      lastError: expect.stringContaining(code),
      remedy: expect.stringContaining(word),
    });
    expect(calls(name)).toBe(1);

    stage.aws.faults = [];
    await stage.tick('activities');
    expect(await stage.judge(name, 'activities', texts)).toEqual(exactlyOnce);
    expect(await elsewhere(name)).toBe(0);
  });

  test('is asked once also where it refuses the whole request', async () => {
    const gone = { answer: { status: 400, type: 'com.amazonaws.sqs#QueueDoesNotExist' } };
    stage.aws.faults = [befallAws({ which: asks.send('whole') }, gone)];
    await poll('whole');
    expect(await stage.world.status('whole', 'activities')).toMatchObject({
      state: 'undelivered',
      remedy: expect.stringContaining('Deploy'),
    });
    expect(calls('whole')).toBe(1);
  });
});
