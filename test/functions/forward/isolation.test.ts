import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { UnreachableError } from '../../../functions/errors.ts';
import { PermissionRefusedError, UnreadableReplyError } from '../../../functions/forward/errors.ts';
import { artifact, forwardScene, idOf, message } from '../../fixtures/forward-setup.ts';

const several = (count: number, receives = 1) =>
  Array.from({ length: count }, (_, i) => message([artifact(`n${i}`)], receives));
const names = (count: number) => Array.from({ length: count }, (_, i) => idOf(`n${i}`));

/** An Analytics that answers a request with this artifact in another way than its API documents. */
function failingOn(name: string, fail: () => Promise<never>) {
  const scene = forwardScene();
  const ingest = scene.analytics.ingest.bind(scene.analytics);
  const requests: { readonly at: number; readonly has: boolean }[] = [];
  scene.analytics.ingest = async (token, body) => {
    const has = body.toString().includes(idOf(name));
    requests.push({ at: scene.clock.now(), has });
    return has ? fail() : ingest(token, body);
  };
  return { ...scene, requests };
}

describe('a message that Analytics fails on', () => {
  test.each([
    ['502', () => new UnreachableError('502: bad gateway', 'Wait.')],
    ['a connection that is cut', () => new UnreachableError('cut', 'Wait.')],
    ["a firewall's 403", () => new PermissionRefusedError('403', 'signals:write')],
    ["a firewall's page", () => new UnreadableReplyError('HTML')],
  ])('delays no other of its request, and the error names it: %s', async (_, error) => {
    const { run, analytics } = failingOn('poison', () => Promise.reject(error()));
    const poison = message([artifact('poison'), artifact('neighbour')]);
    const { toRetry, outcome } = await run([...several(3), poison, ...several(6).slice(3)]);
    expect(toRetry).toEqual([poison]);
    expect([...analytics.times()]).toEqual(names(6).map((id) => [id, 1]));
    expect(outcome).toMatchObject({ accepted: 6, failed: 1, deadLettered: [] });
    expect(outcome.error).toMatchObject({
      name: 'BlockedMessageError',
      remedy: expect.stringContaining('firewall'),
    });
    expect(outcome.error?.message).toContain(idOf('poison'));
  });

  test('that makes it hang is posted last and once, after it was received often', async () => {
    const { run, analytics, requests, clock } = failingOn('poison', async () => {
      await clock.sleep(30_000);
      throw new UnreachableError('too slow', 'Wait.');
    });
    const poison = message([artifact('poison')], 5);
    const { toRetry } = await run([poison, ...several(2, 4), message([artifact('new')])]);
    expect(toRetry).toEqual([poison]);
    expect([...analytics.times().keys()]).toEqual([idOf('new'), ...names(2)]);
    expect(requests.map(({ has }) => has)).toEqual([false, false, false, true]);
  });

  test('and is too large for one request has what was accepted of it posted once, however often it comes back', async () => {
    const { run, analytics, requests } = failingOn('poison', () =>
      Promise.reject(new UnreachableError('502', 'Wait.')),
    );
    const many = Array.from({ length: 120 }, (_, i) => artifact(i === 60 ? 'poison' : `n${i}`));
    for (const receives of [4, 5, 6]) {
      const poison = message(many, receives);
      expect((await run([poison], { accepted: undefined })).toRetry).toEqual([poison]);
    }
    expect([...analytics.times().values()]).toEqual(Array.from({ length: 70 }, () => 1));
    expect(requests.filter(({ has }) => has)).toHaveLength(3);
  });

  test('whose artifact is in another message too is done with when that is accepted', async () => {
    const { run } = failingOn('poison', () => Promise.reject(new UnreachableError('502', 'Wait.')));
    const poison = message([artifact('poison')]);
    const [first, second] = [message([artifact('a')]), message([artifact('a')])];
    const { toRetry } = await run([first, poison, second]);
    expect(toRetry).toEqual([poison]);
  });
});

