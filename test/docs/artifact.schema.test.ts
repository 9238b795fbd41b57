import { describe, expect, it } from 'vitest';
import { readRecord } from '../../functions/console/record.ts';
import { artifactOf, bare, elsewhere } from '../../functions/deliver/artifact.ts';
import { packMessages } from '../../functions/deliver/packing.ts';
import { instance, stream } from '../fixtures/given.ts';
import { bodyOf, readArtifact } from '../support/artifacts.ts';
import { readMessage } from '../support/schema.ts';

const id = 'acme/threats/7@2026-03-01T12:00:00.000000Z';
const who = { id, instance: 'acme', stream: 'threats', recordId: '7' };

const body = (metadata: object, artifact: object = {}) =>
  JSON.stringify({ artifacts: [{ source: 'sentinelone', raw: '{"id":"7"}', ...artifact, metadata }] });

describe('the schema of a message', () => {
  it('takes an artifact that is laid bare', () => {
    const bytes = Buffer.from('{"id":"7"}');
    const whole = artifactOf(readRecord({ bytes, values: 1 }, stream), stream, instance);
    const [message] = packMessages([bare(elsewhere(whole, 's3://bucket/acme/key.json'))], 1024, []);
    expect(message && readMessage(bodyOf(message))).toEqual([
      {
        source: 'sentinelone',
        raw: '{}',
        metadata: {
          id: readArtifact(whole).metadata.id,
          instance: 'acme',
          stream: 'sightings',
          recordId: '7',
          rawLocation: 's3://bucket/acme/key.json',
        },
      },
    ]);
  });

  it.each([
    ['nothing but who it is', body(who)],
    ['a field that is not known yet', body({ ...who, newField: 'x', newList: ['x'] })],
    ['a time', body(who, { timestamp: '2026-03-01T12:00:00.000001Z' })],
    ['an IPv6 address', body({ ...who, clientIP: '2001:db8::1' })],
    ['a record elsewhere', body({ ...who, rawLocation: 's3://b/k' }, { raw: '{}' })],
  ])('takes %s', (_, text) => {
    expect(readMessage(text)).toHaveLength(1);
  });

  it.each([
    ['no artifacts', '{"artifacts":[]}'],
    ['another key beside them', '{"artifacts":[],"count":0}'],
    ['an artifact of another source', body(who, { source: 'other' })],
    ['an artifact without its record', body(who, { raw: '' })],
    ['another key in an artifact', body(who, { more: 'x' })],
    ['a time that is none', body(who, { timestamp: 'yesterday' })],
    ['a time without six digits', body(who, { timestamp: '2026-03-01T12:00:00Z' })],
    ['no id', body({ ...who, id: undefined })],
    ['an id of no instance', body({ ...who, id: '7' })],
    ['no recordId', body({ ...who, recordId: undefined })],
    ['an empty text', body({ ...who, userName: '' })],
    ['an empty list', body({ ...who, tags: [] })],
    ['an empty text in a list', body({ ...who, newList: ['x', ''] })],
    ['a number', body({ ...who, vendorCode: 133 })],
    ['null', body({ ...who, newField: null })],
    ['an object', body({ ...who, newField: {} })],
    ['a name that is not camelCase', body({ ...who, 'new-field': 'x' })],
    ['a message type that Analytics does not know', body({ ...who, messageType: 'malware' })],
    ['an address that is none', body({ ...who, clientIP: '1.2.3.256' })],
    ['a MAC that is none', body({ ...who, clientMAC: 'N/A' })],
    ['a technique that is none', body({ ...who, attackTechniqueIds: ['PowerShell'] })],
    ['a record elsewhere that is here as well', body({ ...who, rawLocation: 's3://b/k' })],
    ['a record elsewhere, but where?', body({ ...who, rawLocation: 'https://b/k' }, { raw: '{}' })],
  ])('does not take %s', (_, text) => {
    expect(() => readMessage(text)).toThrow('not a message of docs/artifact.schema.json');
  });
});
