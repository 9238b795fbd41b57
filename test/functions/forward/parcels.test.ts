import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unpack, unsettled } from '../../../functions/forward/parcels.ts';
import { artifact, idOf, message } from '../../fixtures/forward-scene.ts';

const noFlaw = () => undefined;
const flawed = () => 'it is wrong';

describe('taking messages apart', () => {
  test('each artifact is a parcel, with a body of its own that a message could have', () => {
    const received = message([artifact('a'), artifact('b')]);
    const parcels = unpack([received], noFlaw);
    expect(parcels.map(({ id }) => id)).toEqual(['a', 'b'].map(idOf));
    expect(parcels.map(({ body }) => JSON.parse(body()))).toEqual([
      { artifacts: [artifact('a')] },
      { artifacts: [artifact('b')] },
    ]);
  });

  test('records come through as they are: any text, also what JSON escapes and SQS refuses', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (raw) => {
        const [parcel] = unpack([message([{ ...artifact('a'), raw }])], noFlaw);
        expect(parcel?.packed?.artifact.raw).toBe(raw);
        expect(JSON.parse(parcel?.body() ?? '')).toEqual({ artifacts: [{ ...artifact('a'), raw }] });
        expect(parcel?.body()).not.toMatch(/[\uFFFE\uFFFF]/);
      }),
    );
  });

  test('an id that several messages have is one parcel, and all of them wait for it', () => {
    const [first, second] = [message([artifact('a')]), message([artifact('a')])];
    const parcels = unpack([first, second], noFlaw);
    expect(parcels).toHaveLength(1);
    expect(unsettled(parcels)).toEqual(new Set([first, second]));
  });

  test('what breaks the schema is refused by itself, even under the id of one that does not', () => {
    const received = message([artifact('a'), { ...artifact('a'), bad: true }]);
    const parcels = unpack([received], (one) => ((one as { bad?: true }).bad ? 'it is bad' : undefined));
    expect(parcels.map(({ fate, reason }) => [fate, reason])).toEqual([
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
    const [parcel] = unpack([message(body)], flawed);
    expect(parcel?.body()).toBe(body);
  });

  test('what nests too deeply to be printed takes its whole message along, and stops no other', () => {
    const deep = `{"metadata":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    const body = `{"artifacts":[${deep},${JSON.stringify(artifact('a'))}]}`;
    const parcels = unpack([message(body)], (one) => ('raw' in (one as object) ? undefined : 'no raw'));
    expect(parcels.map(({ fate }) => fate)).toEqual(['refused', 'open']);
    expect(parcels[0]?.body()).toBe(body);
  });

  test.each(['', 'not JSON', 'null', '7', '"text"', '[]', '{}', '{"artifacts":{}}', '{"artifacts":null}'])(
    'the body %j is refused whole',
    (body) => {
      const received = message(body);
      expect(unpack([received], noFlaw)).toMatchObject([
        { id: received.id, fate: 'refused', packed: undefined, messages: [received] },
      ]);
    },
  );

  test('a message without artifacts is done with', () => {
    expect(unsettled(unpack([message([])], noFlaw))).toEqual(new Set());
  });

  test('names that objects have by themselves are ids and fields like any other', () => {
    const odd = JSON.parse(
      '{"source":"sentinelone","raw":"{}","metadata":{"id":"__proto__","constructor":"x","__proto__":"y"}}',
    );
    const [parcel, other] = unpack([message([odd, artifact('toString')])], noFlaw);
    expect(parcel?.id).toBe('__proto__');
    expect(parcel?.body()).toContain('"constructor":"x","__proto__":"y"');
    expect(other?.id).toBe(idOf('toString'));
  });
});

test('a message comes back for what is open or refused, not for what is accepted, repeated or buried', () => {
  const names = ['open', 'accepted', 'repeat', 'refused', 'buried'] as const;
  const messages = names.map((name) => message([artifact(name)]));
  const parcels = unpack(messages, noFlaw);
  for (const [i, parcel] of parcels.entries()) parcel.fate = names[i] ?? 'open';
  expect(unsettled(parcels)).toEqual(new Set([messages[0], messages[3]]));
});
