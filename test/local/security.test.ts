import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { defaultStreams as streams } from '../../functions/streams/list.ts';
import { faultFor as befallAnalytics } from '../../local/analytics/faults.ts';
import { resources } from '../../local/aws/template.ts';
import { faultFor } from '../../local/console/faults.ts';
import { artifact } from '../fixtures/artifacts.ts';
import { activityText, ago } from '../fixtures/records.ts';
import { account, arn } from '../support/account.ts';
import { secretArn } from '../support/aws-calls.ts';
import { type Forwarding, startForwarding } from '../support/forwarding.ts';
import { allows, denies } from '../support/policy.ts';
import { goodToken, startWorld, type World } from '../support/world.ts';

/** The claims of docs/security.md that no other test makes. */
const deployed = account(inject('deployment').template);
const idsOf = (type: string) => resources(deployed.template, type).map(({ logicalId }) => logicalId);
const instancesTable = idsOf('AWS::DynamoDB::Table').find((id) => id.includes('Instances')) ?? '';

describe.each([...deployed.roles])('the role of %s', (who, statements) => {
  const mayDo = (action: string, resource: string) =>
    allows(statements, { action, resource, context: { 'dynamodb:LeadingKeys': ['acme'] } });
  const isForwarder = who.endsWith('-forwarder');
  const readsTokens = [...streams.map(({ name }) => name), 'operator'].some((name) =>
    who.endsWith(`-${name}`),
  );

  test('reads the tokens of consoles or the login of Analytics, never both', () => {
    const read = 'secretsmanager:GetSecretValue';
    expect(mayDo(read, secretArn('signal-client/sentinelone/acme'))).toBe(readsTokens);
    expect(mayDo(read, secretArn('signal-client/analytics'))).toBe(isForwarder);
    expect(mayDo(read, secretArn('team/another'))).toBe(false);
  });

  test.each(['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem'])(
    'can not change what is polled: %s',
    (action) => {
      expect(mayDo(`dynamodb:${action}`, arn('dynamodb', `table/${instancesTable}`))).toBe(false);
    },
  );

  test('can change no secret, right, function or policy, and delete no stored record', () => {
    for (const action of [
      'secretsmanager:PutSecretValue',
      'iam:PutRolePolicy',
      'iam:PassRole',
      'sts:AssumeRole',
      'lambda:UpdateFunctionCode',
      'kms:PutKeyPolicy',
      's3:DeleteObject',
      's3:PutBucketPolicy',
      'sqs:PurgeQueue',
      'sqs:SetQueueAttributes',
      'dynamodb:DeleteTable',
      'dynamodb:DeleteItem',
      'logs:DeleteLogGroup',
    ]) {
      const own = Object.keys(deployed.template.Resources).flatMap((id) => {
        try {
          return [deployed.text({ 'Fn::GetAtt': [id, 'Arn'] })];
        } catch {
          return [];
        }
      });
      for (const resource of ['*', ...own, ...own.map((one) => `${one}/any`)])
        expect(mayDo(action, resource), `${action} on ${resource}`).toBe(false);
    }
  });
});

test('queues and buckets require TLS', () => {
  const inTheClear = { 'aws:SecureTransport': ['false'], 's3:TlsVersion': [] };
  for (const [type, action] of [
    ['AWS::SQS::Queue', 'sqs:ReceiveMessage'],
    ['AWS::S3::Bucket', 's3:GetObject'],
  ] as const) {
    for (const id of idsOf(type)) {
      const own = deployed.text({ 'Fn::GetAtt': [id, 'Arn'] });
      const resource = type === 'AWS::S3::Bucket' ? `${own}/any` : own;
      expect(denies(deployed.resourcePolicies, { action, resource, context: inTheClear }), id).toBe(true);
    }
  }
});

/** What a terminal obeys, what ends a line, what turns the writing round, and what should be secret. */
const hostileWords = `no\u001b[2J\u009b31m\r\n{"level":"INFO"}\u2028\u202ereversed ${goodToken}`;
const obeyed = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

