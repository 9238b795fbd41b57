import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { faultFor, faults } from '../../local/analytics/faults.ts';
import { usageOf } from '../bench/usage.ts';
import { artifact, artifacts, type FixtureArtifact, idOf } from '../fixtures/artifacts.ts';
import { type Forwarding, startForwarding } from '../support/forwarding.ts';
import { clockEnvironment, shiftClock } from '../support/shifted-clock.ts';

const minuteMs = 60_000;

let world: Forwarding;
/** Of the function, where it is not the deployed one: what backs off for as long as it may then ends sooner. */
let timeoutSeconds: number | undefined;
beforeEach(async () => {
  world = await startForwarding({ timeoutSeconds });
});
afterEach(() => world.close());

const once = (list: readonly unknown[]) => list.map(() => 1);
const isOne =
  (...wanted: readonly FixtureArtifact[]) =>
  ({ metadata }: { readonly metadata?: Readonly<Record<string, unknown>> }) =>
    wanted.some((one) => one.metadata.id === metadata?.id);
const posts = () => world.analytics.posts.map(({ artifacts: count }) => count);

describe('without a fault', () => {
  test('each artifact is accepted once, as it was in the queue, and messages share a request', async () => {
    const all = artifacts(60);
    for (let i = 0; i < 60; i += 10) await world.send(all.slice(i, i + 10));
    await world.drain();
    expect(world.timesOf(all)).toEqual(once(all));
    expect(posts()).toEqual([60]);
    const [first] = all;
    expect(world.analytics.accepted[0]).toMatchObject({ ...first });
    expect(await world.deadLettered()).toEqual([]);
    expect(await world.status()).toMatchObject({ state: 'ok', lastCount: 60, failures: 0 });
  });

  test('a request is no larger than the setting, but for an artifact that is', async () => {
    await world.close();
    world = await startForwarding({ overrides: { requestBytes: 64 * 1024 } });
    const some = Array.from({ length: 9 }, (_, i) => artifact(i, { raw: `"${'x'.repeat(20_000)}"` }));
    const large = artifact(10, { raw: `"${'y'.repeat(200_000)}"` });
    for (const one of [...some, large]) await world.send([one]);
    await world.drain();
    expect(world.timesOf([...some, large])).toEqual(once([...some, large]));
    const sizes = world.analytics.posts.map(({ bytes }) => bytes).sort((a, b) => a - b);
    expect(sizes.at(-1)).toBeGreaterThan(200_000);
    for (const bytes of sizes.slice(0, -1)) expect(bytes).toBeLessThanOrEqual(64 * 1024);
    expect(sizes).toHaveLength(4);
  });

  test('it logs in once for many runs', async () => {
    for (let i = 0; i < 3; i++) {
      await world.send([artifact(i)]);
      await world.forward();
    }
    expect(world.analytics.logins).toHaveLength(1);
    expect(world.analytics.acceptedInAll).toBe(3);
  });

  test('what is forwarded is logged, and no credential or record is', async () => {
    await world.send(artifacts(3));
    await world.drain();
    expect(world.log.map(({ message }) => message)).toContain('sentinelone: forwarded 3 artifacts');
    const printed = world.lines.join('\n');
    const [user] = world.analytics.users;
    expect(printed).not.toContain(user?.password);
    expect(printed).not.toMatch(/eyJ|Bearer|"nth"/);
  });
});

describe('the status', () => {
  test('is written every five minutes, or as often as the schedule of npm start is faster', async () => {
    const counts: (number | undefined)[] = [];
    for (const overrides of [undefined, { statusMs: 0 }]) {
      if (overrides !== undefined) {
        await world.close();
        world = await startForwarding({ overrides });
      }
      for (const count of [3, 2]) {
        await world.send(artifacts(count));
        await world.forward();
      }
      counts.push((await world.status()).lastCount);
    }
    expect(counts).toEqual([3, 2]);
  });
});

