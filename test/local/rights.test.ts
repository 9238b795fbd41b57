import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { ReplayProgress } from '../../functions/collect/replay.ts';
import type { CheckReport } from '../../functions/console/check/check.ts';
import { fromMs } from '../../functions/kit/time.ts';
import { defaultStreams as streams } from '../../functions/streams/list.ts';
import { synthesise } from '../../infra/synth.ts';
import { faultFor, faults } from '../../local/analytics/faults.ts';
import { resources } from '../../local/aws/template.ts';
import { faultFor as consoleFaultFor, faults as consoleFaults } from '../../local/console/faults.ts';
import { startFunction } from '../../local/lambda/function.ts';
import { artifact, type FixtureArtifact } from '../fixtures/artifacts.ts';
import { activityText, agentText, ago, threatText } from '../fixtures/records.ts';
import { type Account, account } from '../support/account.ts';
import { type Forwarding, startForwarding } from '../support/forwarding.ts';
import type { Asked, Gate } from '../support/iam-gateway.ts';
import { lambdaAsks } from '../support/lambda-rights.ts';
import { allows, type Statement } from '../support/policy.ts';
import { unneeded } from '../support/reduced-roles.ts';
import { everyRight } from '../support/settings.ts';
import { goodToken, startWorld, type World } from '../support/world.ts';

const [teamSecret, keyArn] = everyRight.secretArns as [string, string];
const host = 'usea1-rights.sentinelone.net';
const textOf: Record<string, (time: string, fields?: object) => string> = {
  threats: (time, fields) => threatText(time, { ...fields }),
  activities: (time, fields) => activityText(time, { ...fields }),
  agents: (time, fields) => agentText(time, { ...fields }),
};

/** No message holds it: it goes the overflow way. */
const large = { text: 'ä'.repeat(1024 * 1024) };

const outdir = mkdtempSync(join(tmpdir(), 'rights-'));
const deployment = synthesise(everyRight, outdir);
const deployed = account(deployment.template);
const pollers = streams.map(({ name }) => `SentinelOneCollector-${name}`);
const [forwarderName, operatorName, tilesName] = ['forwarder', 'operator', 'tiles'].map(
  (name) => `SentinelOneCollector-${name}`,
) as [string, string, string];

let world: World;
let forwarding: Forwarding;
let ticks = 0;

/** All that the functions did, and what Lambda does for them. */
const walked = (who: string, by: Account = deployed): Asked[] =>
  [...world.gate.asked, ...forwarding.gate.asked, ...lambdaAsks(by)].filter((ask) => ask.who === who);

/** What a dashboard does; no collector of the tests shows one. */
async function showTiles(): Promise<unknown> {
  const [tiles] = resources<TilesProperties>(deployment.template, 'AWS::Lambda::Function').filter(
    ({ Handler }) => Handler === 'widget.handler',
  );
  if (tiles === undefined) throw new Error('the template has no tiles');
  const variables = Object.entries(tiles.Environment.Variables);
  const widget = await startFunction({
    name: tiles.FunctionName,
    code: deployment.code,
    handler: tiles.Handler,
    memoryMb: 512,
    timeoutSeconds: 60,
    environment: {
      ...Object.fromEntries(variables.map(([name, value]) => [name, deployed.text(value)])),
      ...world.collector.aws.environment,
      ...world.gate.environment,
    },
    onLine: () => undefined,
  });
  return widget.invoke({}).finally(() => widget.stop());
}

interface TilesProperties {
  readonly FunctionName: string;
  readonly Handler: string;
  readonly Environment: { readonly Variables: Readonly<Record<string, unknown>> };
}

/** What was logged at these levels since it was asked last. */
function logged(log: Record<string, unknown>[], ...levels: string[]): string[] {
  return log
    .splice(0)
    .filter(({ level }) => levels.includes(String(level)))
    .map(({ message }) => String(message));
}

/** Fires every stream's function; answers what went wrong, in the words of the log or of Lambda. */
async function tickAll(): Promise<string[]> {
  const thrown: string[] = [];
  ticks += 1;
  for (const { name } of streams) {
    world.consoles.console(host).put(name, textOf[name]?.(ago(10)) ?? '');
    await world.tick(name, 24 * 60 * ticks).catch((error: Error) => thrown.push(error.message));
    // The further runs that it started.
    while (world.collector.functions.get(name)?.busy) await setTimeout(5);
  }
  return [...thrown, ...logged(world.log, 'WARN', 'ERROR')];
}