describe('an Analytics that is down', () => {
  test.each([1, 4])(
    'is asked a few times more, whatever is in the queue: received %i times',
    async (receives) => {
      const { run, requests, analytics } = failingOn('n', () => Promise.reject(new Error('never')));
      analytics.ingest = async () => {
        requests.push({ at: 0, has: false });
        throw new UnreachableError('503', 'Wait.');
      };
      const { toRetry, outcome, tookMs } = await run(several(100, receives));
      expect(toRetry).toHaveLength(100);
      expect(outcome).toMatchObject({ state: 'unreachable', error: { message: '503' } });
      expect(requests.length).toBeLessThanOrEqual(12);
      expect(tookMs).toBeLessThan(45_000);
    },
  );

  test.each([
    ['that says when to come back', new UnreachableError('503', 'Wait.', 300_000)],
    ['that has no address', new UnreachableError('no address', 'Look.', undefined, 'dns')],
  ])('%s is not asked for each message', async (_, error) => {
    const { run, requests, analytics } = failingOn('n', () => Promise.reject(error));
    analytics.ingest = async () => {
      requests.push({ at: 0, has: false });
      throw error;
    };
    const { outcome } = await run(several(20, 4));
    expect(outcome.state).toBe('unreachable');
    expect(requests).toHaveLength(1);
  });

  test('in the middle of a run ends it after ten failures in a row', async () => {
    const { run, analytics } = forwardScene();
    let requests = 0;
    const ingest = analytics.ingest.bind(analytics);
    analytics.ingest = async (token, body) => {
      requests += 1;
      if (requests > 1) throw new UnreachableError('503', 'Wait.');
      return ingest(token, body);
    };
    const { toRetry, outcome } = await run(several(30, 4));
    expect(toRetry).toHaveLength(29);
    expect(requests).toBe(11);
    expect(outcome).toMatchObject({ state: 'unreachable', accepted: 1 });
  });
});

describe('a record in the bucket', () => {
  const pointing = (location: string) =>
    message([{ ...artifact('a', { rawLocation: location }), raw: '{}' }]);
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const rawOf = ({ analytics }: ReturnType<typeof forwardScene>) => analytics.archive.map(({ raw }) => raw);

  test('of more than 8 MiB is posted as its pointer, with a warning', async () => {
    const scene = forwardScene();
    const limits: number[] = [];
    const get = async (_: string, maxBytes: number) => {
      limits.push(maxBytes);
      return 'too large' as const;
    };
    const { toRetry, outcome } = await scene.run([pointing('s3://overflow/a.json')], { overflow: { get } });
    expect(limits).toEqual([8 * 1024 * 1024]);
    expect([toRetry, rawOf(scene)]).toEqual([[], ['{}']]);
    expect(outcome.warnings).toEqual([expect.stringMatching(/posted without its record, .*8 MiB/)]);
  });

  test('that is twice as large in a request is posted as its pointer, with a warning', async () => {
    const scene = forwardScene();
    scene.overflow.objects.set('s3://overflow/a.json', '"'.repeat(8 * 1024 * 1024));
    const { toRetry, outcome } = await scene.run([pointing('s3://overflow/a.json')]);
    expect([toRetry, rawOf(scene)]).toEqual([[], ['{}']]);
    expect(outcome.warnings).toEqual([expect.stringMatching(/the request would be too large/)]);
  });

  test('is posted whole where its name is its SHA-256, and as its pointer where it was changed', async () => {
    for (const [stored, raw] of [
      ['{"a":1}', '{"a":1}'],
      ['{"a":2}', '{}'],
    ]) {
      const scene = forwardScene();
      const location = `s3://overflow/acme/threats/${sha256('{"a":1}')}.json`;
      scene.overflow.objects.set(location, stored as string);
      const { outcome } = await scene.run([pointing(location)]);
      expect(rawOf(scene)).toEqual([raw]);
      expect(outcome.warnings).toEqual(raw === '{}' ? [expect.stringMatching(/SHA-256/)] : []);
    }
  });

  test('that is not UTF-8 is posted as its pointer, with a warning', async () => {
    const scene = forwardScene();
    const get = async () => Buffer.from([0x22, 0xe9, 0x22]);
    const { outcome } = await scene.run([pointing('s3://overflow/a.json')], { overflow: { get } });
    expect(rawOf(scene)).toEqual(['{}']);
    expect(outcome.warnings).toEqual([expect.stringMatching(/not UTF-8/)]);
  });
});