describe('a byte order mark', () => {
  const mark = '\uFEFF';

  test('before the login and before what Analytics answers changes nothing', async () => {
    world.collector.aws.secrets.put(
      'signal-client/analytics',
      mark + JSON.stringify(world.analytics.users[0]),
    );
    world.analytics.faults.push(() => faults.byteOrderMark);
    const all = artifacts(3);
    await world.send(all);
    expect(await world.forward()).toMatchObject({ failed: 0 });
    expect(world.timesOf(all)).toEqual(once(all));
  });
});

describe('tokens', () => {
  test('a token that Analytics no longer takes is renewed, and nothing repeats', async () => {
    const all = artifacts(2);
    await world.send(all.slice(0, 1));
    await world.drain();
    world.analytics.revokeTokens();
    await world.send(all.slice(1));
    await world.drain();
    expect(world.timesOf(all)).toEqual(once(all));
    expect(world.analytics.logins).toHaveLength(2);
  });

  test('a token that is about to end is renewed before it is refused', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'clock-'));
    const clock = join(folder, 'clock');
    let aheadMs = 0;
    shiftClock(clock, aheadMs);
    await world.close();
    const lambdaNowMs = () => Date.now() + aheadMs;
    world = await startForwarding({ environment: clockEnvironment(clock), lambdaNowMs });
    world.analytics.tokenLifeMs = 60 * minuteMs;
    await world.send([artifact(1)]);
    await world.drain();
    // The function keeps five minutes in reserve. The clock of Analytics does not move, so it still accepts the token.
    aheadMs = 56 * minuteMs;
    shiftClock(clock, aheadMs);
    await world.send([artifact(2)]);
    await world.drain();
    expect(world.analytics.logins).toHaveLength(2);
    expect(world.analytics.posts.map(({ status }) => status)).toEqual([200, 200]);
    await rm(folder, { recursive: true });
  });

  test('wrong credentials are said loudly, tried once, and the messages stay until they are right', async () => {
    const [user] = world.analytics.users;
    world.collector.aws.secrets.put(
      'signal-client/analytics',
      JSON.stringify({ ...user, password: 'an-old-one' }),
    );
    const all = artifacts(5);
    await world.send(all);
    await world.forward();
    await new Promise((wake) => setTimeout(wake, 2_100));
    await world.forward();
    expect(world.analytics.logins).toHaveLength(1);
    expect(world.timesOf(all)).toEqual(all.map(() => 0));
    expect(await world.deadLettered()).toEqual([]);
    const status = await world.status();
    expect(status).toMatchObject({ state: 'unauthorized', failures: 1 });
    expect(status.remedy).toMatch(/Correct the email and password in the secret/);
    expect(world.log.filter(({ level }) => level === 'ERROR').map(({ message }) => message)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^sentinelone: forwarder unauthorized: .*refuses/)]),
    );
    expect(world.lines.join('\n')).not.toContain('an-old-one');

    world.collector.aws.secrets.put('signal-client/analytics', JSON.stringify(user));
    // A new process, as after a while: this one looks at the secret once a minute.
    process.kill(world.collector.functions.get('forwarder')?.pid as number, 'SIGKILL');
    await world.drain();
    expect(world.timesOf(all)).toEqual(once(all));
    expect(await world.status()).toMatchObject({ state: 'ok' });
  });

  test('a missing permission is named, and the messages stay', async () => {
    const [user] = world.analytics.users;
    world.analytics.users.splice(0, 1, { ...user, permissions: ['signals:read'] } as typeof user & object);
    await world.send(artifacts(2));
    await world.forward();
    expect(await world.status()).toMatchObject({
      state: 'forbidden',
      remedy: expect.stringContaining('signals:write'),
    });
    expect(await world.deadLettered()).toEqual([]);
  });
});