/** A secret is cached for as long as its function is warm. */
async function startCold({ functions }: World['collector']): Promise<void> {
  for (const one of functions.values()) {
    const { pid } = one;
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    while (one.pid !== undefined) await setTimeout(5);
  }
}

const sent: FixtureArtifact[] = [];
const unwanted = '{"unwanted":true}';

/** A message with all that becomes of an artifact: accepted as it is, with its record or without, or dead-lettered. */
async function sendAll(): Promise<void> {
  const bucket = forwarding.collector.aws.names.get(resourceOf('AWS::S3::Bucket'));
  const location = (key: string) => ({ metadata: { rawLocation: `s3://${bucket}/${key}` } });
  const timestamp = ago(5);
  const artifacts = [
    // These are counted in the ledger.
    { timestamp, metadata: { stream: 'activities' } },
    { timestamp, raw: unwanted },
    { timestamp, raw: '{}', ...location('kept.json') },
    { timestamp, raw: '{}', ...location('gone.json') },
  ].map((fields, i) => artifact(sent.length + i, fields));
  sent.push(...artifacts);
  await forwarding.send(artifacts);
}

let replays = 0;
let replayed = range();

/** Another replay each time: one that is done delivers nothing again. */
function range() {
  replays += 1;
  const now = Date.now();
  return { from: fromMs(now - 48 * 3_600_000), to: fromMs(now - replays) };
}

const operate = (request: object) =>
  world.collector.functions.get('operator')?.invoke({ askedBy: 'tests', ...request });

/** Checks both instances and replays the activities of one; answers what went wrong, in the function's or Lambda's words. */
async function operateAll(): Promise<string[]> {
  const said: string[] = [];
  const asked = [
    { action: 'check', of: 'own' },
    { action: 'check', of: 'named' },
    { action: 'replay', instance: 'own', stream: 'activities', ...replayed, by: 'tests' },
  ];
  for (const request of asked) {
    try {
      const answer = (await operate(request)) as Partial<CheckReport & ReplayProgress>;
      const failed = answer.findings?.filter(({ outcome }) => outcome === 'failed') ?? [];
      said.push(...failed.map(({ detail }) => detail), ...(answer.error ? [answer.error.message] : []));
      if (answer.state === 'done') replayed = range();
    } catch (error) {
      said.push(String(error));
    }
  }
  return said;
}

/** The records that a replay of everything does not deliver. */
async function notReplayed(): Promise<string[]> {
  replayed = range();
  const before = (await world.artifacts()).length;
  await operateAll();
  const delivered = (await world.artifacts()).slice(before).map(({ metadata }) => metadata.recordId);
  const texts = world.consoles.console(host).texts('activities');
  return texts.filter((text) => !delivered.includes(JSON.parse(text).id));
}

/** Functions, and what makes them use all that their roles allow. */
interface Scene {
  readonly whos: readonly string[];
  readonly gate: () => Gate;
  /** Does in cold functions all that needs a statement; answers what they say of what went wrong. */
  readonly play: (needed?: Statement) => Promise<string[]>;
  /** What has not come of all that was played. */
  readonly lost: () => Promise<string[]>;
}

