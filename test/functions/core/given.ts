import fc from 'fast-check';
import type { Artifact } from '../../../functions/core/artifact.ts';
import type { Clock } from '../../../functions/core/clock.ts';
import type { Instance } from '../../../functions/core/instance.ts';
import type { Record } from '../../../functions/core/record.ts';
import type { Settings } from '../../../functions/core/settings.ts';
import type { Json, Stream } from '../../../functions/core/stream.ts';
import type { Timestamp } from '../../../functions/core/time.ts';

/** A clock that moves only when it is slept on, and says how long each sleep was. */
export function standingClock(ms = 0, random = () => 0): Clock & { ms: number; readonly slept: number[] } {
  const slept: number[] = [];
  const clock = {
    ms,
    slept,
    now: () => clock.ms,
    random,
    sleep: async (wait: number) => {
      slept.push(wait);
      clock.ms += wait;
    },
  };
  return clock;
}

export const instance: Instance = {
  instance: 'acme',
  host: 'usea1-acme.sentinelone.net',
  secretId: 'signal-client/sentinelone/acme',
  enabled: true,
  pollingInterval: undefined,
  accountIds: [],
  siteIds: [],
  groupIds: [],
  lookbackHours: 24,
  streams: undefined,
};

/** A stream like those that are polled, but none of them. */
export const stream: Stream = {
  name: 'sightings',
  path: '/sightings',
  cadenceMinutes: 10,
  timeoutSeconds: 540,
  requestsPerSecond: 6,
  orderedBy: 'updatedAt',
  time: ['updatedAt'],
  query: { includeAll: 'true' },
  wholeInventory: false,
  permission: 'Sightings.view',
  metadata: () => ({}),
};

export const settings: Settings = {
  instanceRules: { allowedHostSuffixes: ['.sentinelone.net'], streams: ['sightings', 'others'] },
  overlapMs: 600_000,
  memoryEntries: 1000,
  messageBytes: 250 * 1024,
  requestsPerSecond: 6,
  instancesPerRun: 200,
  instancesAtOnce: 2,
  pagesPerTurn: 3,
  pagesPerRun: 100,
  auditMs: 0,
  pageTimeoutMs: 60_000,
};

export function record(recordId: string, time: Timestamp | undefined): Record {
  const value: Json = { id: recordId, ...(time !== undefined && { updatedAt: time }) };
  return { raw: JSON.stringify(value), value, recordId, version: `${recordId}@${time ?? '-'}`, time };
}

export function artifact(id: string, raw = '{}'): Artifact {
  return {
    source: 'sentinelone',
    raw,
    timestamp: '2026-03-01T12:00:00.000000Z',
    metadata: {
      id: `acme/sightings/${id}`,
      instance: 'acme',
      stream: 'sightings',
      recordId: id,
      connector: 'signal-client.sentinelone',
    },
  };
}

/** `seconds` (and microseconds) after noon of one day. */
export function at(seconds: number, micros = 0): Timestamp {
  const utc = new Date(Date.UTC(2026, 2, 1, 12) + seconds * 1000).toISOString();
  return `${utc.slice(0, 20)}${String(micros).padStart(6, '0')}Z`;
}

/** Printed by hand, so that it owes nothing to the code under test. */
export function printed(micros: bigint): Timestamp {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((micros - fraction) / 1000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(fraction).padStart(6, '0')}Z`;
}

const lastMicros = BigInt(Date.UTC(9999, 11, 31, 23, 59, 59, 999)) * 1000n + 999n;

/** Microseconds since 1970, up to the year 9999; many of them close together. */
export const instants = fc.oneof(
  fc.bigInt({ min: 0n, max: lastMicros }),
  fc.bigInt({ min: 0n, max: 5_000_000n }).map((micros) => 1_772_000_000_000_000n + micros),
  fc.constantFrom(0n, 1n, 999n, 1000n, lastMicros),
);

export const timestamps: fc.Arbitrary<Timestamp> = instants.map(printed);

/** JSON as a stranger may send it, with names that objects have of themselves. */
export const strange: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom<Json>(null, true, false, 0, -0, 1e308, '', 'null', '2026-03-01T12:00:00Z'),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof(
        fc.constantFrom('id', 'data', 'updatedAt', 'createdAt', 'activityType', 'threatInfo'),
        fc.constantFrom(
          'toString',
          'valueOf',
          'constructor',
          'hasOwnProperty',
          'length',
          '__proto__',
          'toJSON',
        ),
        fc.string({ maxLength: 4 }),
      ),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).value;
