import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRecord } from '../../../functions/console/record.ts';
import { artifactOf } from '../../../functions/deliver/artifact.ts';
import type { Json } from '../../../functions/kit/json.ts';
import { streams } from '../../../functions/streams/list.ts';
import type { Stream } from '../../../functions/streams/stream.ts';
import { instance, strange, timestamps } from '../../fixtures/given.ts';
import { goldenRecords } from '../../fixtures/records.ts';
import { readArtifact } from '../../support/artifacts.ts';

const hex = (length: number) =>
  fc.array(fc.constantFrom(...'0123456789abcdefABCDEF'), { minLength: length, maxLength: length });
const hash = fc.constantFrom(31, 32, 40, 41, 64, 65).chain((n) => hex(n).map((all) => all.join('')));
const macOf = (separator: string, bytes: number) =>
  fc
    .array(hex(2), { minLength: bytes, maxLength: bytes })
    .map((all) => all.map((pair) => pair.join('')).join(separator));
const mac = fc.oneof(
  fc
    .tuple(fc.constantFrom(':', '-'), fc.constantFrom(5, 6, 7, 8))
    .chain(([sign, bytes]) => macOf(sign, bytes)),
  fc.constantFrom('00:00:00:00:00:00', '00-00-00-00-00-00-00-00', 'N/A', ''),
);
const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.constantFrom(
    '127.0.0.1',
    '::1',
    'fe80::1',
    '169.254.1.1',
    '0.0.0.0',
    '::',
    '172.17.0.1',
    'fe80::1%eth0',
  ),
  fc.constantFrom('', 'None', 'string', '1.2.3', '1.2.3.256', 'fe80::1::2'),
);
const listOf = (value: fc.Arbitrary<string>) =>
  fc
    .tuple(fc.constantFrom(',', ', ', ';'), fc.array(value, { maxLength: 5 }))
    .map(([sign, all]) => all.join(sign));

/** Something that might stand in any field: what belongs there, what almost does, and what never should. */
const value: fc.Arbitrary<Json> = fc.oneof(
  { weight: 3, arbitrary: address },
  { weight: 2, arbitrary: listOf(address) },
  { weight: 3, arbitrary: mac },
  { weight: 1, arbitrary: listOf(mac) },
  { weight: 3, arbitrary: hash },
  { weight: 3, arbitrary: timestamps },
  {
    weight: 1,
    arbitrary: fc.constantFrom('unknown', 'None', '2026-03-01', '2026-03-01T12:00:00+01:00', 'T1059.001'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('E_HIGH', 'malicious', 'false_positive', 'path', 'x'.repeat(5000)),
  },
  { weight: 1, arbitrary: strange },
);

/** The record with some of its values replaced; the types of activities stay among those that are known. */
function changed(record: Json, key = ''): fc.Arbitrary<Json> {
  const types = [19, 22, 23, 25, 27, 71, 86, 133, 3008, 3608, 3784, 4003, 4110, 5125, 5126, 5232, 9999];
  if (key === 'activityType') return fc.constantFrom<Json>(...types, '3608');
  const kept =
    Array.isArray(record) && record.length > 0
      ? fc.tuple(...record.map((one) => changed(one)))
      : typeof record === 'object' && record !== null && !Array.isArray(record)
        ? fc.record(
            Object.fromEntries(Object.entries(record).map(([name, one]) => [name, changed(one, name)])),
          )
        : fc.constant(record);
  return fc.oneof({ weight: 3, arbitrary: kept as fc.Arbitrary<Json> }, { weight: 1, arbitrary: value });
}

const generated = (stream: Stream) =>
  fc.oneof(...goldenRecords(stream.name).map(({ text }) => changed(JSON.parse(text))));

const isMac = (text: string) =>
  /^(?:[\da-f]{2}:){5}(?:[\da-f]{2}:[\da-f]{2}:)?[\da-f]{2}$/i.test(text.replaceAll('-', ':')) &&
  /[^0:-]/.test(text);
const isHash = (text: string) => [32, 40, 64].includes(text.length) && /^[\da-f]*$/i.test(text);
const isTime = (text: string) => /^\d{4}-.*\.\d{6}Z$/.test(text) && !Number.isNaN(Date.parse(text));
const isPort = (text: string) => String(Number(text)) === text && Number(text) > 0 && Number(text) < 65_536;

/** Each field whose name says what its values are. */
const forms: readonly [names: RegExp, holds: (text: string) => boolean][] = [
  [/IPs?$/, (text) => isIP(text) > 0 && !text.includes('%')],
  [/MACs?$/, isMac],
  [/^fileHash(es)?$/, isHash],
  [/TimeUTC$/, isTime],
  [/Port$/, isPort],
  [/^attackTechniqueIds$/, (text) => /^T\d{4}(\.\d{3})?$/.test(text)],
  [/./, (text) => text.trim() !== '' && text.length <= 4096],
];

describe.each(streams.map((stream) => [stream.name, stream] as const))('metadata of %s', (_, stream) => {
  it('holds in each field what its name says, and ends no earlier than it begins', () => {
    fc.assert(
      fc.property(generated(stream), (record) => {
        const raw = JSON.stringify(record);
        const read = readRecord({ bytes: Buffer.from(raw), values: 1 }, stream);
        const { metadata } = readArtifact(artifactOf(read, stream, instance));
        for (const [name, held] of Object.entries(metadata)) {
          const values = [held].flat();
          expect(values.length, name).toBeGreaterThan(0);
          expect(values.length, name).toBeLessThanOrEqual(300);
          expect(new Set(values).size, name).toBe(values.length);
          for (const [names, holds] of forms) {
            if (names.test(name))
              expect(
                values.filter((text) => !holds(text)),
                name,
              ).toEqual([]);
          }
        }
        const { startTimeUTC: start, endTimeUTC: end, fileHash, fileHashes = [] } = metadata;
        if (start !== undefined && end !== undefined) expect(start <= end).toBe(true);
        for (const [one, all] of [
          ['clientIP', 'clientIPs'],
          ['clientMAC', 'clientMACs'],
          ['fileHash', 'fileHashes'],
        ] as const) {
          if (metadata[one] !== undefined) expect(metadata[all]).toContain(metadata[one]);
        }
        expect(Math.max(0, ...[fileHashes].flat().map(({ length }) => length))).toBe(fileHash?.length ?? 0);
      }),
      { numRuns: 500 },
    );
  });
});