const scenes: Readonly<Record<string, Scene>> = {
  'every poller': {
    whos: pollers,
    gate: () => world.gate,
    async play(needed) {
      const isForLarge = needed?.actions.some((action) => action.startsWith('s3:'));
      const fields = isForLarge ? large : {};
      for (const { name } of streams)
        world.consoles.console(host).put(name, textOf[name]?.(ago(10), fields) ?? '');
      await startCold(world.collector);
      // The ledger keeps changes of state.
      const changesState = needed?.resources.some((one) => one.includes('Ledger')) ?? false;
      const isTaken = world.gate.roles !== deployed.roles;
      world.consoles.console(host).faults =
        changesState && isTaken ? [consoleFaultFor({}, consoleFaults.forbidden)] : [];
      return tickAll();
    },
    async lost() {
      const delivered = new Set((await world.artifacts()).map(({ metadata }) => metadata.recordId));
      return streams
        .flatMap(({ name }) => world.consoles.console(host).texts(name))
        .filter((text) => !delivered.has(JSON.parse(text).id));
    },
  },
  'the operator function': {
    whos: [operatorName],
    gate: () => world.gate,
    async play() {
      await startCold(world.collector);
      return operateAll();
    },
    lost: notReplayed,
  },
  'the forwarder': {
    whos: [forwarderName],
    gate: () => forwarding.gate,
    async play() {
      await startCold(forwarding.collector);
      await sendAll();
      await forwarding.forward();
      return logged(forwarding.log, 'WARN', 'ERROR').filter(
        (line) => !/is in the dead-letter|gone\.json: it is no longer in the bucket/.test(line),
      );
    },
    async lost() {
      await forwarding.drain();
      const taken = sent.filter(({ raw }) => raw !== unwanted);
      const times = forwarding.timesOf(taken);
      const deadLettered = (await forwarding.deadLettered()).map(({ body }) => body).join();
      return [
        ...taken.filter((_, i) => times[i] === 0),
        ...sent.filter(
          ({ raw, metadata }) => raw === unwanted && !deadLettered.includes(String(metadata.id)),
        ),
      ].map(({ metadata }) => String(metadata.id));
    },
  },
  'the tiles': {
    whos: [tilesName],
    gate: () => world.gate,
    play: () =>
      showTiles().then(
        () => [],
        (error: Error) => [error.message],
      ),
    lost: async () => (String(await showTiles()).includes('own') ? [] : ['own']),
  },
};

/** What is refused here is said by the first test of a role. */
beforeAll(async () => {
  // Two instances are more than one run polls.
  world = await startWorld({ hosts: { [host]: {} }, deployment, overrides: { instancesPerRun: 1 } });
  world.gate.keys.set(teamSecret, keyArn);
  world.collector.aws.secrets.put(teamSecret, goodToken);
  for (const { name } of streams)
    world.consoles.console(host).put(name, textOf[name]?.(ago(20), large) ?? '');
  await world.collector.addInstance({ instance: 'own', host }, goodToken);
  await world.collector.addInstance({ instance: 'named', host, secretId: teamSecret });
  // The second run has a memory to read.
  await tickAll();
  await tickAll();

  await operateAll();
  await showTiles().catch(() => undefined);

  forwarding = await startForwarding({ template: deployment.template, timeoutSeconds: 60 });
  forwarding.gate.keys.set('signal-client/analytics', keyArn);
  const isUnwanted = faults.rejecting(({ raw }) => raw === unwanted);
  forwarding.analytics.faults.push(faultFor({}, isUnwanted));
  await forwarding.collector.aws.s3.send(
    new PutObjectCommand({
      Bucket: forwarding.collector.aws.names.get(resourceOf('AWS::S3::Bucket')),
      Key: 'kept.json',
      Body: JSON.stringify(large),
    }),
  );
  await sendAll();
  await forwarding.forward();
});
afterAll(async () => {
  rmSync(outdir, { recursive: true });
  await world?.close();
  await forwarding?.close();
});

function resourceOf(type: string): string {
  return Object.entries(deployment.template.Resources).find(([, { Type }]) => Type === type)?.[0] ?? '';
}

