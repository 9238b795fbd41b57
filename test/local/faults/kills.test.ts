import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SimulatedConsole } from '../../../local/console/console.ts';
import { activityText, threatText } from '../../fixtures/records.ts';
import { type AwsCall, awsFaults } from '../../support/aws-proxy.ts';
import { readMessage } from '../../support/schema.ts';
import { pageSize, type Stage, series, startStage, time } from './stage.ts';

const kills = 20;
const records = 12_000;
const name = 'killed';
const streams = ['threats', 'activities'] as const;
type StreamName = (typeof streams)[number];

/** Another one each time; a failure names it, and `KILLS_SEED=<seed>` then kills at the same counts. */
const seed = Number(process.env.KILLS_SEED ?? randomInt(1, 2 ** 31 - 1));

/** Gives whole numbers below a bound, the same ones for the same start (Lehmer's generator). */
function randomNumbers(start: number): (bound: number) => number {
  let state = start;
  return (bound) => {
    state = (state * 48_271) % (2 ** 31 - 1);
    return state % bound;
  };
}

let stage: Stage;
let simulated: SimulatedConsole;
const below = randomNumbers(seed);

/** Every text that the console ever had, and those that it has now by record id. */
const served: Record<StreamName, Set<string>> = { threats: new Set(), activities: new Set() };
const current = new Map<string, string>();
let changes = 0;

function put(stream: StreamName, text: string): void {
  simulated.put(stream, text);
  served[stream].add(text);
  if (stream === 'threats') current.set(JSON.parse(text).id, text);
}

/** Another verdict on so many threats. */
function changeThreats(count: number): void {
  const ids = [...current.keys()];
  for (let i = 0; i < count; i++) {
    const id = ids[below(ids.length)];
    changes += 1;
    put(
      'threats',
      threatText(time(Date.now(), changes % 1000), { id, analystVerdict: `verdict ${changes}` }),
    );
  }
}

/** Ids that the queue accepted since the last commit of their stream. */
const inFlight: Record<StreamName, string[]> = { threats: [], activities: [] };
/** Ids that were in flight when the next run began, so that it has to deliver them again; how often that was so. */
const mayRepeat = new Map<string, number>();

function follow({ operation, input }: AwsCall): void {
  if (operation === 'SendMessageBatch') {
    for (const { MessageBody } of input.Entries) {
      for (const { metadata } of readMessage(MessageBody))
        inFlight[metadata.stream as StreamName].push(metadata.id);
    }
  } else if (operation === 'UpdateItem') {
    const stream = input.Key.stream.S as StreamName;
    const isClaim = input.UpdateExpression.startsWith('SET claim =');
    if (isClaim) for (const id of inFlight[stream]) mayRepeat.set(id, (mayRepeat.get(id) ?? 0) + 1);
    if (isClaim || ':cursor' in input.ExpressionAttributeValues) inFlight[stream] = [];
  }
}

/** What a function does until it is killed: so many more requests and answers of the console, or of AWS. */
let victim: StreamName = 'threats';
let eventsLeft = Number.POSITIVE_INFINITY;
let killedAt: string | undefined;

/** Answers whether the function was killed at this very moment. */
function happened(event: string): boolean {
  eventsLeft -= 1;
  if (eventsLeft > 0 || killedAt !== undefined || !stage.kill(victim)) return false;
  killedAt = event;
  return true;
}

beforeAll(async () => {
  // Small messages: a page is sent in several batches, so that a kill can come between them.
  stage = await startStage([name], { overrides: { messageBytes: 20 * 1024 } });
  simulated = await stage.add(name);
  for (const text of series(records, (at) => threatText(at))) put('threats', text);
  for (const text of series(records, (at) => activityText(at))) put('activities', text);
  simulated.faults = [
    ({ path }) => {
      if (path === '/threats') changeThreats(20);
      happened(`GET ${path}`);
      return undefined;
    },
  ];
  stage.aws.faults = [
    // What is on its way when its sender dies may arrive or not.
    (call) => (happened(`${call.operation} asked`) && below(2) === 0 ? awsFaults.cut : undefined),
  ];
  stage.aws.onDone = (call) => {
    follow(call);
    happened(`${call.operation} done`);
  };
});
afterAll(() => stage.world.close());

test(`killed ${kills} times at random moments while a backlog is drained and threats change, it loses nothing and repeats only what was in flight (seed ${seed})`, async () => {
  const moments: string[] = [];
  for (let round = 0; moments.length < kills; round++) {
    expect(round).toBeLessThan(10 * kills);
    victim = streams[below(2)] ?? 'threats';
    eventsLeft = 1 + below(60);
    killedAt = undefined;
    const survived = await stage.tick(victim).then(
      () => true,
      () => false,
    );
    eventsLeft = Number.POSITIVE_INFINITY;
    expect(survived).toBe(killedAt === undefined);
    if (killedAt !== undefined) {
      moments.push(killedAt);
      // It would lapse by itself after 150 seconds.
      await stage.lapseClaim(name, victim);
    }
    // The backlog never ends before the kills do.
    changeThreats(200);
    for (let i = 0; i < 200; i++) put('activities', activityText(time(Date.now(), i)));
  }

  simulated.faults = [];
  stage.aws.faults = [];
  for (const stream of streams) {
    // After several kills in a row it is quarantined for a while.
    do await stage.tick(stream);
    while ((await stage.world.status(name, stream)).state !== 'ok');
    await stage.tick(stream);
    expect(await stage.world.status(name, stream)).toMatchObject({ state: 'ok', lastCount: 0 });
  }

  const times = new Map<string, number>();
  const rawOf = new Map<string, string>();
  const idOf = new Map<string, string>();
  const delivered: Record<StreamName, Set<string>> = { threats: new Set(), activities: new Set() };
  for (const { raw, metadata } of await stage.delivered(name)) {
    const id = metadata.id;
    times.set(id, (times.get(id) ?? 0) + 1);
    expect(rawOf.get(id) ?? raw).toBe(raw);
    expect(idOf.get(raw) ?? id).toBe(id);
    rawOf.set(id, raw);
    idOf.set(raw, id);
    delivered[metadata.stream as StreamName].add(raw);
  }
  const repeats = [...times.values()].reduce((sum, count) => sum + count - 1, 0);
  const inFlightAtKills = [...mayRepeat.values()].reduce((sum, count) => sum + count, 0);
  process.stdout.write(
    `seed ${seed}: ${moments.length} kills at ${[...new Set(moments)].sort().join(', ')}; ` +
      `${served.activities.size} activities, ${current.size} threats in ${served.threats.size} versions; ` +
      `${times.size} artifacts delivered, ${repeats} repeated of ${inFlightAtKills} in flight\n`,
  );

  expect([...served.activities].filter((text) => !delivered.activities.has(text))).toEqual([]);
  expect([...current.values()].filter((text) => !delivered.threats.has(text))).toEqual([]);
  expect(delivered.activities.size).toBe(served.activities.size);
  expect([...delivered.threats].filter((text) => !served.threats.has(text))).toEqual([]);
  expect([...times].filter(([id, count]) => count - 1 > (mayRepeat.get(id) ?? 0))).toEqual([]);
  expect(repeats).toBeLessThanOrEqual(kills * pageSize);
});
