import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Record, readRecord } from '../../../functions/console/record.ts';
import { streams } from '../../../functions/streams/list.ts';
import type { Stream } from '../../../functions/streams/stream.ts';
import { strange, stream } from '../../fixtures/given.ts';

const appendOnly: Stream = { ...stream, orderedBy: 'createdAt', time: ['createdAt'] };
const nested: Stream = { ...stream, time: ['info', 'updatedAt'] };

function read(raw: string, of: Stream = stream): Record {
  return readRecord({ bytes: Buffer.from(raw), values: 1 }, of);
}

const sha256 = /^[0-9a-f]{64}$/;

describe('reading a record', () => {
  it('never throws, keeps its bytes, and always finds an id and a version', () => {
    fc.assert(
      fc.property(strange, fc.constantFrom(stream, appendOnly, nested, ...streams), (value, of) => {
        const raw = JSON.stringify(value, undefined, 1);
        const { raw: kept, recordId, version, time } = read(raw, of);
        expect(kept.toString()).toBe(raw);
        expect(recordId.length).toBeGreaterThan(0);
        expect(recordId.length).toBeLessThanOrEqual(200);
        expect(version.startsWith(recordId)).toBe(true);
        if (time !== undefined && of.orderedBy === 'updatedAt') expect(version).toBe(`${recordId}@${time}`);
      }),
      { numRuns: 500 },
    );
  });

  it('gives one version to the same bytes, and two to records that differ in id or time', () => {
    const ids = fc.oneof(fc.constantFrom('1', '2', '', 3, null, undefined), fc.string({ maxLength: 3 }));
    const times = fc.constantFrom('2026-03-01T12:00:00Z', '2026-03-01T12:00:00.000001Z', '', null, undefined);
    const records = fc.record({ id: ids, updatedAt: times, more: fc.nat(2) });
    fc.assert(
      fc.property(records, records, (a, b) => {
        const [x, y] = [JSON.stringify(a), JSON.stringify(b)];
        expect(read(x).version).toBe(read(x).version);
        if (x === y) return;
        const sameId = typeof a.id === 'string' && a.id !== '' && a.id === b.id;
        const sameTime = typeof a.updatedAt === 'string' && a.updatedAt !== '' && a.updatedAt === b.updatedAt;
        expect(read(x).version === read(y).version).toBe(sameId && sameTime);
      }),
      { numRuns: 500 },
    );
  });

  it('reads id and time, and names the version by both', () => {
    const raw = '{"id":"225494730938493804","updatedAt":"2026-03-01T12:00:00.257525Z"}';
    expect(read(raw)).toEqual({
      raw: Buffer.from(raw),
      malformed: false,
      isUtf8: true,
      recordId: '225494730938493804',
      version: '225494730938493804@2026-03-01T12:00:00.257525Z',
      time: '2026-03-01T12:00:00.257525Z',
      metadata: { startTime: undefined, members: '' },
    });
  });

  it('names the version of an append-only record by its id alone', () => {
    const { version, time } = read(
      '{"id":"7","createdAt":"2026-03-01T12:00:00Z","updatedAt":"x"}',
      appendOnly,
    );
    expect([version, time]).toEqual(['7', '2026-03-01T12:00:00.000000Z']);
  });

  it('looks for the time where the stream keeps it, and nowhere else', () => {
    expect(read('{"id":"7","info":{"updatedAt":"2026-03-01T12:00:00Z"}}', nested).time).toBeDefined();
    expect(read('{"id":"7","updatedAt":"2026-03-01T12:00:00Z"}', nested).time).toBeUndefined();
  });

  const withoutId = [
    '{}',
    '{"id":null}',
    '{"id":""}',
    '{"id":" "}',
    '{"id":"7\\ud800"}',
    '{"id":225494730938493804}',
    '{"id":["7"]}',
    'null',
    '[]',
    '7',
  ];
  it.each([...withoutId, `{"id":"${'9'.repeat(65)}"}`, '{"id":"7\u202e"}', '{"id":"a b"}', '{"id":"7\\n"}'])(
    'hashes the bytes of %s, which has no id',
    (raw) => {
      const { recordId, version } = read(raw);
      expect(recordId).toMatch(sha256);
      expect(version).toBe(`${recordId}@${recordId}`);
      expect(read(`${raw} `).recordId).not.toBe(recordId);
      expect(read(raw, appendOnly).version).toBe(recordId);
    },
  );

  it('reads nothing of a record that is not JSON, or has more values than a record may have', () => {
    const malformed = ['{"id":"7",}', '{"id":"7","n":NaN}', '{"id":"7"', '{"id":"\u0001"}', ''];
    for (const raw of malformed) {
      expect(read(raw)).toMatchObject({
        malformed: true,
        time: undefined,
        recordId: sha256.exec(read(raw).recordId)?.[0],
      });
    }
    const bytes = Buffer.from('{"id":"7"}');
    expect(readRecord({ bytes, values: 100_000 }, stream)).toMatchObject({ malformed: false, recordId: '7' });
    expect(readRecord({ bytes, values: 100_001 }, stream)).toMatchObject({
      malformed: true,
      time: undefined,
    });
  });

  it('tells records apart whose ids differ in bytes that are not UTF-8', () => {
    const ids = ['\xe8', '\xe9'].map((id) => {
      const bytes = Buffer.from(`{"id":"caf${id}"}`, 'latin1');
      const { recordId, isUtf8, malformed } = readRecord({ bytes, values: 1 }, stream);
      expect({ isUtf8, malformed }).toEqual({ isUtf8: false, malformed: false });
      return recordId;
    });
    expect(new Set(ids).size).toBe(2);
  });

  it('tells versions without a time apart by their bytes', () => {
    const [a, b] = ['{"id":"7","score":1}', '{"id":"7","score":2}'].map((raw) => read(raw));
    expect(a?.version).toMatch(/^7@[0-9a-f]{64}$/);
    expect(a?.version).not.toBe(b?.version);
  });
});