describe('an Analytics that is not well', () => {
  beforeAll(() => {
    timeoutSeconds = 30;
  });
  afterAll(() => {
    timeoutSeconds = undefined;
  });

  test.each([
    ['answers 503', faults.status(503)],
    ['answers 500', faults.status(500)],
    ['answers 429 with Retry-After', faults.status(429, { 'retry-after': '1' })],
    ['cuts the connection', faults.cut],
    ['answers with a web page', faults.html],
    ['redirects', faults.redirected('https://elsewhere.example/')],
  ])('%s for a while: nothing is lost, nothing repeats, and it drains by itself', async (_, fault) => {
    const all = artifacts(30);
    await world.send(all.slice(0, 15));
    await world.send(all.slice(15));
    let isDown = true;
    world.analytics.faults.push(faultFor({ route: 'ingest', while: () => isDown }, fault));
    const { messages, failed } = await world.forward();
    expect(failed).toBe(messages);
    expect(await world.status()).toMatchObject({ state: expect.not.stringMatching(/^ok$/) });
    isDown = false;
    await world.drain();
    expect(world.timesOf(all)).toEqual(once(all));
    expect(await world.deadLettered()).toEqual([]);
    expect(await world.status()).toMatchObject({ state: 'ok' });
  });

  test.each(['899.997', '900s, 5'])(
    'that asks for a wait of a quarter of an hour is not asked again by the run: Retry-After: %s',
    async (wait) => {
      world.analytics.faults.push(faultFor({ route: 'ingest' }, faults.status(429, { 'retry-after': wait })));
      await world.send(artifacts(4));
      expect(await world.forward()).toMatchObject({ failed: 1 });
      expect(posts()).toHaveLength(1);
    },
  );

  test('that is down for a moment is tried again within the run', async () => {
    world.analytics.faults.push(faultFor({ route: 'ingest', times: 2 }, faults.status(503)));
    const all = artifacts(4);
    await world.send(all);
    expect(await world.forward()).toMatchObject({ messages: 1, failed: 0 });
    expect(world.timesOf(all)).toEqual(once(all));
  });

  test('that never answers is given up in time, and asked again', async () => {
    world.analytics.faults.push(faultFor({ route: 'ingest', times: 1 }, faults.hang));
    const all = artifacts(4);
    await world.send(all);
    expect(await world.forward()).toMatchObject({ failed: 1 });
    await world.drain();
    expect(world.timesOf(all)).toEqual(once(all));
  });

  test('whose answer is lost gets the same artifacts once more, and no others', async () => {
    world.analytics.faults.push(faultFor({ route: 'ingest', times: 1 }, faults.answerLost));
    const all = artifacts(6);
    await world.send(all);
    await world.drain();
    expect(world.timesOf(all)).toEqual(all.map(() => 2));
  });

  test('with a certificate that nobody trusts gets nothing, and the remedy names the private CA', async () => {
    await world.close();
    world = await startForwarding({ untrusted: true });
    await world.send(artifacts(2));
    expect(await world.forward()).toMatchObject({ failed: 1 });
    expect(world.analytics.requests).toEqual([]);
    expect(await world.status()).toMatchObject({
      state: 'unreachable',
      lastError: expect.stringContaining('certificate'),
      remedy: expect.stringContaining('caFile'),
    });
  });
});

