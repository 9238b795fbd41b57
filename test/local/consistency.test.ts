import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Replica, replicaOf } from '../support/replica.ts';
import { type Stage, startStage } from './faults/stage.ts';

let stage: Stage;
let replica: Replica;

/** From here on, DynamoDB answers what was there now, unless a read asks for consistency. */
beforeAll(async () => {
  stage = await startStage(['disabled', 'enabled', 'added']);
  await stage.add('disabled');
  await stage.add('enabled', { enabled: false });
  replica = await replicaOf(stage.world.collector.aws.dynamodb);
  stage.aws.staleReadsFrom = replica.endpoint;
});
afterAll(async () => {
  replica.close();
  await stage.world.close();
});

test('the poll after a command sees what the command wrote', async () => {
  await stage.add('disabled', { enabled: false });
  await stage.add('enabled');
  await stage.add('added');
  await stage.tick('activities');
  const polled = ['disabled', 'enabled', 'added'].filter(
    (name) => stage.pages(name, 'activities').length > 0,
  );
  expect(polled).toEqual(['enabled', 'added']);
});