describe('a hostile console', () => {
  const host = 'usea1-hostile.sentinelone.net';
  const ids = 'usea1-ids.sentinelone.net';
  const longToken = 'a1B2'.repeat(20);
  const neighbour = 'usea1-neighbour.sentinelone.net';
  let world: World;

  beforeAll(async () => {
    const idsOptions = { tokens: [{ token: longToken }] };
    world = await startWorld({ hosts: { [host]: {}, [neighbour]: {}, [ids]: idsOptions } });
    const marked = [longToken, '\u202e7', '\\u001b[2J7', '8'].map((id) =>
      activityText(ago(20), { id: '@', word: 'l\xe9on' }).replace('@', id),
    );
    const page = Buffer.from(
      `{"data":[${marked.join()}],"pagination":{"nextCursor":null}}`.replace('\u202e', '\xe2\x80\xae'),
      'latin1',
    );
    const odd = { status: 200, headers: { 'content-type': 'application/json' }, body: page };
    world.consoles
      .console(ids)
      .faults.push(({ path }) => (path === '/activities' ? { answer: odd } : undefined));
    await world.collector.addInstance({ instance: 'ids', host: ids }, longToken);
    const body = JSON.stringify({ errors: [{ code: 4000010, title: hostileWords, detail: hostileWords }] });
    const answer = { status: 400, headers: {}, body };
    world.consoles.console(host).faults.push(faultFor({}, { answer }));
    world.consoles.console(neighbour).put('activities', activityText(ago(20)));
    await world.collector.addInstance({ instance: 'hostile', host }, goodToken);
    await world.collector.addInstance({ instance: 'neighbour', host: neighbour }, goodToken);
    world.collector.aws.secrets.put(
      'signal-client/analytics',
      '{"email":"a@b.example","password":"hidden-login"}',
    );
    world.collector.aws.secrets.put('team/another', 'hidden-token');
    for (const [instance, secretId] of [
      ['thief', 'signal-client/analytics'],
      ['other-thief', 'team/another'],
    ])
      await world.collector.addInstance({ instance: String(instance), host, secretId });
    await world.tick('activities');
  });
  afterAll(() => world.close());

  test('puts no word into a status or a log that a terminal would obey, no line of its own, and no token', async () => {
    const { state, lastError } = await world.status('hostile', 'activities');
    expect(state).toBe('refused');
    expect(lastError).toContain('no [2J 31m {"level":"INFO"} reversed [token]');
    expect(lastError).not.toMatch(obeyed);
    for (const line of world.lines) {
      expect(line).not.toMatch(obeyed);
      expect(line).not.toContain(goodToken);
    }
  });

  test('has no id with its token, or with what a terminal would obey, in a log or in metadata', async () => {
    const named = (await world.artifacts()).filter(({ metadata }) => metadata.instance === 'ids');
    expect(named.map(({ metadata }) => metadata.recordId)).toEqual([
      ...Array.from({ length: 3 }, () => expect.stringMatching(/^[0-9a-f]{64}$/)),
      '8',
    ]);
    const warning = world.log.find(({ instance, recordIds }) => instance === 'ids' && recordIds);
    expect(warning).toMatchObject({ notUtf8: 4, recordIds: named.map(({ metadata }) => metadata.recordId) });
    expect(world.lines.filter((line) => line.includes(longToken))).toEqual([]);
  });

  test('leaves its neighbour alone', async () => {
    expect(await world.status('neighbour', 'activities')).toMatchObject({ state: 'ok', lastCount: 1 });
  });

  test.each(['thief', 'other-thief'])(
    'is given no secret other than those of consoles by an instance record: %s',
    async (instance) => {
      expect(await world.status(instance, 'activities')).toMatchObject({
        state: 'misconfigured',
        lastError: expect.stringMatching(/^secretId: .* does not exist or may not be read/),
      });
      expect(world.lines.join('\n')).not.toContain('hidden-');
    },
  );
});

describe('a hostile Analytics', () => {
  let forwarding: Forwarding;

  beforeAll(async () => {
    forwarding = await startForwarding({ timeoutSeconds: 60 });
    const body = JSON.stringify({ success: false, message: hostileWords });
    const answer = { status: 403, headers: { 'content-type': 'application/json' }, body };
    forwarding.analytics.faults.push(befallAnalytics({ route: 'ingest' }, { answer }));
    await forwarding.send([artifact(1, { timestamp: ago(5) })]);
    await forwarding.forward();
  });
  afterAll(() => forwarding.close());

  test('puts no word into a status or a log that a terminal would obey, and no line of its own', async () => {
    const { state, lastError } = await forwarding.status();
    expect(state).toBe('forbidden');
    expect(lastError).toContain('reversed');
    expect(lastError).not.toMatch(obeyed);
    for (const line of forwarding.lines) expect(line).not.toMatch(obeyed);
  });
});
