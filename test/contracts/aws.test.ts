import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GetItemCommand, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ShardEvent } from '../../functions/adapters/lambda.ts';
import type { Cursors } from '../../functions/collect/ports.ts';
import type { Place, Shards } from '../../functions/collect/shards.ts';
import { type Artifact, elsewhere } from '../../functions/deliver/artifact.ts';
import { packMessages } from '../../functions/deliver/packing.ts';
import type { Overflow, Queue } from '../../functions/deliver/ports.ts';
import { ClaimLostError } from '../../functions/errors.ts';
import type { AcceptedIds, DeadLetter, DeadLetters, OverflowObjects } from '../../functions/forward/ports.ts';
import { forwarderKey } from '../../functions/health/status.ts';
import type { Instances, Secrets, TokenHosts } from '../../functions/instances/ports.ts';
import { systemClock } from '../../functions/kit/clock.ts';
import type { LocalAws } from '../../local/aws/aws.ts';
import { type LocalLambda, startLambda } from '../../local/aws/lambda.ts';
import { FakeCursors } from '../fakes/cursors.ts';
import { FakeDeadLetters, FakeQueue } from '../fakes/queue.ts';
import {
  FakeAcceptedIds,
  FakeInstances,
  FakeOverflow,
  FakeSecrets,
  FakeShards,
  FakeTokenHosts,
} from '../fakes/stores.ts';
import { readArtifact, writtenArtifact } from '../support/artifacts.ts';
import { readMessage } from '../support/schema.ts';
import { startStandIns } from '../support/stand-ins.ts';

/** The ports, and the doors behind them that only a test has. */
interface Subject {
  readonly cursors: Cursors;
  readonly instances: Instances;
  readonly queue: Queue;
  readonly secrets: Secrets;
  readonly tokenHosts: TokenHosts;
  readonly overflow: Overflow;
  readonly overflowObjects: OverflowObjects;
  readonly deadLetters: DeadLetters;
  readonly accepted: AcceptedIds;
  readonly shards: Shards;
  /** What further runs were started with. */
  started(): readonly { readonly place: Place; readonly scheduledAt: number }[];
  putInstance(item: { instance: string } & Record<string, unknown>): Promise<void>;
  putSecret(id: string, value: string): void;
  /** Passes the time for which a secret may be cached. */
  bodies(): Promise<string[]>;
  object(location: string): Promise<string | undefined>;
  /** Takes what is in the dead-letter queue. */
  letters(): Promise<DeadLetter[]>;
}

function fakes(): Subject {
  const ports = {
    cursors: new FakeCursors(),
    instances: new FakeInstances(),
    queue: new FakeQueue(),
    secrets: new FakeSecrets(),
    tokenHosts: new FakeTokenHosts(),
    overflow: new FakeOverflow(),
    deadLetters: new FakeDeadLetters(),
    accepted: new FakeAcceptedIds(),
    shards: new FakeShards(),
  };
  return {
    ...ports,
    overflowObjects: ports.overflow,
    started: () => ports.shards.started,
    letters: async () => ports.deadLetters.letters.splice(0),
    putInstance: async (item) => ports.instances.put(item),
    putSecret: (id, value) => ports.secrets.put(id, value),
    bodies: async () => ports.queue.bodies,
    object: async (location) => ports.overflow.objects.get(location),
  };
}

let aws: LocalAws;
let lambda: LocalLambda;

