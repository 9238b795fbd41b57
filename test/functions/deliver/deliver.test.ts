import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Artifact } from '../../../functions/deliver/artifact.ts';
import { deliver } from '../../../functions/deliver/deliver.ts';
import type { Message } from '../../../functions/deliver/packing.ts';
import type { Refusal } from '../../../functions/deliver/ports.ts';
import { UndeliveredError } from '../../../functions/errors.ts';
import { artifact, standingClock } from '../../fixtures/given.ts';
import { bodyOf, writtenArtifact } from '../../support/artifacts.ts';
import { readMessage } from '../../support/schema.ts';

const key = { instance: 'acme', stream: 'sightings' };
const mebibyte = 1024 * 1024;

/** What becomes of one message, or of a whole request. */
type Answer = 'taken' | 'later' | 'never' | 'unreachable' | 'taken, but unreachable';

/** A queue that takes what it is told to, and a bucket; both remember everything. */
function sinks(
  answer: (message: readonly Artifact[], nth: number) => Answer = () => 'taken',
  bucketIsDown = false,
) {
  const requests: string[][][] = [];
  const accepted: Artifact[] = [];
  const bucket = new Map<string, string>();
  let messages = 0;
  let open = 0;
  const seen = { requests, accepted, bucket, mostAtOnce: 0 };
  const queue = {
    send: async (batch: readonly Message[]): Promise<Refusal[]> => {
      seen.mostAtOnce = Math.max(seen.mostAtOnce, ++open);
      await new Promise((resolve) => setImmediate(resolve));
      open--;
      const bodies = batch.map((message) => ({ artifacts: readMessage(bodyOf(message)) as Artifact[] }));
      const bytes = batch.reduce((sum, message) => sum + Buffer.byteLength(bodyOf(message)), 0);
      if (batch.length === 0 || batch.length > 10 || bytes > mebibyte) throw new Error('BatchRequestTooLong');
      requests.push(
        bodies.map(({ artifacts }) => artifacts.map(({ metadata }) => String(metadata.recordId))),
      );
      const answers = bodies.map(({ artifacts }) => answer(artifacts, messages++));
      if (answers.includes('unreachable')) throw new Error('socket hang up');
      bodies.forEach(({ artifacts }, i) => {
        if (answers[i]?.startsWith('taken')) accepted.push(...artifacts);
      });
      if (answers.includes('taken, but unreachable')) throw new Error('socket hang up');
      return batch.flatMap((message, i) =>
        answers[i] === 'taken' ? [] : [{ message, permanent: answers[i] === 'never', reason: 'told to' }],
      );
    },
  };
  const overflow = {
    put: async (name: string, body: Uint8Array) => {
      if (bucketIsDown) throw new Error('AccessDenied');
      bucket.set(`s3://bucket/${name}`, Buffer.from(body).toString());
      return `s3://bucket/${name}`;
    },
  };
  const clock = standingClock(0, () => 0.5);
  const run = (artifacts: readonly Artifact[], messageBytes = 1024, leftMs = 3_600_000) =>
    deliver(
      artifacts.map(writtenArtifact),
      { key, messageBytes, remainingMs: () => leftMs - clock.ms },
      { queue, overflow, clock },
    );
  return { ...seen, seen, clock, run };
}

const idsOf = (artifacts: readonly Artifact[]) => artifacts.map(({ metadata }) => String(metadata.recordId));
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const labelled = (id: string, userName: string, raw?: string): Artifact => {
  const plain = artifact(id, raw);
  return { ...plain, metadata: { ...plain.metadata, userName } };
};

/** As an artifact may arrive: whole, its record elsewhere, or bare. */
function expectFaithful(
  given: readonly Artifact[],
  accepted: readonly Artifact[],
  bucket: ReadonlyMap<string, string>,
) {
  for (const arrived of accepted) {
    const original = given.find(({ metadata }) => metadata.id === arrived.metadata.id);
    const { rawLocation, ...metadata } = arrived.metadata;
    if (rawLocation === undefined) {
      expect(arrived).toEqual(original);
      continue;
    }
    expect(arrived.raw).toBe('{}');
    expect(bucket.get(String(rawLocation))).toBe(original?.raw);
    expect(original?.metadata).toMatchObject(metadata);
    expect(metadata).toMatchObject({
      instance: 'acme',
      stream: 'sightings',
      id: `acme/sightings/${metadata.recordId}`,
    });
  }
}

