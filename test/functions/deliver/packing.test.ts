import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Artifact, ArtifactJson } from '../../../functions/deliver/artifact.ts';
import { type Message, packBatches, packMessages } from '../../../functions/deliver/packing.ts';
import { artifact, strange } from '../../fixtures/given.ts';
import { bodyOf, readArtifact, writtenArtifact } from '../../support/artifacts.ts';

const mebibyte = 1024 * 1024;

/** As SQS counts: the body, and each attribute's name, type and value. */
function sqsBytes(message: Message): number {
  const attributes = [
    ['instance', 'String', 'x'.repeat(64)],
    ['stream', 'String', 'x'.repeat(32)],
    ['count', 'Number', String(message.artifacts.length)],
  ];
  return Buffer.byteLength(bodyOf(message)) + attributes.flat().join('').length;
}

/** As the SQS documentation has it. */
const allowed = /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]*$/u;

const letters = fc.constantFrom(
  'a',
  '"',
  '\\',
  'é',
  '€',
  '😀',
  '\u0001',
  '\uFFFE',
  '\uFFFF',
  '\uD800',
  '\uDC00',
);

function sized(most: number): fc.Arbitrary<ArtifactJson[]> {
  const raw = fc
    .tuple(letters, fc.oneof(fc.nat(50), fc.nat(most)))
    .map(([letter, length]) => letter.repeat(length));
  return fc
    .array(raw, { maxLength: 40 })
    .map((raws) => raws.map((text, i) => writtenArtifact(artifact(`${i}`, text))));
}

const idsOf = (messages: readonly Message[]) =>
  messages.flatMap(({ artifacts }) => artifacts.map((one) => readArtifact(one).metadata.id));

/** The JSON of the only artifact of a message. */
function packedAlone(given: Artifact): { readonly json: string; readonly bytes: number } {
  const [message] = packMessages([writtenArtifact(given)], mebibyte, []);
  if (message === undefined) throw new Error('it is too large');
  const envelope = '{"artifacts":[]}'.length;
  return {
    json: bodyOf(message).slice('{"artifacts":['.length, -']}'.length),
    bytes: message.body.bytes - envelope,
  };
}

describe('an artifact in a message', () => {
  it('is read back as it was, of characters that SQS takes, and counts its bytes', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
      fc.array(letters).map((all) => all.join('').toWellFormed()),
      strange.map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(anything, anything, (raw, label) => {
        const given: Artifact = { source: 'sentinelone', raw, metadata: { id: label, tags: [label, raw] } };
        const { json, bytes } = packedAlone(given);
        expect(JSON.parse(json)).toStrictEqual(given);
        expect(json).toMatch(allowed);
        expect(json).not.toMatch(/[\uFFFE\uFFFF]/);
        expect(bytes).toBe(Buffer.from(json, 'utf8').length);
      }),
      { numRuns: 500 },
    );
  });

  it('holds the bytes of its record, whatever they are in a text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = Buffer.from(bytes).toString();
        const given: Artifact = { source: 'sentinelone', raw: text, metadata: {} };
        expect(JSON.parse(packedAlone(given).json).raw).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it('is not packed where its escapes are longer than any buffer', () => {
    const large = writtenArtifact(artifact('large', '\u0001'.repeat(900 * 1024)));
    const small = writtenArtifact(artifact('small', '{}'));
    const tooLarge: ArtifactJson[] = [];
    const messages = [...packMessages([small, large, small], 250 * 1024, tooLarge)];
    expect(tooLarge).toEqual([large]);
    expect(messages.map(({ artifacts }) => artifacts)).toEqual([[small, small]]);
  });

  it('fits if and only if SQS takes it in a message to itself, with little to spare', () => {
    const around = Array.from({ length: 80 }, (_, i) => mebibyte - 700 + i * 10);
    const room: number[] = [];
    for (const length of around) {
      const written = writtenArtifact(artifact('1', 'a'.repeat(length - 200)));
      const tooLarge: ArtifactJson[] = [];
      const [message, ...others] = packMessages([written], 250 * 1024, tooLarge);
      expect(others).toHaveLength(0);
      expect(tooLarge).toEqual(message === undefined ? [written] : []);
      if (message !== undefined) room.push(mebibyte - sqsBytes(message));
    }
    expect(Math.min(...room)).toBeGreaterThanOrEqual(0);
    expect(Math.min(...room)).toBeLessThan(400);
    expect(room.length).toBeLessThan(around.length);
  });

  it.each(['"', '\\', '\u0001', '€'])('too large for SQS costs its neighbours nothing, of %j', (unit) => {
    const large = writtenArtifact(artifact('large', unit.repeat(mebibyte / Buffer.byteLength(unit))));
    const [first, last] = [artifact('1'), artifact('2')].map(writtenArtifact);
    if (first === undefined || last === undefined) throw new Error('there are two');
    const tooLarge: ArtifactJson[] = [];
    const messages = [...packMessages([first, large, last], 250 * 1024, tooLarge)];
    expect(tooLarge).toEqual([large]);
    expect(messages.map(bodyOf)).toEqual([...packMessages([first, last], 250 * 1024, [])].map(bodyOf));
  });
});