async function adapters(): Promise<Subject> {
  aws = await startStandIns();
  const started: { place: Place; scheduledAt: number }[] = [];
  const run = async (event: unknown) => {
    const { time, shard } = event as ShardEvent;
    started.push({ place: shard, scheduledAt: Date.parse(time) });
  };
  lambda = await startLambda(
    new Map([['Collector-threats', { invoke: run, isFull: false }]]),
    aws.credentials.sessionToken,
  );
  process.env.AWS_ENDPOINT_URL_LAMBDA = lambda.endpoint;
  const name = (logicalId: string) => aws.names.get(logicalId) ?? '';
  const [cursors, shards, tokenHosts, instances, accepted, sqs, secretsManager, bucket, furtherRuns] =
    await Promise.all([
      import('../../functions/adapters/dynamodb/cursors.ts'),
      import('../../functions/adapters/dynamodb/shards.ts'),
      import('../../functions/adapters/dynamodb/token-hosts.ts'),
      import('../../functions/adapters/dynamodb/instances.ts'),
      import('../../functions/adapters/dynamodb/accepted-ids.ts'),
      import('../../functions/adapters/sqs.ts'),
      import('../../functions/adapters/secrets-manager.ts'),
      import('../../functions/adapters/overflow-bucket.ts'),
      import('../../functions/adapters/lambda.ts'),
    ]);
  return {
    cursors: cursors.cursorsTable(name('Cursors')),
    tokenHosts: tokenHosts.tokenHosts(name('Cursors')),
    instances: instances.instancesTable(name('Instances')),
    queue: sqs.artifactQueue(name('Artifacts')),
    secrets: secretsManager.secretsManager(Date.now),
    overflow: bucket.overflowBucket(name('Overflow')),
    overflowObjects: bucket.overflowObjects,
    deadLetters: sqs.deadLetterQueue(name('DeadLetters')),
    accepted: accepted.acceptedIds(name('Accepted'), 7, { ...systemClock, now: () => 1_700_000_000_000 }),
    shards: {
      ...shards.shardsTable(name('Cursors'), 'threats'),
      ...furtherRuns.furtherRuns('Collector-threats'),
    },
    started: () => started,
    async letters() {
      const found: DeadLetter[] = [];
      for (;;) {
        const { Messages = [] } = await aws.sqs.send(
          new ReceiveMessageCommand({
            QueueUrl: name('DeadLetters'),
            MaxNumberOfMessages: 10,
            MessageAttributeNames: ['All'],
          }),
        );
        if (Messages.length === 0) return found;
        for (const { Body = '', MessageAttributes = {} } of Messages) {
          const attributes = Object.entries(MessageAttributes).map(([key, { StringValue }]) => [
            key,
            StringValue,
          ]);
          found.push({ body: Body, ...Object.fromEntries(attributes) });
        }
      }
    },
    async putInstance(item) {
      await aws.dynamodb.send(new PutItemCommand({ TableName: name('Instances'), Item: marshall(item) }));
    },
    putSecret: (id, value) => aws.secrets.put(id, value),
    async bodies() {
      const { Messages = [] } = await aws.sqs.send(
        new ReceiveMessageCommand({ QueueUrl: name('Artifacts'), MaxNumberOfMessages: 10 }),
      );
      return Messages.map(({ Body = '' }) => Body);
    },
    async object(location) {
      const { host: Bucket, pathname } = new URL(location);
      const { Body } = await aws.s3.send(new GetObjectCommand({ Bucket, Key: pathname.slice(1) }));
      return Body?.transformToString();
    },
  };
}

afterAll(async () => {
  lambda.close();
  await aws.close();
});

const subjects: [string, () => Subject | Promise<Subject>][] = [
  ['the fakes', fakes],
  ['the adapters', adapters],
];

