import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bodyWithRecord } from '../../../functions/forward/post-with-record.ts';

const artifact = {
  source: 'sentinelone',
  raw: '{}',
  timestamp: '2026-03-01T11:00:00.000000Z',
  metadata: { id: 'acme/threats/1', rawLocation: 's3://overflow/1.json' },
} as const;

test('a body holds the artifact with its record, whatever the record consists of', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (raw) => {
      const body = bodyWithRecord(artifact, Buffer.from(raw), 1_000_000);
      expect(JSON.parse(String(body))).toEqual({ artifacts: [{ ...artifact, raw }] });
    }),
  );
});

test('all that JSON escapes is escaped as JSON.stringify does', () => {
  const raw = Array.from({ length: 0x80 }, (_, code) => String.fromCharCode(code)).join('');
  expect(String(bodyWithRecord(artifact, Buffer.from(raw), 10_000))).toContain(
    `"raw":${JSON.stringify(raw)},`,
  );
});

test('a body is as large as the limit, or is not made', () => {
  const record = Buffer.from('"\\\u0001ä');
  const body = bodyWithRecord(artifact, record, 10_000);
  expect(bodyWithRecord(artifact, record, body?.length ?? 0)).toEqual(body);
  expect(bodyWithRecord(artifact, record, (body?.length ?? 0) - 1)).toBeUndefined();
});