describe('an artifact that Analytics never takes', () => {
  const all = artifacts(40);
  const bad = [all[7], all[31]] as [FixtureArtifact, FixtureArtifact];
  const good = all.filter((one) => !bad.includes(one));

  async function expectOnlyBadDeadLettered(reason: RegExp) {
    const letters = await world.deadLettered();
    expect(letters.map(({ body }) => JSON.parse(body))).toEqual(
      expect.arrayContaining(bad.map((one) => ({ artifacts: [one] }))),
    );
    expect(letters).toHaveLength(bad.length);
    for (const letter of letters) expect(letter.reason).toMatch(reason);
    expect(world.timesOf(bad)).toEqual([0, 0]);
  }

  test('is found among the others, and lies alone in the dead-letter queue with the reason', async () => {
    world.analytics.faults.push(faultFor({ route: 'ingest' }, faults.rejecting(isOne(...bad))));
    await world.send(all);
    await world.drain();
    await expectOnlyBadDeadLettered(/^Analytics rejects it/);
    expect(world.timesOf(good)).toEqual(once(good));
    // All of them, then each of the two that are not found.
    expect(posts()).toEqual([40, 1, 1]);
  });

  test('is found also where Analytics takes a while to index what it accepted', async () => {
    world.analytics.faults.push(
      faultFor({ route: 'ingest', times: 1 }, { ...faults.rejecting(isOne(...bad)), ...faults.hidden(40) }),
      faultFor({ route: 'ingest' }, faults.rejecting(isOne(...bad))),
    );
    await world.send(all);
    await world.drain();
    await expectOnlyBadDeadLettered(/^Analytics rejects it/);
    expect(world.timesOf(good)).toEqual(once(good));
  });

  test('is found also where nobody may search: then the others of its request come twice', async () => {
    const [user] = world.analytics.users;
    world.analytics.users.splice(0, 1, { ...user, permissions: ['signals:write'] } as typeof user & object);
    world.analytics.faults.push(faultFor({ route: 'ingest' }, faults.rejecting(isOne(...bad))));
    await world.send(all);
    await world.drain();
    await expectOnlyBadDeadLettered(/^Analytics rejects it/);
    expect(world.timesOf(good)).toEqual(good.map(() => 2));
    expect(world.log.map(({ message }) => message)).toEqual(
      expect.arrayContaining([expect.stringMatching(/signals:read/)]),
    );
  });

  test('is found where the whole request is refused for it', async () => {
    world.analytics.faults.push(faultFor({ route: 'ingest' }, faults.refusing(isOne(...bad))));
    await world.send(all);
    await world.drain();
    await expectOnlyBadDeadLettered(/answers 400/);
    expect(world.timesOf(good)).toEqual(once(good));
  });

  test('goes to Analytics after all, moved back once Analytics takes it', async () => {
    let isPicky = true;
    world.analytics.faults.push(
      faultFor({ route: 'ingest', while: () => isPicky }, faults.rejecting(isOne(...bad))),
    );
    await world.send(all);
    await world.drain();
    isPicky = false;
    for (const { body } of await world.deadLettered()) await world.sendBody(body);
    await world.drain();
    expect(world.timesOf(all)).toEqual(once(all));
  });

  test('is told from an Analytics that takes nothing at all: then nothing is dead-lettered', async () => {
    let refusesAll = true;
    world.analytics.faults.push(
      faultFor(
        { route: 'ingest', while: () => refusesAll },
        faults.refusing(() => true),
      ),
    );
    await world.send(all);
    expect(await world.forward()).toMatchObject({ failed: 1 });
    expect(await world.deadLettered()).toEqual([]);
    expect(await world.status()).toMatchObject({ state: 'refused' });
    refusesAll = false;
    await world.drain();
    expect(world.timesOf(all)).toEqual(once(all));
  });

  test('because a request is too large, is posted in smaller ones', async () => {
    world.analytics.faults.push(faultFor({ route: 'ingest' }, faults.tooLarge(4_000)));
    await world.send(all);
    await world.drain();
    expect(world.timesOf(all)).toEqual(once(all));
    expect(await world.deadLettered()).toEqual([]);
  });
});