describe.each(subjects)('%s', (_, make) => {
  let subject: Subject;
  let instances = 0;
  /** A cursor item that no other test knows. */
  const fresh = () => {
    instances += 1;
    return { instance: `i-${instances}`, stream: 'threats', run: 'one' };
  };
  const cursor = {
    schemaVersion: 1,
    scope: 'host/filters',
    position: '2026-01-02T03:04:05.678901Z',
    limit: 1000,
    roomyPages: 0,
  } as const;

  beforeAll(async () => {
    subject = await make();
  });

  describe('cursors', () => {
    test('a first claim creates the item, pending, with the time it was first seen', async () => {
      const claim = fresh();
      const item = await subject.cursors.claim(claim, 1_700_000_000_123, 1_700_000_060_000);
      expect(item).toEqual({
        firstSeenAt: '2023-11-14T22:13:20.123000Z',
        cursor: undefined,
        status: { state: 'pending' },
        claimUntil: 1_700_000_060_000,
      });
      const later = await subject.cursors.claim(claim, 1_700_000_001_000, 1_700_000_060_000);
      expect(later?.firstSeenAt).toBe('2023-11-14T22:13:20.123000Z');
    });

    test('a claim holds until it lapses, and always for its own run', async () => {
      const claim = fresh();
      const other = { ...claim, run: 'two' };
      await subject.cursors.claim(claim, 1000, 2000);
      expect(await subject.cursors.claim(other, 2000, 3000)).toBeUndefined();
      expect(await subject.cursors.claim(claim, 1500, 2500)).toBeDefined();
      expect(await subject.cursors.claim(other, 2501, 3500)).toBeDefined();
      expect(await subject.cursors.claim(claim, 2600, 3600)).toBeUndefined();
    });

    test('a claim that its run did not release is seen, and counts until a status is saved', async () => {
      const claim = fresh();
      const read = async () => (await subject.cursors.read('threats', [claim.instance])).get(claim.instance);
      await subject.cursors.claim(claim, 1000, 2000);
      expect(await read()).toMatchObject({ claimUntil: 2000 });
      const next = { ...claim, run: 'two' };
      const item = await subject.cursors.claim(next, 3000, 4000, 1);
      expect(item?.status).toEqual({ state: 'pending', killedRuns: 1 });
      await subject.cursors.save(next, { cursor, claimUntil: 5000 });
      expect((await read())?.status.killedRuns).toBe(1);
      await subject.cursors.save(next, { status: { state: 'ok' }, claimUntil: undefined });
      expect((await read())?.status).toEqual({ state: 'ok' });
      expect(await read()).not.toHaveProperty('claimUntil');
    });

    test('a save needs the claim, and without it writes nothing', async () => {
      const claim = fresh();
      await expect(subject.cursors.save(claim, { cursor, claimUntil: 9 })).rejects.toBeInstanceOf(
        ClaimLostError,
      );
      expect(await subject.cursors.read('threats', [claim.instance])).toEqual(new Map());
      await subject.cursors.claim(claim, 1000, 2000);
      await subject.cursors.claim({ ...claim, run: 'two' }, 2001, 3000);
      await expect(subject.cursors.save(claim, { cursor, claimUntil: 9000 })).rejects.toBeInstanceOf(
        ClaimLostError,
      );
      expect(
        (await subject.cursors.read('threats', [claim.instance])).get(claim.instance)?.cursor,
      ).toBeUndefined();
    });

    test('a save renews the claim, or gives it up', async () => {
      const claim = fresh();
      const other = { ...claim, run: 'two' };
      await subject.cursors.claim(claim, 1000, 2000);
      await subject.cursors.save(claim, { cursor, claimUntil: 5000 });
      expect(await subject.cursors.claim(other, 4000, 6000)).toBeUndefined();
      await subject.cursors.save(claim, { claimUntil: undefined });
      expect(await subject.cursors.claim(other, 4000, 6000)).toMatchObject({ cursor });
    });

    test('a status replaces the one before and leaves the cursor; a cursor leaves the status', async () => {
      const claim = fresh();
      await subject.cursors.claim(claim, 1000, 2000);
      await subject.cursors.save(claim, {
        cursor,
        status: { state: 'unreachable', lastError: 'x', failures: 2 },
        claimUntil: 3000,
      });
      await subject.cursors.save(claim, { status: { state: 'ok', failures: 0 }, claimUntil: 3000 });
      await subject.cursors.save(claim, { cursor: { ...cursor, scope: 'other' }, claimUntil: undefined });
      const items = await subject.cursors.read('threats', [claim.instance]);
      expect(items.get(claim.instance)).toMatchObject({ cursor: { ...cursor, scope: 'other' } });
      expect(items.get(claim.instance)?.status).toEqual({ state: 'ok', failures: 0 });
    });

    test('many items are read at once, and only those that exist', async () => {
      const claims = Array.from({ length: 130 }, fresh);
      for (const claim of claims) await subject.cursors.claim(claim, 1000, 2000);
      const found = await subject.cursors.read('threats', [
        ...claims.map(({ instance }) => instance),
        'nobody',
      ]);
      expect([...found.keys()].sort()).toEqual(claims.map(({ instance }) => instance).sort());
      expect(await subject.cursors.read('threats', [])).toEqual(new Map());
    });

    test('a memory is kept by item and lineage, and beside the cursor', async () => {
      const key = fresh();
      expect(await subject.cursors.readMemory(key, 'first')).toBeUndefined();
      const counts = {
        since: '2026-01-02T03:00:00.000000Z',
        delivered: { '2026-01-02T03:00:00.000000Z': 7 },
      };
      await subject.cursors.writeMemory(
        key,
        'first',
        { memory: Uint8Array.of(0, 255, 7), counts },
        undefined,
      );
      expect(await subject.cursors.readMemory(key, 'first')).toEqual({
        memory: Uint8Array.of(0, 255, 7),
        counts,
        writer: key.run,
      });
      expect(await subject.cursors.readMemory(key, 'second')).toBeUndefined();
      expect(await subject.cursors.readMemory({ ...key, stream: 'agents' }, 'first')).toBeUndefined();
      expect(await subject.cursors.read('threats', [key.instance])).toEqual(new Map());
      const large = { memory: new Uint8Array(390_000), counts };
      await subject.cursors.writeMemory(key, 'second', large, undefined);
      expect((await subject.cursors.readMemory(key, 'second'))?.memory.length).toBe(390_000);
    });

    test('a memory is not overwritten by a run that has not read it as it is', async () => {
      const key = fresh();
      const [one, two] = [
        { ...key, run: 'one' },
        { ...key, run: 'two' },
      ];
      const counts = { since: '2026-01-02T03:00:00.000000Z', delivered: {} };
      const write = (by: typeof one, byte: number, writer?: string, lineage = 'same') =>
        subject.cursors.writeMemory(by, lineage, { memory: Uint8Array.of(byte), counts }, writer);
      const read = (lineage = 'same') => subject.cursors.readMemory(key, lineage);
      await write(one, 1);
      await write(two, 2, 'one');
      await write(two, 3, 'one');
      for (const writer of [undefined, 'one', 'three'])
        await expect(write(one, 4, writer)).rejects.toBeInstanceOf(ClaimLostError);
      expect(await read()).toMatchObject({ memory: Uint8Array.of(3), writer: 'two' });
      await write(one, 5, 'two');
      expect(await read()).toMatchObject({ memory: Uint8Array.of(5), writer: 'one' });
      // The memory of another start is of no use.
      await write(two, 6, undefined, 'another');
      expect(await read('another')).toMatchObject({ memory: Uint8Array.of(6), writer: 'two' });
    });
  });

  test('instances are listed as plain values, every page of them', async () => {
    const text = 'x'.repeat(200_000);
    for (let i = 0; i < 12; i++)
      await subject.putInstance({
        instance: `many-${i}`,
        enabled: true,
        lookbackHours: 24,
        siteIds: ['1'],
        text,
      });
    const listed = (await subject.instances.list()).filter(({ instance }) =>
      String(instance).startsWith('many-'),
    );
    expect(listed).toHaveLength(12);
    expect(listed[0]).toMatchObject({ enabled: true, lookbackHours: 24, siteIds: ['1'] });
  });

  test('only the instances of these names are listed, as far as they exist, each once', async () => {
    for (const instance of ['named-1', 'named-2', 'named-3'])
      await subject.putInstance({ instance, host: 'h' });
    const listed = await subject.instances.list(['named-1', 'named-3', 'nobody', 'named-1']);
    expect(listed.map(({ instance }) => instance).toSorted()).toEqual(['named-1', 'named-3']);
    expect(listed[0]).toMatchObject({ host: 'h' });
    expect(await subject.instances.list([])).toEqual([]);
  });

  test('every instance is on one page, and the pages are the list', async () => {
    for (let i = 0; i < 5; i++) await subject.putInstance({ instance: `paged-${i}`, host: 'h' });
    const paged: unknown[] = [];
    for await (const page of subject.instances.pages()) paged.push(...page.map(({ instance }) => instance));
    expect(paged).toEqual((await subject.instances.list()).map(({ instance }) => instance));
    expect(paged.filter((name) => String(name).startsWith('paged-'))).toHaveLength(5);
  });

  describe('a shard', () => {
    const place = { number: 1, of: 2, by: 'a run' };

    test('names its tick and its place to the run that is started for it', async () => {
      const scheduledAt = Date.UTC(2026, 2, 1, 12);
      await subject.shards.start(place, scheduledAt);
      await expect.poll(() => subject.started()).toEqual([{ place, scheduledAt }]);
    });

    test('is taken once', async () => {
      await subject.shards.offer(place, ['acme', 'globex']);
      const takes = [1, 2, 3].map(() => subject.shards.take(place));
      const taken = (await Promise.all(takes)).filter((one) => one !== undefined);
      expect(taken).toEqual([['acme', 'globex']]);
    });

    test('is not taken where another run has divided the tick, or nobody offers it', async () => {
      await subject.shards.offer(place, ['acme']);
      await subject.shards.offer({ ...place, by: 'another' }, ['globex']);
      expect(await subject.shards.take(place)).toBeUndefined();
      expect(await subject.shards.take({ ...place, number: 0 })).toBeUndefined();
      expect(await subject.shards.take({ ...place, by: 'another' })).toEqual(['globex']);
    });
  });

  describe('secrets', () => {
    test('one that is not there is undefined', async () => {
      expect(await subject.secrets.read('nowhere', false)).toBeUndefined();
    });

    test('a new value has a new version, and is seen at once when asked for fresh', async () => {
      subject.putSecret('s', 'old');
      const before = await subject.secrets.read('s', false);
      subject.putSecret('s', 'new');
      expect(await subject.secrets.read('s', false)).toEqual(before);
      const after = await subject.secrets.read('s', true);
      expect([before?.value, after?.value]).toEqual(['old', 'new']);
      expect(after?.version).not.toBe(before?.version);
      expect(await subject.secrets.read('s', false)).toEqual(after);
    });

    test('what was read for one host is not given from the cache for another', async () => {
      subject.putSecret('by-host', 'old');
      await subject.secrets.read('by-host', false, 'a.example');
      subject.putSecret('by-host', 'new');
      const read = (host: string) => subject.secrets.read('by-host', false, host);
      expect((await read('a.example'))?.value).toBe('old');
      expect((await read('b.example'))?.value).toBe('new');
    });

    test('all tokens of a shared secret are read at once, and again when one is asked for fresh', async () => {
      const put = (more: object) =>
        subject.putSecret('shared', JSON.stringify({ a: { apiKey: '1' }, b: { apiKey: '2' }, ...more }));
      const read = async (key: string, fresh = false) =>
        JSON.parse((await subject.secrets.read(`shared#${key}`, fresh, `${key}.example`))?.value ?? 'null');
      put({});
      expect(await read('a')).toEqual({ apiKey: '1' });
      put({ b: { apiKey: '3' }, c: { apiKey: '4' } });
      expect([await read('b'), await read('c')]).toEqual([{ apiKey: '2' }, null]);
      expect(await read('c', true)).toEqual({ apiKey: '4' });
      expect(await read('b')).toEqual({ apiKey: '3' });
    });
  });

  describe('hosts of tokens', () => {
    const first = (host: string) => async () => host;

    test('a token is bound to the host that it is first used at, and to no other', async () => {
      expect(await subject.tokenHosts.hostOf('token-1', first('a.example'))).toBe('a.example');
      expect(await subject.tokenHosts.hostOf('token-1', first('b.example'))).toBe('a.example');
      expect(await subject.tokenHosts.hostOf('token-2', first('b.example'))).toBe('b.example');
    });

    test('of two runs at once, one binds it', async () => {
      const hosts = ['a.example', 'b.example'].map((host) =>
        subject.tokenHosts.hostOf('token-3', first(host)),
      );
      expect(new Set(await Promise.all(hosts)).size).toBe(1);
    });

    test('where the host is refused, the token stays unbound', async () => {
      const refused = subject.tokenHosts.hostOf('token-4', () => Promise.reject(new Error('changed')));
      await expect(refused).rejects.toThrow('changed');
      expect(await subject.tokenHosts.hostOf('token-4', first('b.example'))).toBe('b.example');
    });
  });

  test('one instance is read as it is now', async () => {
    await subject.putInstance({ instance: 'one', host: 'a.example' });
    expect(await subject.instances.read('one')).toEqual({ instance: 'one', host: 'a.example' });
    expect(await subject.instances.read('nobody')).toBeUndefined();
  });

  describe('queue', () => {
    const artifact = (raw: string): Artifact => ({
      source: 'sentinelone',
      raw,
      metadata: { id: 'acme/threats/1', instance: 'acme', stream: 'threats', recordId: '1' },
    });
    const message = (...raws: string[]) => [
      ...packMessages(
        raws.map((raw) => writtenArtifact(artifact(raw))),
        1024 * 1024,
        [],
      ),
    ];
    const key = { instance: 'acme', stream: 'threats' };

    test('what is accepted is there, as it was sent', async () => {
      const [one] = message('{"a":1}', '{"b":"ä\u2028"}');
      if (one === undefined) throw new Error('no message');
      expect(await subject.queue.send([one], key)).toEqual([]);
      const bodies = await subject.bodies();
      expect(bodies.map(readMessage)).toEqual([[artifact('{"a":1}'), artifact('{"b":"ä\u2028"}')]]);
    });

    test('a message with a character that is never taken is refused for good, and only that one', async () => {
      const escaped = Buffer.from('{\\"raw\\":\\"\uFFFF\\"}');
      const bad = { artifacts: [writtenArtifact(artifact('p'))], body: { escaped, bytes: 12 }, bytes: 100 };
      const [good] = message('{"c":1}');
      if (good === undefined) throw new Error('no message');
      const refusals = await subject.queue.send([bad, good], key);
      expect(refusals).toEqual([
        { message: bad, permanent: true, reason: expect.stringContaining('InvalidMessageContents') },
      ]);
    });

    test('a batch beyond the limits is an error, not a loss', async () => {
      const large = message('x'.repeat(700_000), 'y'.repeat(700_000));
      await expect(subject.queue.send(large, key)).rejects.toThrow();
    });
  });

  test('an overflow object is where its location says, and the same key is the same place', async () => {
    const location = await subject.overflow.put('acme/threats/abc.json', Buffer.from('{"a":"ä"}'));
    expect(location).toMatch(/^s3:\/\/[^/]+\/acme\/threats\/abc\.json$/);
    expect(await subject.object(location)).toBe('{"a":"ä"}');
    expect(await subject.overflow.put('acme/threats/abc.json', Buffer.from('{"a":"ä"}'))).toBe(location);
    const whole = writtenArtifact({ source: 'sentinelone', raw: 'x', metadata: {} });
    expect(readArtifact(elsewhere(whole, location)).metadata.rawLocation).toBe(location);
  });

  describe('overflow objects', () => {
    test('are read from where they were put, whatever is in their name', async () => {
      for (const key of ['acme/threats/abc.json', 'acme/threats/a b%20c?d#é.json']) {
        const location = await subject.overflow.put(key, Buffer.from('{"a":"ä"}'));
        expect(String(await subject.overflowObjects.get(location, 100))).toBe('{"a":"ä"}');
      }
    });

    test('are read to the last byte of the limit, and not at all beyond it', async () => {
      const location = await subject.overflow.put('acme/threats/exact.json', Buffer.from('"ä"'));
      expect(String(await subject.overflowObjects.get(location, 4))).toBe('"ä"');
      expect(await subject.overflowObjects.get(location, 3)).toBe('too large');
    });

    test('are said to have expired where they are gone', async () => {
      const location = await subject.overflow.put('acme/threats/there.json', Buffer.from('{}'));
      expect(await subject.overflowObjects.get(location.replace('there', 'gone'), 100)).toBe('expired');
    });
  });

  describe('dead letters', () => {
    const byBody = (letters: readonly DeadLetter[]) => letters.toSorted((a, b) => (a.body < b.body ? -1 : 1));

    test('arrive with their reason, and whose they are where that is known', async () => {
      const letters = [
        { body: '{"artifacts":[1]}', reason: 'it is wrong', instance: 'acme', stream: 'threats' },
        { body: 'not JSON ä\u2028', reason: 'it is no message' },
      ];
      expect(await subject.deadLetters.send(letters)).toEqual([{ taken: true }, { taken: true }]);
      expect(byBody(await subject.letters())).toEqual(byBody(letters));
    });

    test('are taken in any number and size, each answered in turn', async () => {
      const letters = Array.from({ length: 23 }, (_, i) => ({
        body: `${String(i).padStart(2, '0')}${'x'.repeat(i % 5 === 0 ? 700_000 : 10)}`,
        reason: `number ${i}`,
      }));
      expect(await subject.deadLetters.send(letters)).toEqual(letters.map(() => ({ taken: true })));
      expect(byBody(await subject.letters())).toEqual(letters);
      expect(await subject.deadLetters.send([])).toEqual([]);
    });

    test('of which one can not be taken are taken all the same', async () => {
      const reason = 'it is wrong';
      const results = await subject.deadLetters.send([
        { body: 'one', reason },
        { body: 'a character that is never taken: \uFFFF', reason },
        { body: 'x'.repeat(1024 * 1024 + 1), reason },
        { body: 'two', reason },
      ]);
      expect(results.map(({ taken }) => taken)).toEqual([true, false, false, true]);
      expect(byBody(await subject.letters()).map(({ body }) => body)).toEqual(['one', 'two']);
    });

    test('as large as a message may be are taken, with or without room for the reason', async () => {
      const bodies = [0, 100, 300].map((less) => 'x'.repeat(1024 * 1024 - less));
      const results = await subject.deadLetters.send(bodies.map((body) => ({ body, reason: 'it is wrong' })));
      expect(results).toEqual(bodies.map(() => ({ taken: true })));
      expect((await subject.letters()).map(({ body }) => body.length).toSorted()).toEqual(
        bodies.map(({ length }) => length).toSorted(),
      );
    });
  });

  describe('accepted ids', () => {
    test('are known once they are marked, and no others', async () => {
      const ids = Array.from({ length: 230 }, (_, i) => `acme/threats/${i}@2026`);
      const marked = ids.filter((_, i) => i % 2 === 0);
      expect(await subject.accepted.known(ids)).toEqual(new Set());
      await subject.accepted.mark(marked);
      await subject.accepted.mark(marked.slice(0, 3));
      expect(await subject.accepted.known(ids)).toEqual(new Set(marked));
      expect(await subject.accepted.known([])).toEqual(new Set());
      await subject.accepted.mark([]);
    });

    test('may be of any length and of any characters', async () => {
      const ids = [
        `acme/threats/${'x'.repeat(5000)}1`,
        `acme/threats/${'x'.repeat(5000)}2`,
        'ä'.repeat(1500),
        '__proto__',
      ];
      await subject.accepted.mark(ids.slice(0, 3));
      expect(await subject.accepted.known(ids)).toEqual(new Set(ids.slice(0, 3)));
    });
  });
});

