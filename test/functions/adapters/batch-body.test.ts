import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withBatchBody } from '../../../functions/adapters/batch-body.ts';
import { type Message, packBatches, packMessages } from '../../../functions/deliver/packing.ts';
import { bodyOf, writtenArtifact } from '../../support/artifacts.ts';

const url = 'https://sqs.us-east-1.amazonaws.com/000000000000/artifacts';
const mib = 1024 * 1024;

const messagesOf = (raws: readonly string[], bytes = mib): Message[] => [
  ...packMessages(
    raws.map((raw) => writtenArtifact({ source: 'sentinelone', raw, metadata: { id: 'a/threats/1' } })),
    bytes,
    [],
  ),
];
const entriesOf = (batch: readonly Message[]) => batch.map((_, i) => ({ Id: String(i), note: '"\\ä' }));
const expected = (batch: readonly Message[]) => ({
  QueueUrl: url,
  Entries: entriesOf(batch).map((entry, i) => ({ ...entry, MessageBody: bodyOf(batch[i] as Message) })),
});
const printed = (batch: readonly Message[], during = async () => {}) =>
  withBatchBody(url, entriesOf(batch), batch, async (body) => {
    await during();
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  });

describe('the body of a batch', () => {
  it('is what JSON.stringify would make of it, whatever the texts', async () => {
    const texts = fc.array(fc.string({ unit: 'binary', maxLength: 300 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(texts, async (raws) => {
        const batch = messagesOf(raws, 2000).slice(0, 10);
        expect(await printed(batch)).toEqual(expected(batch));
      }),
    );
  });

  it.each([
    ['quotes', '"'],
    ['backslashes', '\\'],
    ['control characters', '\u0001'],
    ['letters of three bytes', '€'],
    ['pairs of surrogates', '😀'],
    ['plain letters', 'x'],
  ])('has room for a batch as full as one may be, of %s', async (_, unit) => {
    const width = Buffer.byteLength(JSON.stringify(unit)) - 2;
    const raws = [1, 4].map((parts) => unit.repeat(Math.floor((mib - 4000) / width / parts)));
    for (const raw of raws) {
      const batch = packBatches(messagesOf([raw, raw, raw, raw], 250 * 1024)).next().value ?? [];
      expect(batch.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThan(0.7 * mib);
      expect(await printed(batch)).toEqual(expected(batch));
    }
  });

  it('stays as it is while others are printed', async () => {
    const [one, two] = [messagesOf(['1'.repeat(1000)]), messagesOf(['2'.repeat(50)])];
    const both = await Promise.all([printed(one, async () => void (await printed(two))), printed(two)]);
    expect(both).toEqual([expected(one), expected(two)]);
  });

  it('leaves its place to the next one also after an error', async () => {
    const batch = messagesOf(['1']);
    const failing = printed(batch, () => Promise.reject(new Error('throttled')));
    await expect(failing).rejects.toThrow('throttled');
    expect(await printed(batch)).toEqual(expected(batch));
  });
});
