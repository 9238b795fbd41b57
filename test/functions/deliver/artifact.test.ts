import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRecord } from '../../../functions/console/record.ts';
import { type ArtifactJson, artifactOf, bare, elsewhere } from '../../../functions/deliver/artifact.ts';
import { packMessages } from '../../../functions/deliver/packing.ts';
import { streams } from '../../../functions/streams/list.ts';
import type { Metadata, Stream } from '../../../functions/streams/stream.ts';
import { instance, strange, stream } from '../../fixtures/given.ts';
import { readArtifact } from '../../support/artifacts.ts';

function written(raw: string, of: Stream = stream): ArtifactJson {
  return artifactOf(readRecord({ bytes: Buffer.from(raw), values: 1 }, of), of, instance);
}

const ofRaw = (raw: string, of?: Stream) => readArtifact(written(raw, of));

const fits = (artifact: ArtifactJson) => [...packMessages([artifact], 250 * 1024, [])].length === 1;

const withMetadata = (metadata: Metadata): Stream => ({ ...stream, metadata: () => metadata });

describe('an artifact', () => {
  it('is made of any record, holds its bytes, and says who it is', () => {
    fc.assert(
      fc.property(strange, fc.constantFrom(stream, ...streams), (value, of) => {
        const raw = JSON.stringify(value, undefined, 1);
        const { version, recordId } = readRecord({ bytes: Buffer.from(raw), values: 1 }, of);
        const made = ofRaw(raw, of);
        expect(made.source).toBe('sentinelone');
        expect(made.raw).toBe(raw);
        expect(made.metadata).toMatchObject({
          id: `acme/${of.name}/${version}`,
          instance: 'acme',
          stream: of.name,
          recordId,
          connector: 'signal-client.sentinelone',
          senderHost: 'usea1-acme.sentinelone.net',
        });
        expect(JSON.parse(JSON.stringify(made))).toStrictEqual(made);
        if (made.timestamp !== undefined) expect(new Date(made.timestamp).getTime()).not.toBeNaN();
      }),
      { numRuns: 500 },
    );
  });

  it('has the same id each time the same version is read', () => {
    const raw = '{"id":"7","updatedAt":"2026-03-01T12:00:00.000001Z"}';
    expect(ofRaw(raw).metadata.id).toBe('acme/sightings/7@2026-03-01T12:00:00.000001Z');
    expect(ofRaw(raw).metadata.id).toBe(ofRaw(raw.replace('}', ',"joined":1}')).metadata.id);
  });

  it("takes the event's time from its start, in one form, and none from what is no time", () => {
    const timed = (startTimeUTC: string) => ofRaw('{}', withMetadata({ startTimeUTC })).timestamp;
    expect(timed('2026-03-01T13:00:00.5+01:00')).toBe('2026-03-01T12:00:00.500000Z');
    expect(timed('yesterday')).toBeUndefined();
    expect(ofRaw('{}')).not.toHaveProperty('timestamp');
  });

  it('clips what is too long to be searched for', () => {
    const long = 'x'.repeat(5000);
    const { metadata } = ofRaw(
      '{}',
      withMetadata({ message: long, tags: Array(400).fill('tag'), more: [long] }),
    );
    expect(metadata.message).toHaveLength(4096);
    expect(metadata.tags).toHaveLength(300);
    expect(metadata.more?.[0]).toHaveLength(4096);
  });

  it('cuts no character in two, and has no half of one', () => {
    const clipped = (message: string) => ofRaw('{}', withMetadata({ message })).metadata.message;
    expect(clipped(`${'x'.repeat(4095)}😀`)).toBe('x'.repeat(4095));
    expect(clipped(`${'x'.repeat(4094)}😀`)).toBe(`${'x'.repeat(4094)}😀`);
    expect(clipped('a\uD800')).toBe('a\uFFFD');
    expect(clipped('\uDC00')).toBe('\uFFFD');
  });

  it('fits into a message with a small record, however much it would be found by', () => {
    const worst = Array(400).fill('\u0001'.repeat(5000));
    const values = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`a${i}`, worst[i] ?? '']));
    for (const metadata of [{ tags: worst, more: worst }, values, { ...values, tags: worst }]) {
      expect(fits(written('{}', withMetadata(metadata)))).toBe(true);
    }
  });

  it('leaves out what there is no room for, and no list is empty', () => {
    const { metadata } = ofRaw(
      '{}',
      withMetadata({ tags: Array(300).fill('x'.repeat(4096)), more: ['y'.repeat(4096)], message: 'short' }),
    );
    expect(metadata.tags).toHaveLength(36);
    expect(metadata).not.toHaveProperty('more');
    expect(metadata.message).toBe('short');
  });

  it('without its record fits into a message, however long its metadata would be', () => {
    const long = '\u0001'.repeat(5000);
    const made = written('{}', withMetadata({ message: long, tags: Array(400).fill(long) }));
    expect(fits(bare(elsewhere(made, `s3://bucket/${'k'.repeat(200)}`)))).toBe(true);
  });

  it('with its record elsewhere says where, and stays the same in all else', () => {
    const whole = written('{"id":"7","updatedAt":"2026-03-01T12:00:00Z"}', withMetadata({ userName: 'ann' }));
    const made = readArtifact(whole);
    const { raw: _, ...same } = made;
    expect(readArtifact(elsewhere(whole, 's3://bucket/key'))).toEqual({
      ...same,
      raw: '{}',
      metadata: { ...made.metadata, rawLocation: 's3://bucket/key' },
    });
    expect(made.metadata).not.toHaveProperty('rawLocation');
  });

  it('laid bare keeps who it is and where its record lies', () => {
    const made = written('{"id":"7"}', withMetadata({ userName: 'ann' }));
    const { id, recordId } = readArtifact(made).metadata;
    expect(readArtifact(bare(elsewhere(made, 's3://bucket/key')))).toEqual({
      source: 'sentinelone',
      raw: '{}',
      metadata: { id, instance: 'acme', stream: 'sightings', recordId, rawLocation: 's3://bucket/key' },
    });
  });
});