describe('packing', () => {
  it('puts all artifacts into messages in order, none over the limit unless it holds one alone', () => {
    fc.assert(
      fc.property(sized(30_000), fc.integer({ min: 1024, max: 64 * 1024 }), (artifacts, messageBytes) => {
        const messages = [...packMessages(artifacts, messageBytes, [])];
        expect(idsOf(messages)).toEqual(artifacts.map((one) => readArtifact(one).metadata.id));
        messages.forEach((message, i) => {
          const body = bodyOf(message);
          expect(message.artifacts.length).toBeGreaterThan(0);
          if (message.artifacts.length > 1) expect(sqsBytes(message)).toBeLessThanOrEqual(messageBytes);
          expect(message.bytes).toBeGreaterThanOrEqual(sqsBytes(message));
          expect(allowed.test(body)).toBe(true);
          expect(JSON.parse(body)).toStrictEqual({ artifacts: message.artifacts.map(readArtifact) });
          const next = messages[i + 1]?.artifacts[0];
          if (next === undefined) return;
          const { bytes } = packedAlone(readArtifact(next));
          expect(message.bytes + bytes + 1).toBeGreaterThan(messageBytes);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('puts all messages into batches in order, of at most 10 and 1 MiB as SQS counts', () => {
    fc.assert(
      fc.property(
        fc.oneof(sized(60), sized(120_000), sized(mebibyte / 8)),
        fc.constantFrom(1024, 250 * 1024, 1000 * 1024),
        (artifacts, messageBytes) => {
          const messages = [...packMessages(artifacts, messageBytes, [])];
          const batches = [...packBatches(messages)];
          expect(batches.flat()).toEqual(messages);
          for (const batch of batches) {
            expect(batch.length).toBeGreaterThan(0);
            expect(batch.length).toBeLessThanOrEqual(10);
            expect(batch.reduce((sum, message) => sum + sqsBytes(message), 0)).toBeLessThanOrEqual(mebibyte);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('makes no message and no batch of nothing', () => {
    expect([...packMessages([], 1024, [])]).toEqual([]);
    expect([...packBatches([])]).toEqual([]);
  });

  it('prints the body of an ingest request', () => {
    const [message] = packMessages(
      [artifact('1', '{"a":1}'), artifact('2')].map(writtenArtifact),
      250 * 1024,
      [],
    );
    expect(message && JSON.parse(bodyOf(message))).toEqual({
      artifacts: [artifact('1', '{"a":1}'), artifact('2')],
    });
  });

  it('fills a batch with ten small messages', () => {
    const packed = Array.from({ length: 23 }, (_, i) => writtenArtifact(artifact(`${i}`)));
    expect([...packBatches(packMessages(packed, 1, []))].map((batch) => batch.length)).toEqual([10, 10, 3]);
  });
});

describe('the size of a message', () => {
  it('is no less than its body and 256 bytes for its attributes, however many artifacts it holds', () => {
    for (const count of [1, 2, 3, 100]) {
      const artifacts = Array.from({ length: count }, (_, i) => writtenArtifact(artifact(`a${i}`)));
      const [message, ...others] = packMessages(artifacts, 1_000_000, []);
      if (message === undefined) throw new Error('nothing was packed');
      expect(others).toEqual([]);
      expect(message.bytes).toBeGreaterThanOrEqual(Buffer.byteLength(bodyOf(message)) + 256);
      expect(message.bytes).toBeLessThan(Buffer.byteLength(bodyOf(message)) + 300);
    }
  });
});
