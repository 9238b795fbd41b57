import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { messagesToRetry, unpack } from '../../../functions/forward/queued-artifacts.ts';
import { artifact, idOf, message } from '../../fixtures/forward-scene.ts';

const noFlaw = () => undefined;
const flawed = () => 'it is wrong';

describe('taking messages apart', () => {
  test('each artifact is an item, with a body of its own that a message could have', () => {
    const received = message([artifact('a'), artifact('b')]);
    const items = unpack([received], noFlaw);
    expect(items.map(({ id }) => id)).toEqual(['a', 'b'].map(idOf));
    expect(items.map(({ body }) => JSON.parse(body()))).toEqual([
      { artifacts: [artifact('a')] },
      { artifacts: [artifact('b')] },
    ]);
  });

  test('records come through as they are: any text, also what JSON escapes and SQS refuses', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (raw) => {
        const [item] = unpack([message([{ ...artifact('a'), raw }])], noFlaw);
        expect(item?.packed?.artifact.raw).toBe(raw);
        expect(JSON.parse(item?.body() ?? '')).toEqual({ artifacts: [{ ...artifact('a'), raw }] });
        expect(item?.body()).not.toMatch(/[\uFFFE\uFFFF]/);
      }),
    );
  });

  test('an id that several messages have is one item, and all of them wait for it', () => {
    const [first, second] = [message([artifact('a')]), message([artifact('a')])];
    const items = unpack([first, second], noFlaw);
    expect(items).toHaveLength(1);
    expect(messagesToRetry(items)).toEqual(new Set([first, second]));
  });

  test('what breaks the schema is refused by itself, even under the id of one that does not', () => {
    const received = message([artifact('a'), { ...artifact('a'), bad: true }]);
    const items = unpack([received], (one) => ((one as { bad?: true }).bad ? 'it is bad' : undefined));
    expect(items.map(({ status, reason }) => [status, reason])).toEqual([
      ['open', undefined],
      ['refused', 'it breaks the schema: it is bad'],
    ]);
  });

  test('without an id of its own, what is refused goes by its message', () => {
    const received = message([{ metadata: { id: 7 } }, null, 'text', []]);
    expect(unpack([received], flawed).map(({ id }) => id)).toEqual(Array(4).fill(received.id));
  });

  test('what is refused is kept as it came where it is alone in its message', () => {
    const body = '{ "artifacts": [{"n": 12345678901234567890, "__proto__": {"id": "x"}}] }';
    const [item] = unpack([message(body)], flawed);
    expect(item?.body()).toBe(body);
  });

  test('what nests too deeply to be printed takes its whole message along, and stops no other', () => {
    const deep = `{"metadata":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    const body = `{"artifacts":[${deep},${JSON.stringify(artifact('a'))}]}`;
    const items = unpack([message(body)], (one) => ('raw' in (one as object) ? undefined : 'no raw'));
    expect(items.map(({ status }) => status)).toEqual(['refused', 'open']);
    expect(items[0]?.body()).toBe(body);
  });

  test.each(['', 'not JSON', 'null', '7', '"text"', '[]', '{}', '{"artifacts":{}}', '{"artifacts":null}'])(
    'the body %j is refused whole',
    (body) => {
      const received = message(body);
      expect(unpack([received], noFlaw)).toMatchObject([
        { id: received.id, status: 'refused', packed: undefined, messages: [received] },
      ]);
    },
  );

  test('a message without artifacts is done with', () => {
    expect(messagesToRetry(unpack([message([])], noFlaw))).toEqual(new Set());
  });

  test('names that objects have by themselves are ids and fields like any other', () => {
    const odd = JSON.parse(
      '{"source":"sentinelone","raw":"{}","metadata":{"id":"__proto__","constructor":"x","__proto__":"y"}}',
    );
    const [item, other] = unpack([message([odd, artifact('toString')])], noFlaw);
    expect(item?.id).toBe('__proto__');
    expect(item?.body()).toContain('"constructor":"x","__proto__":"y"');
    expect(other?.id).toBe(idOf('toString'));
  });
});

test('a message comes back for what is open or refused, not for what is accepted, repeated or dead-lettered', () => {
  const names = ['open', 'accepted', 'repeat', 'refused', 'dead-lettered'] as const;
  const messages = names.map((name) => message([artifact(name)]));
  const items = unpack(messages, noFlaw);
  for (const [i, item] of items.entries()) item.status = names[i] ?? 'open';
  expect(messagesToRetry(items)).toEqual(new Set([messages[0], messages[3]]));
});