describe('the adapters alone', () => {
  test('mark an id so that DynamoDB deletes it after its days', async () => {
    const { Items = [] } = await aws.dynamodb.send(new ScanCommand({ TableName: 'Accepted', Limit: 1 }));
    expect(unmarshall(Items[0] ?? {})).toMatchObject({ expiresAt: 1_700_000_000 + 7 * 24 * 3600 });
  });

  test('bury a letter whose reason holds what SQS refuses, and no more of it than fits', async () => {
    const { deadLetterQueue } = await import('../../functions/adapters/sqs.ts');
    const queue = deadLetterQueue(aws.names.get('DeadLetters') ?? '');
    const reason = `\uFFFF\u0000ä${'y'.repeat(1000)}`;
    expect(await queue.send([{ body: 'x', reason }])).toEqual([{ taken: true }]);
    const { Messages = [] } = await aws.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: aws.names.get('DeadLetters'), MessageAttributeNames: ['All'] }),
    );
    expect(Messages[0]?.MessageAttributes?.reason?.StringValue).toBe(`???${'y'.repeat(497)}`);
  });

  test("write the forwarder's status beside those of the streams, whole, but for the last success", async () => {
    const { forwarderStatus } = await import('../../functions/adapters/dynamodb/forwarder-status.ts');
    const status = forwarderStatus('Cursors');
    const item = async () => {
      const { Item = {} } = await aws.dynamodb.send(
        new GetItemCommand({ TableName: 'Cursors', Key: marshall(forwarderKey) }),
      );
      return unmarshall(Item);
    };
    await status.write({ state: 'ok', lastPollAt: 'a', lastSuccessAt: 'a', failures: 0, lastCount: 7 });
    expect(await item()).toEqual({
      ...forwarderKey,
      state: 'ok',
      lastPollAt: 'a',
      lastSuccessAt: 'a',
      failures: 0,
      lastCount: 7,
    });
    await status.write({ state: 'unreachable', lastPollAt: 'b', lastError: 'x', remedy: 'y', failures: 1 });
    await status.write({ state: 'unreachable', lastPollAt: 'c', failures: 2 });
    expect(await item()).toEqual({
      ...forwarderKey,
      state: 'unreachable',
      lastPollAt: 'c',
      lastSuccessAt: 'a',
      failures: 2,
    });
  });
});

describe('a further run that is not started is an error with its cause', () => {
  const answers: [what: string, status: number, headers: Record<string, string>, said: RegExp][] = [
    ['without the right', 403, { 'x-amzn-errortype': 'AccessDeniedException' }, /AccessDeniedException/],
    ['by a redirect, which is not followed', 307, { location: '/elsewhere' }, /Collector-threats/],
  ];
  test.each(answers)('%s', async (_, status, headers, said) => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.url);
      response.writeHead(status, headers).end('{}');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    process.env.AWS_ENDPOINT_URL_LAMBDA = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const { furtherRuns } = await import('../../functions/adapters/lambda.ts');
      const handing = furtherRuns('Collector-threats').start({ number: 1, of: 2, by: 'a run' }, 0);
      await expect(handing).rejects.toMatchObject({
        message: expect.stringMatching(said),
        cause: { $metadata: { httpStatusCode: status } },
      });
      expect(seen).toEqual(['/2015-03-31/functions/Collector-threats/invocations']);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});