describe.each([...deployed.roles.keys()])('the role of %s', (who) => {
  test('allows every call that the function makes, and that Lambda makes for it', () => {
    expect(walked(who).length).toBeGreaterThan(4);
    expect(walked(who).filter(({ allowed }) => !allowed)).toEqual([]);
  });

  test('allows nothing that no call needs', () => {
    expect(unneeded(deployed.roles.get(who) ?? [], walked(who))).toEqual([]);
  });

  test('is as narrow without the settings that widen it', () => {
    const narrow = account(inject('deployment').template);
    expect(narrow.roles.has(who)).toBe(true);
    expect(unneeded(narrow.roles.get(who) ?? [], walked(who, narrow))).toEqual([]);
  });

  test.each<[string, Statement, string]>([
    ['a statement', statement(['dynamodb:DeleteItem'], ['*']), 'Allow dynamodb:DeleteItem on *'],
    ['a statement that repeats another', statement(['dynamodb:Scan'], ['*']), 'Allow dynamodb:Scan on '],
    ['a way to all objects', statement(['s3:GetObject'], ['*']), 'Allow s3:GetObject on *'],
  ])('is found out when it has %s too many', (_, added, says) => {
    const wider = [...(deployed.roles.get(who) ?? []), added];
    expect(unneeded(wider, walked(who))).toContainEqual(expect.stringContaining(says));
  });

  test('lets a key of a secret be used by Secrets Manager alone, if at all', () => {
    const decrypt = (...viaService: string[]) => ({
      action: 'kms:Decrypt',
      resource: keyArn,
      context: { 'kms:ViaService': viaService },
    });
    const statements = deployed.roles.get(who) ?? [];
    const readsSecrets = !who.endsWith('-tiles');
    expect(allows(statements, decrypt('secretsmanager.us-east-1.amazonaws.com'))).toBe(readsSecrets);
    expect(allows(statements, decrypt('s3.us-east-1.amazonaws.com'))).toBe(false);
    expect(allows(statements, decrypt())).toBe(false);
  });
});

test('there is no role but those of the functions', () => {
  const roles = Object.entries(deployment.template.Resources).filter(
    ([, { Type }]) => Type === 'AWS::IAM::Role',
  );
  expect(roles).toHaveLength(deployed.roles.size);
});

test('the overflow way was walked, and both kinds of secret', () => {
  for (const who of [...pollers, operatorName]) {
    const did = walked(who).map(({ action, resource }) => `${action} ${resource}`);
    expect(did).toContainEqual(expect.stringMatching(/^s3:PutObject /));
    expect(did).toContainEqual(expect.stringMatching(/^secretsmanager:GetSecretValue .*sentinelone\/own-/));
    expect(did).toContain(`secretsmanager:GetSecretValue ${teamSecret}`);
    expect(did).toContain(`kms:Decrypt ${keyArn}`);
  }
});

describe.each(Object.entries(scenes))('with a statement taken out of the role of %s', (_, scene) => {
  const { whos, play, lost } = scene;
  const taken = Map.groupBy(
    whos.flatMap((who) => (deployed.roles.get(who) ?? []).map((one) => ({ who, one }))),
    ({ one }) => JSON.stringify(one),
  );
  const rows = [...taken.values()]
    .filter(([{ who, one } = nobody]) => !isOfLambda(who, one))
    .map((having) => ({ having, one: (having[0] ?? nobody).one }))
    .map(({ having, one }) => [saying(one), one, having.map(({ who }) => who)] as const);

  test.each(rows)('%s: AWS refuses, the function says so, and nothing is lost', async (_, one, having) => {
    const gate = scene.gate();
    const before = gate.asked.length;
    const isOther = (other: Statement) => JSON.stringify(other) !== JSON.stringify(one);
    gate.roles = new Map([...deployed.roles].map(([who, all]) => [who, all.filter(isOther)]));
    const said = await play(one);
    gate.roles = deployed.roles;
    const refused = gate.asked.slice(before).filter(({ allowed }) => !allowed);
    expect(new Set(refused.map(({ who }) => who))).toEqual(new Set(having));
    expect(refused.filter((ask) => !allows([one], ask))).toEqual([]);
    expect(said.join()).toMatch(/is not authorized to perform|does not exist or may not be read/);

    expect(await play(one)).toEqual([]);
    expect(await lost()).toEqual([]);
  });
});

function statement(actions: readonly string[], resources: readonly string[]): Statement {
  return { effect: 'Allow', actions, resources, conditions: [] };
}

const nobody = { who: '', one: statement([], []) };

/** Such as `sqs:SendMessage on …:Queue`. */
const saying = ({ actions, resources }: Statement) =>
  `${actions.join()} on ${resources.map((one) => one.replace(/^.*:/, '')).join()}`;

/** Whether it is Lambda alone that needs it, which nothing here is. */
const isOfLambda = (who: string, one: Statement) =>
  one.actions.every((action) =>
    lambdaAsks(deployed).some((ask) => ask.who === who && allows([{ ...one, actions: [action] }], ask)),
  );