describe('delivering', () => {
  it('brings every artifact to the queue or throws UndeliveredError, and none twice unless the queue was silent', async () => {
    const kinds = fc.constantFrom(
      'plain',
      'plain',
      'plain',
      'large',
      'huge',
      'bad record',
      'bad metadata',
      'bad id',
    );
    const answers = fc.array(
      fc.oneof(
        { weight: 8, arbitrary: fc.constant<Answer>('taken') },
        { weight: 3, arbitrary: fc.constant<Answer>('later') },
        { weight: 1, arbitrary: fc.constantFrom<Answer>('never', 'unreachable', 'taken, but unreachable') },
      ),
      { maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(kinds, { maxLength: 30 }),
        answers,
        fc.boolean(),
        async (given, script, isDown) => {
          const artifacts = given.map((kind, i) => {
            const raw =
              kind === 'huge'
                ? 'x'.repeat(mebibyte)
                : kind === 'large'
                  ? 'x'.repeat(3000)
                  : `{"kind":"${kind}"}`;
            const id = kind === 'bad id' ? `bad-id-${i}` : `${i}`;
            return labelled(id, kind, raw);
          });
          let silent = false;
          const { run, accepted, bucket } = sinks((message, nth) => {
            const isBad = message.some(
              ({ raw, metadata }) =>
                raw.includes('bad record') ||
                String(metadata.userName).includes('bad metadata') ||
                String(metadata.recordId).startsWith('bad-id'),
            );
            const told = isBad ? 'never' : (script[nth] ?? 'taken');
            silent ||= told === 'taken, but unreachable';
            return told;
          }, isDown);
          let error: unknown;
          await run(artifacts).catch((thrown: unknown) => {
            error = thrown;
          });
          const arrived = idsOf(accepted);
          if (error === undefined) expect(new Set(arrived)).toEqual(new Set(idsOf(artifacts)));
          else expect(error).toBeInstanceOf(UndeliveredError);
          if (given.includes('bad id') || (isDown && given.includes('huge'))) expect(error).toBeDefined();
          if (!silent) expect(new Set(arrived).size).toBe(arrived.length);
          expectFaithful(artifacts, accepted, bucket);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('sends nothing where there is nothing', async () => {
    const { run, requests } = sinks();
    await run([]);
    expect(requests).toEqual([]);
  });

  it('sends in few messages and batches', async () => {
    const { run, requests } = sinks();
    await run(
      Array.from({ length: 1000 }, (_, i) => artifact(`${i}`)),
      250 * 1024,
    );
    expect(requests).toHaveLength(1);
    expect(requests.flat(2)).toHaveLength(1000);
  });

  it('sends at most four batches side by side', async () => {
    const { run, seen, requests } = sinks();
    await run(
      Array.from({ length: 100 }, (_, i) => artifact(`${i}`)),
      1,
    );
    expect(requests).toHaveLength(10);
    expect(seen.mostAtOnce).toBe(4);
  });

  it('sends again only what was refused for a passing reason', async () => {
    const refused = [1, 3, 4];
    const { run, requests, accepted, clock } = sinks((_, nth) => (refused.includes(nth) ? 'later' : 'taken'));
    await run(
      ['a', 'b', 'c', 'd'].map((id) => artifact(id)),
      1,
    );
    expect(requests).toEqual([[['a'], ['b'], ['c'], ['d']], [['b'], ['d']], [['b']]]);
    expect(idsOf(accepted)).toEqual(['a', 'c', 'd', 'b']);
    expect(clock.slept).toEqual([100, 200]);
  });

  it('sends all again of a request that was not answered', async () => {
    const { run, requests } = sinks((_, nth) => (nth === 0 ? 'unreachable' : 'taken'));
    await run(
      ['a', 'b'].map((id) => artifact(id)),
      1,
    );
    expect(requests).toEqual([
      [['a'], ['b']],
      [['a'], ['b']],
    ]);
  });

  it('sends one by one what was refused for good, and the record at fault to the bucket', async () => {
    const { run, requests, accepted, bucket } = sinks((message) =>
      message.some(({ raw }) => raw.includes('\\ud800')) ? 'never' : 'taken',
    );
    const artifacts = ['a', 'b', 'c'].map((id) =>
      labelled(id, 'ann', id === 'b' ? '{"name":"\\ud800"}' : '{}'),
    );
    await run(artifacts, 250 * 1024);
    expect(requests).toEqual([[['a', 'b', 'c']], [['a'], ['b'], ['c']], [['b']]]);
    expect(accepted).toHaveLength(3);
    expectFaithful(artifacts, accepted, bucket);
    expect(bucket.size).toBe(1);
    const location = `s3://bucket/acme/sightings/${sha256('{"name":"\\ud800"}')}.json`;
    expect(accepted.find(({ metadata }) => metadata.recordId === 'b')?.metadata).toMatchObject({
      rawLocation: location,
      userName: 'ann',
    });
  });

  it('leaves out all but who it is where even the metadata is refused', async () => {
    const { run, accepted, bucket } = sinks((message) =>
      message.some(({ metadata }) => 'userName' in metadata) ? 'never' : 'taken',
    );
    await run([labelled('a', 'ann', '{"x":1}')]);
    expect(accepted).toEqual([
      {
        source: 'sentinelone',
        raw: '{}',
        metadata: { ...key, id: 'acme/sightings/a', recordId: 'a', rawLocation: [...bucket.keys()][0] },
      },
    ]);
    expect([...bucket.values()]).toEqual(['{"x":1}']);
  });

  it('says which artifact is refused even without its record', async () => {
    const { run, accepted } = sinks((message) => (idsOf(message).includes('b') ? 'never' : 'taken'));
    await expect(
      run(
        ['a', 'b', 'c'].map((id) => artifact(id)),
        250 * 1024,
      ),
    ).rejects.toThrow(/refuses acme\/sightings\/b /);
    expect(idsOf(accepted)).not.toContain('b');
  });

  it('puts a record too large for a message into the bucket, and says where', async () => {
    const large = artifact('large', `{"x":"${'é'.repeat(mebibyte / 2)}"}`);
    const { run, requests, accepted, bucket } = sinks();
    await run([artifact('a'), large, artifact('b')], 250 * 1024);
    expect(requests).toEqual([[['a', 'b']], [['large']]]);
    expectFaithful([artifact('a'), large, artifact('b')], accepted, bucket);
    expect([...bucket]).toEqual([[`s3://bucket/acme/sightings/${sha256(large.raw)}.json`, large.raw]]);
  });

  it('gives a record larger than the messages a message to itself', async () => {
    const { run, requests, bucket } = sinks();
    await run([artifact('a'), artifact('large', 'x'.repeat(900_000)), artifact('b')], 250 * 1024);
    expect(requests.flat()).toEqual([['a'], ['large'], ['b']]);
    expect(bucket.size).toBe(0);
  });

  it('leaves out metadata that is too large for a message by itself', async () => {
    const plain = artifact('a', '{"x":1}');
    const tags = Array<string>(300).fill('x'.repeat(4096));
    const { run, accepted, bucket } = sinks();
    await run([{ ...plain, metadata: { ...plain.metadata, tags } }], 250 * 1024);
    expect(idsOf(accepted)).toEqual(['a']);
    expect([...bucket.values()]).toEqual(['{"x":1}']);
  });

  it('delivers again to the same place', async () => {
    const { run, bucket } = sinks();
    for (let i = 0; i < 2; i++) await run([artifact('a', 'x'.repeat(mebibyte))]);
    expect(bucket.size).toBe(1);
  });

  it.each<[what: string, answer: Answer]>([
    ['refuses', 'later'],
    ['is not there', 'unreachable'],
  ])('gives up after six tries with a queue that %s', async (_, answer) => {
    const { run, requests, clock } = sinks(() => answer);
    await expect(run([artifact('a')])).rejects.toBeInstanceOf(UndeliveredError);
    expect(requests).toHaveLength(6);
    expect(clock.slept).toEqual([100, 200, 400, 800, 1600]);
  });

  it('gives up where no time is left to wait', async () => {
    const { run, requests } = sinks(() => 'later');
    await expect(run([artifact('a')], 1024, 250)).rejects.toBeInstanceOf(UndeliveredError);
    expect(requests).toHaveLength(2);
  });

  it('says why, where the bucket does not take a record', async () => {
    const { run, requests } = sinks(() => 'taken', true);
    const run1 = run([artifact('a', 'x'.repeat(mebibyte))]);
    await expect(run1).rejects.toBeInstanceOf(UndeliveredError);
    await expect(run1).rejects.toThrow(/overflow bucket does not take a.*AccessDenied/);
    expect(requests).toEqual([]);
  });

  it('waits for what is under way before it throws', async () => {
    const { run, seen } = sinks((message) => (idsOf(message).includes('0') ? 'unreachable' : 'taken'));
    await expect(
      run(
        Array.from({ length: 40 }, (_, i) => artifact(`${i}`)),
        1,
      ),
    ).rejects.toBeInstanceOf(UndeliveredError);
    const before = seen.requests.length;
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen.requests.length).toBe(before);
  });
});
