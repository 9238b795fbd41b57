import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { streams } from '../../functions/streams/list.ts';
import { synthesise } from '../../infra/synth.ts';
import { befall, faults } from '../../local/analytics/faults.ts';
import { resources } from '../../local/aws/template.ts';
import { startFunction } from '../../local/lambda/function.ts';
import { artifact } from '../fixtures/artifacts.ts';
import { activityText, agentText, ago, threatText } from '../fixtures/records.ts';
import { type Account, account } from '../support/account.ts';
import { type Forwarding, startForwarding } from '../support/forwarding.ts';
import type { Asked } from '../support/gate.ts';
import { lambdaAsks } from '../support/lambda-rights.ts';
import { unneeded } from '../support/need.ts';
import { allows, type Statement } from '../support/policy.ts';
import { everyRight } from '../support/settings.ts';
import { goodToken, startWorld, type World } from '../support/world.ts';

const [keyArn, teamSecret] = [everyRight.secretKeyArns, everyRight.secretArns].map(String) as [
  string,
  string,
];
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

let world: World;
let forwarding: Forwarding;
let ticks = 0;

/** All that the functions did, and what Lambda does for them. */
const walked = (who: string, by: Account = deployed): Asked[] =>
  [...world.gate.asked, ...forwarding.gate.asked, ...lambdaAsks(by)].filter((ask) => ask.who === who);

/** What a dashboard does; no collector of the tests shows one. */
async function showTiles(): Promise<void> {
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
      ...world.gate.environment,
    },
    onLine: () => undefined,
  });
  try {
    expect(await widget.invoke({})).toContain('own');
  } finally {
    widget.stop();
  }
}

interface TilesProperties {
  readonly FunctionName: string;
  readonly Handler: string;
  readonly Environment: { readonly Variables: Readonly<Record<string, unknown>> };
}

/** What went wrong, in the words of the log or of Lambda. */
const failures: string[] = [];

async function tickAll(): Promise<void> {
  ticks += 1;
  for (const { name } of streams) {
    world.consoles.console(host).put(name, textOf[name]?.(ago(10)) ?? '');
    await world.tick(name, 24 * 60 * ticks).catch((error: Error) => failures.push(error.message));
  }
  const errors = world.log.splice(0).filter(({ level }) => level === 'ERROR');
  failures.push(...errors.map(({ message }) => String(message)));
}

/** A secret is cached for as long as its function is warm. */
async function startCold(): Promise<void> {
  for (const one of world.collector.functions.values()) {
    const { pid } = one;
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    while (one.pid !== undefined) await setTimeout(5);
  }
}

beforeAll(async () => {
  world = await startWorld({ hosts: { [host]: {} }, deployment });
  world.gate.keys.set(teamSecret, keyArn);
  world.collector.aws.secrets.put(teamSecret, goodToken);
  for (const { name } of streams)
    world.consoles.console(host).put(name, textOf[name]?.(ago(20), large) ?? '');
  await world.collector.addInstance({ instance: 'own', host }, goodToken);
  await world.collector.addInstance({ instance: 'named', host, secretId: teamSecret });
  // The second run has a memory to read.
  await tickAll();
  await tickAll();

  await showTiles();

  forwarding = await startForwarding({ template: deployment.template, timeoutSeconds: 60 });
  forwarding.gate.keys.set('signal-client/analytics', keyArn);
  forwarding.analytics.faults.push(
    befall(
      {},
      faults.rejecting(({ raw }) => raw.includes('unwanted')),
    ),
  );
  const location = (key: string) => ({ metadata: { rawLocation: `s3://${bucket}/${key}` } });
  const bucket = forwarding.collector.aws.names.get(resourceOf('AWS::S3::Bucket'));
  await forwarding.collector.aws.s3.send(
    new PutObjectCommand({ Bucket: bucket, Key: 'kept.json', Body: JSON.stringify(large) }),
  );
  const timestamp = ago(5);
  await forwarding.send([
    artifact(1, { timestamp }),
    artifact(2, { timestamp, raw: '{"unwanted":true}' }),
    artifact(3, { timestamp, raw: '{}', ...location('kept.json') }),
    artifact(4, { timestamp, raw: '{}', ...location('gone.json') }),
  ]);
  await forwarding.drain();
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
  for (const who of pollers) {
    const did = walked(who).map(({ action, resource }) => `${action} ${resource}`);
    expect(did).toContainEqual(expect.stringMatching(/^s3:PutObject /));
    expect(did).toContainEqual(expect.stringMatching(/^secretsmanager:GetSecretValue .*sentinelone\/own-/));
    expect(did).toContain(`secretsmanager:GetSecretValue ${teamSecret}`);
    expect(did).toContain(`kms:Decrypt ${keyArn}`);
  }
});

describe('with a statement taken out of every role', () => {
  const statements = pollers.flatMap((who) => deployed.roles.get(who) ?? []);
  const taken = [...new Set(statements.map(({ actions }) => actions.join()))].filter(
    // Lambda's own, which nothing here writes.
    (actions) => !/^(logs|ec2):/.test(actions),
  );

  test.each(taken)('%s: AWS refuses, the log says so, and nothing is lost', async (actions) => {
    const less = [...deployed.roles].map(([who, statements]): [string, Statement[]] => [
      who,
      statements.filter((one) => one.actions.join() !== actions),
    ]);
    const fields = actions.startsWith('s3:') ? large : {};
    for (const stream of streams)
      world.consoles.console(host).put(stream.name, textOf[stream.name]?.(ago(10), fields) ?? '');
    await startCold();
    const before = world.gate.asked.length;
    failures.length = 0;
    world.gate.roles = new Map(less);
    await tickAll();
    const refused = world.gate.asked.slice(before).filter(({ allowed }) => !allowed);
    expect(new Set(refused.map(({ who }) => who))).toEqual(new Set(pollers));
    for (const { action } of refused) expect(actions.split(',')).toContain(action);
    expect(failures).not.toEqual([]);

    world.gate.roles = deployed.roles;
    await tickAll();
    const delivered = new Set((await world.artifacts()).map(({ metadata }) => metadata.recordId));
    for (const { name } of streams) {
      for (const text of world.consoles.console(host).texts(name))
        expect(delivered).toContain(JSON.parse(text).id);
    }
  });
});

function statement(actions: readonly string[], resources: readonly string[]): Statement {
  return { effect: 'Allow', actions, resources, conditions: [] };
}
