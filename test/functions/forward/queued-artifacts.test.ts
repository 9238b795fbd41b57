import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { messagesOf, unpack } from '../../../functions/forward/queued-artifacts.ts';
import { artifact, idOf, message } from '../../fixtures/forward-setup.ts';

const noFlaw = () => undefined;
const flawed = () => 'it is wrong';
const flawedIfEmpty = (one: unknown) => (Object.keys(one as object).length > 0 ? undefined : 'it is empty');

describe('taking messages apart', () => {
  test('each artifact is an item, with a body of its own that a message could have', () => {
    const received = message([artifact('a'), artifact('b')]);
    const { valid } = unpack([received], noFlaw);
    expect(valid.map(({ id }) => id)).toEqual(['a', 'b'].map(idOf));
    expect(valid.map(({ body }) => JSON.parse(body()))).toEqual([
      { artifacts: [artifact('a')] },
      { artifacts: [artifact('b')] },
    ]);
  });

  test('records come through as they are: any text, also what JSON escapes and SQS refuses', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (raw) => {
        const [item] = unpack([message([{ ...artifact('a'), raw }])], noFlaw).valid;
        expect(item?.packed.artifact.raw).toBe(raw);
        expect(JSON.parse(item?.body() ?? '')).toEqual({ artifacts: [{ ...artifact('a'), raw }] });
        expect(item?.body()).not.toMatch(/[\uFFFE\uFFFF]/);
      }),
    );
  });

  test('an id that several messages have is one item, and all of them wait for it', () => {
    const [first, second] = [message([artifact('a')]), message([artifact('a')])];
    const { valid } = unpack([first, second], noFlaw);
    expect(valid).toHaveLength(1);
    expect(messagesOf(valid)).toEqual(new Set([first, second]));
  });

  test('what breaks the schema is refused by itself, even under the id of one that does not', () => {
    const received = message([artifact('a'), { ...artifact('a'), bad: true }]);
    const { valid, flawed } = unpack([received], (one) =>
      (one as { bad?: true }).bad ? 'it is bad' : undefined,
    );
    expect(valid.map(({ id }) => id)).toEqual([idOf('a')]);
    expect(flawed).toMatchObject([{ item: { id: idOf('a') }, reason: 'it breaks the schema: it is bad' }]);
  });

  test('without an id of its own, what is refused goes by its message', () => {
    const received = message([{ metadata: { id: 7 } }, null, 'text', []]);
    expect(unpack([received], flawed).flawed.map(({ item }) => item.id)).toEqual(Array(4).fill(received.id));
  });

  test('what is refused is kept as it came where it is alone in its message', () => {
    const body = '{ "artifacts": [{"n": 12345678901234567890, "__proto__": {"id": "x"}}] }';
    const [only] = unpack([message(body)], flawed).flawed;
    expect(only?.item.body()).toBe(body);
  });

  test('what nests too deeply to be printed takes its whole message along, and stops no other', () => {
    const deep = `{"metadata":${'['.repeat(150_000)}${']'.repeat(150_000)}}`;
    const body = `{"artifacts":[${deep},${JSON.stringify(artifact('a'))}]}`;
    const { valid, flawed } = unpack([message(body)], (one) =>
      'raw' in (one as object) ? undefined : 'no raw',
    );
    expect(valid.map(({ id }) => id)).toEqual([idOf('a')]);
    expect(flawed.map(({ item }) => item.body())).toEqual([body]);
  });

  test.each(['', 'not JSON', 'null', '7', '"text"', '[]', '{}', '{"artifacts":{}}', '{"artifacts":null}'])(
    'the body %j is refused whole',
    (body) => {
      const received = message(body);
      expect(unpack([received], noFlaw)).toMatchObject({
        valid: [],
        flawed: [{ item: { id: received.id, packed: undefined, messages: [received] } }],
      });
    },
  );

  test('a message without artifacts is done with', () => {
    expect(unpack([message([])], noFlaw)).toEqual({ valid: [], flawed: [] });
  });

  test.each([
    ['brackets', `{"artifacts":[${'['.repeat(500_000)}${']'.repeat(500_000)}]}`],
    ['empty objects', `{"artifacts":[${'{},'.repeat(300_000)}{}]}`],
    ['commas after a text that ends in a backslash', `{"artifacts":["\\\\"${',1'.repeat(400_000)}]}`],
  ])('a message of 1 MiB of %s is refused without being parsed', (_, body) => {
    const { valid, flawed } = unpack([message(body), message([artifact('a')])], noFlaw);
    expect(valid.map(({ id }) => id)).toEqual([idOf('a')]);
    expect(flawed).toMatchObject([{ reason: 'the message has more than 200000 values' }]);
    expect(flawed[0]?.item.body() === body).toBe(true);
  });

  test('brackets and commas in a record do not count', () => {
    const raw = `${'[{,"\\'.repeat(100_000)}`;
    expect(unpack([message([{ ...artifact('a'), raw }])], noFlaw).valid).toHaveLength(1);
  });

  test('more artifacts than a message has room for are refused with their message, as one', () => {
    const body = `{"artifacts":[${'{},'.repeat(60_000)}{}]}`;
    const { valid, flawed } = unpack([message(body), message([artifact('a')])], flawedIfEmpty);
    expect(valid.map(({ id }) => id)).toEqual([idOf('a')]);
    expect(flawed.map(({ item }) => item.body() === body)).toEqual([true]);
    const smallest = JSON.stringify({
      source: 'sentinelone',
      raw: '',
      metadata: { id: 'i', instance: 'a', stream: 's', recordId: 'r' },
    });
    expect((1024 * 1024) / (smallest.length + 1)).toBeLessThan(12_000);
  });

  test('a message of which more than ten artifacts break the schema is refused as one', () => {
    const bodies = [10, 11].map((count) => message([artifact('a'), ...Array(count).fill({})]));
    const refused = bodies.map((one) => unpack([one], flawedIfEmpty));
    expect(refused.map(({ valid, flawed }) => [valid.length, flawed.length])).toEqual([
      [1, 10],
      [0, 1],
    ]);
    expect(refused[1]?.flawed).toMatchObject([
      { item: { id: bodies[1]?.id }, reason: '11 of its 12 artifacts break the schema: it is empty' },
    ]);
    expect(refused[1]?.flawed[0]?.item.body()).toBe(bodies[1]?.body);
  });

  test('names that objects have by themselves are ids and fields like any other', () => {
    const odd = JSON.parse(
      '{"source":"sentinelone","raw":"{}","metadata":{"id":"__proto__","constructor":"x","__proto__":"y"}}',
    );
    const [item, other] = unpack([message([odd, artifact('toString')])], noFlaw).valid;
    expect(item?.id).toBe('__proto__');
    expect(item?.body()).toContain('"constructor":"x","__proto__":"y"');
    expect(other?.id).toBe(idOf('toString'));
  });
});