describe('a message that Analytics never answers as documented', () => {
  const all = artifacts(30);
  const poison = all[11] as FixtureArtifact;
  const others = all.filter((_, i) => i < 10 || i >= 15);

  test.each([502, 403])('comes back alone, and the status names it: %i by a firewall', async (status) => {
    world.analytics.faults.push(faultFor({ route: 'ingest' }, faults.blocking(isOne(poison), status)));
    for (let i = 0; i < all.length; i += 5) await world.send(all.slice(i, i + 5));
    expect(await world.forward()).toMatchObject({ messages: 6, failed: 1 });
    expect(world.timesOf(others)).toEqual(once(others));
    expect(world.timesOf([poison])).toEqual([0]);
    expect(await world.deadLettered()).toEqual([]);
    expect(await world.status()).toMatchObject({
      lastError: expect.stringContaining('fails on that of acme/threats/'),
      remedy: expect.stringContaining('firewall'),
    });
    world.analytics.faults.length = 0;
    await world.drain();
    expect(world.timesOf(all)).toEqual(once(all));
  });
});

describe('what breaks the contract of the queue', () => {
  test.each([
    ['brackets', `{"artifacts":[${'['.repeat(500_000)}${']'.repeat(500_000)}]}`],
    ['empty objects', `{"artifacts":[${'{},'.repeat(340_000)}{}]}`],
  ])('takes no memory from the messages that come with it: 1 MiB of %s', async (_, body) => {
    for (let i = 0; i < 4; i++) await world.sendBody(body);
    await world.send([artifact(1)]);
    expect(await world.forward()).toMatchObject({ messages: 5, failed: 0 });
    expect(world.timesOf([artifact(1)])).toHaveLength(1);
    expect(world.analytics.acceptedInAll).toBe(1);
    expect(await world.deadLettered()).toHaveLength(4);
    expect(usageOf(world.collector.functions.get('forwarder')?.pid as number).peakMib).toBeLessThan(410);
  });

  test('is dead-lettered with the reason and without a request, and the rest of its message is posted', async () => {
    const fine = artifact(1);
    const broken = { ...artifact(2), raw: 7 };
    await world.send([fine, broken]);
    await world.sendBody('this is no message');
    await world.drain();
    expect(world.timesOf([fine])).toEqual([1]);
    const letters = await world.deadLettered();
    expect(letters).toHaveLength(2);
    expect(letters).toEqual(
      expect.arrayContaining([
        { body: JSON.stringify({ artifacts: [broken] }), reason: expect.stringMatching(/schema: \/raw/) },
        { body: 'this is no message', reason: expect.stringContaining('{"artifacts":') },
      ]),
    );
    expect(posts()).toEqual([1]);
  });
});

describe('a record in the overflow bucket', () => {
  const raw = JSON.stringify({ id: '7', text: 'ä'.repeat(700_000) });
  let elsewhere: FixtureArtifact;
  beforeEach(async () => {
    const bucket = world.collector.aws.names.get(overflowBucketId()) as string;
    const { PutObjectCommand } = await import('@aws-sdk/client-s3');
    await world.collector.aws.s3.send(
      new PutObjectCommand({ Bucket: bucket, Key: 'acme/threats/large.json', Body: raw }),
    );
    elsewhere = artifact(1, {
      raw: '{}',
      metadata: { rawLocation: `s3://${bucket}/acme/threats/large.json` },
    });
  });

  const rawOf = (one: FixtureArtifact) =>
    world.analytics.accepted.filter(({ metadata }) => metadata.id === idOf(one)).map((found) => found.raw);

  test('is posted whole', async () => {
    await world.send([elsewhere]);
    await world.drain();
    expect(rawOf(elsewhere).map((text) => text === raw)).toEqual([true]);
  });

  test('is posted as a pointer where Analytics does not take it whole', async () => {
    world.analytics.faults.push(faultFor({ route: 'ingest' }, faults.tooLarge(1024 * 1024)));
    await world.send([elsewhere]);
    await world.drain();
    expect(rawOf(elsewhere)).toEqual(['{}']);
    expect(await world.deadLettered()).toEqual([]);
  });

  const peakMib = () => usageOf(world.collector.functions.get('forwarder')?.pid as number).peakMib;
  /** 80 % of what the function has. */
  const mostMib = 0.8 * 512;

  /** In parts, because the stand-in for S3 takes no larger ones at once. */
  async function put(Key: string, body: string): Promise<string> {
    const Bucket = world.collector.aws.names.get(overflowBucketId()) as string;
    const { s3 } = world.collector.aws;
    const { CompleteMultipartUploadCommand, CreateMultipartUploadCommand, UploadPartCommand } = await import(
      '@aws-sdk/client-s3'
    );
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const Parts: { readonly PartNumber: number; readonly ETag: string | undefined }[] = [];
    for (let at = 0; at < body.length; at += 8 * 2 ** 20) {
      const PartNumber = Parts.length + 1;
      const Body = body.slice(at, at + 8 * 2 ** 20);
      const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
      Parts.push({ PartNumber, ETag });
    }
    const upload = { Bucket, Key, UploadId, MultipartUpload: { Parts } };
    await s3.send(new CompleteMultipartUploadCommand(upload));
    return `s3://${Bucket}/${Key}`;
  }

  test.each([
    ['31 MiB', 1, 'x'.repeat(31 * 2 ** 20)],
    ['8 MiB, which are 16 in a request', 6, '"'.repeat(8 * 2 ** 20)],
  ])(
    'of %s is posted as a pointer, with a warning, and what comes with it whole',
    async (_, count, large) => {
      const locations = await Promise.all(
        Array.from({ length: count }, (__, i) => put(`acme/threats/huge-${i}.json`, large)),
      );
      const pointers = locations.map((rawLocation, i) =>
        artifact(10 + i, { raw: '{}', metadata: { rawLocation } }),
      );
      for (const one of pointers) await world.send([one]);
      await world.send([elsewhere]);
      await world.send([artifact(2)]);
      expect(await world.forward()).toMatchObject({ messages: count + 2, failed: 0 });
      expect(pointers.flatMap(rawOf)).toEqual(pointers.map(() => '{}'));
      expect(rawOf(elsewhere).map((text) => text === raw)).toEqual([true]);
      const warnings = world.log
        .filter(({ level }) => level === 'WARN')
        .map(({ message }) => String(message));
      for (const location of locations) expect(warnings.join('\n')).toContain(location);
      expect(peakMib()).toBeLessThan(mostMib);
    },
  );

  test('that was overwritten is posted as a pointer, with a warning', async () => {
    const rawLocation = await put(`acme/threats/${'0'.repeat(64)}.json`, '{"forged":true}');
    const forged = artifact(3, { raw: '{}', metadata: { rawLocation } });
    await world.send([forged]);
    await world.drain();
    expect(rawOf(forged)).toEqual(['{}']);
    expect(world.log.map(({ message }) => message)).toContainEqual(expect.stringContaining('SHA-256'));
  });

  test('is posted as a pointer once it has expired', async () => {
    const gone = artifact(2, {
      raw: '{}',
      metadata: { rawLocation: String(elsewhere.metadata.rawLocation).replace('large', 'gone') },
    });
    await world.send([gone]);
    await world.drain();
    expect(rawOf(gone)).toEqual(['{}']);
  });

  function overflowBucketId(): string {
    return (
      [...world.collector.aws.names].find(([id]) => /overflow/i.test(id) && !/policy/i.test(id))?.[0] ?? ''
    );
  }
});

test('a forwarder that is killed in the middle of a request loses nothing', async () => {
  const all = artifacts(20);
  await world.send(all);
  world.analytics.faults.push(faultFor({ route: 'ingest', times: 1 }, faults.hang));
  const forwarding = world.forward();
  while (world.analytics.posts.length === 0) await new Promise((wake) => setTimeout(wake, 20));
  process.kill(world.collector.functions.get('forwarder')?.pid as number, 'SIGKILL');
  expect(await forwarding).toMatchObject({ messages: 1, failed: 1 });
  await world.drain();
  expect(world.timesOf(all)).toEqual(once(all));
});
